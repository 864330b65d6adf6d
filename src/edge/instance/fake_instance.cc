#include "edge/instance/fake_instance.h"

#include <utility>

namespace dorsal::instance {

using cluster::DataStage;
using cluster::Process;
using cluster::Receiver;
using io::Task;

FakeInstance::FakeInstance(io::Loop& loop, std::string uuid)
    : uuid_(std::move(uuid)), released_(loop) {
  released_.set();
  at_rest_.uuid = uuid_;
}

cluster::ServerFacts& FakeInstance::facts() {
  if (!server.facts) server.facts = at_rest_;
  return *server.facts;
}

void FakeInstance::hold_long_acts(bool hold) { hold ? released_.reset() : released_.set(); }

// A server that comes back is read-only, replicates nothing and has semi-sync off.
void FakeInstance::die(std::string last_words) {
  if (server.facts) at_rest_ = *server.facts;
  at_rest_.writable = at_rest_.source_semi_sync = at_rest_.source_semi_sync_active = false;
  at_rest_.replica_semi_sync = at_rest_.replica_semi_sync_active = false;
  at_rest_.syncs_relay_log = true;
  if (at_rest_.following) {
    at_rest_.following->receiver = Receiver::Off;
    at_rest_.following->applier_runs = false;
  }
  server.facts.reset();
  server.pid.reset();
  server.process = Process::Stopped;
  server.may_be_writable = false;
  server.last_words = std::move(last_words);
}

Result<void> FakeInstance::note(const std::string& call) {
  calls.push_back(call);
  const auto failure = fails.find(call.substr(0, call.find(' ')));
  if (failure != fails.end()) return failure->second;
  return {};
}

Task<> FakeInstance::long_act() { (void)co_await released_.wait(Deadline::never()); }

Task<Result<void>> FakeInstance::open(cluster::NodeName, std::optional<std::string>) {
  co_return note("open");
}

Task<Result<void>> FakeInstance::claim(Identity given) {
  identity = std::move(given);
  co_return note("claim");
}

Task<cluster::Server> FakeInstance::observe(Deadline) {
  if (on_observe) on_observe();
  co_return server;
}

Task<> FakeInstance::exited(Deadline) { co_return; }

Task<Result<void>> FakeInstance::initialise(Deadline) {
  DORSAL_CO_TRY_VOID(note("initialise"));
  server.stage = DataStage::HalfMade;
  co_await long_act();
  server.stage = DataStage::Fresh;
  co_return Result<void>();
}

Task<Result<std::string>> FakeInstance::save_strays(mysql::GtidSet strays, Deadline) {
  DORSAL_CO_TRY_VOID(note("save_strays " + strays.to_string()));
  co_await long_act();
  server.saved_strays.unite(strays);
  co_return std::string("kept");
}

Task<Result<void>> FakeInstance::start_over(Deadline) { return empty("start_over"); }
Task<Result<void>> FakeInstance::drop_data(Deadline) { return empty("drop_data"); }
Task<Result<void>> FakeInstance::set_data_aside(Deadline) { return empty("set_data_aside"); }

Task<Result<void>> FakeInstance::empty(std::string call) {
  DORSAL_CO_TRY_VOID(note(call));
  die("mysqld was killed by signal 9 (Killed)");
  co_await long_act();
  server.stage = DataStage::Empty;
  at_rest_ = cluster::ServerFacts();
  at_rest_.uuid = uuid_;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::accept_data(Deadline) {
  DORSAL_CO_TRY_VOID(note("accept_data"));
  server.stage = DataStage::Member;
  facts().following.reset();
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::remember(cluster::Remembered remembered, Deadline) {
  DORSAL_CO_TRY_VOID(note("remember"));
  server.remembered = std::move(remembered);
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::start() {
  DORSAL_CO_TRY_VOID(note("start"));
  server.process = Process::Answers;
  server.pid = 4242;
  server.wants_restart = false;
  facts();
  co_return Result<void>();
}

Task<> FakeInstance::stop(Deadline) {
  (void)note("stop");
  die("mysqld exited with status 0");
  co_return;
}

Task<> FakeInstance::kill() {
  (void)note("kill");
  die("mysqld was killed by signal 9 (Killed)");
  co_return;
}

Task<Result<void>> FakeInstance::open_for_writes(Deadline) {
  DORSAL_CO_TRY_VOID(note("open_for_writes"));
  facts().writable = server.may_be_writable = true;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::fence(Deadline) {
  DORSAL_CO_TRY_VOID(note("fence"));
  facts().writable = server.may_be_writable = false;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::close_for_writes(Duration, Deadline) {
  DORSAL_CO_TRY_VOID(note("close_for_writes"));
  facts().writable = server.may_be_writable = false;
  co_return Result<void>();
}

// Applies what was received at once.
Task<Result<void>> FakeInstance::await_applied(mysql::GtidSet transactions, Deadline) {
  DORSAL_CO_TRY_VOID(note("await_applied"));
  if (facts().following) facts().executed.unite(facts().following->retrieved);
  if (!facts().executed.contains(transactions)) co_return timeout("not all has been received");
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::stop_requiring_acks(Deadline) {
  DORSAL_CO_TRY_VOID(note("stop_requiring_acks"));
  facts().source_semi_sync = facts().source_semi_sync_active = false;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::require_acks(std::uint32_t count, Deadline) {
  DORSAL_CO_TRY_VOID(note("require_acks"));
  facts().source_semi_sync = facts().source_semi_sync_active = true;
  facts().required_acks = count;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::give_acks(bool wanted, Deadline) {
  DORSAL_CO_TRY_VOID(note(wanted ? "give_acks" : "stop_acks"));
  facts().replica_semi_sync = facts().replica_semi_sync_active = wanted;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::sync_relay_log(bool wanted, Deadline) {
  DORSAL_CO_TRY_VOID(note(wanted ? "sync_relay_log" : "stop_syncing"));
  facts().syncs_relay_log = wanted;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::start_receiver(Deadline) {
  DORSAL_CO_TRY_VOID(note("start_receiver"));
  facts().following->receiver = Receiver::On;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::stop_receiver(Deadline) {
  DORSAL_CO_TRY_VOID(note("stop_receiver"));
  facts().following->receiver = Receiver::Off;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::stop_applier(Deadline) {
  DORSAL_CO_TRY_VOID(note("stop_applier"));
  facts().following->applier_runs = false;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::start_applier(Deadline) {
  DORSAL_CO_TRY_VOID(note("start_applier"));
  facts().following->applier_runs = true;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::change_source(Peer source, Deadline) {
  DORSAL_CO_TRY_VOID(note("change_source " + source.host + ":" + std::to_string(source.port)));
  cluster::Following following;
  following.host = source.host;
  following.port = source.port;
  following.is_as_we_configure = true;
  facts().following = following;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::start_replication(Deadline) {
  DORSAL_CO_TRY_VOID(note("start_replication"));
  facts().following->receiver = Receiver::On;
  facts().following->applier_runs = true;
  co_return Result<void>();
}

Task<Result<std::size_t>> FakeInstance::record_origins(Deadline) { co_return std::size_t{0}; }

Task<Result<void>> FakeInstance::reload_tls(Deadline) { co_return note("reload_tls"); }

Task<Result<void>> FakeInstance::forget_source(Deadline) {
  DORSAL_CO_TRY_VOID(note("forget_source"));
  facts().following.reset();
  facts().replica_semi_sync = facts().replica_semi_sync_active = false;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::clone_from(Peer donor) {
  DORSAL_CO_TRY_VOID(note("clone_from " + donor.host + ":" + std::to_string(donor.port)));
  server.stage = DataStage::Cloning;
  co_await long_act();
  facts().clone.state = cluster::CloneState::Completed;
  facts().executed = donor_data;
  die("mysqld restarts itself");
  server.wants_restart = true;
  co_return Result<void>();
}

Task<Result<void>> FakeInstance::beat(std::size_t slot, std::int64_t stamp_ms, Deadline) {
  DORSAL_CO_TRY_VOID(note("beat " + std::to_string(slot)));
  co_await long_act();
  if (slot == 0) facts().heartbeat_ms = stamp_ms;
  co_return Result<void>();
}

}  // namespace dorsal::instance
