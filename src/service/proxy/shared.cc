#include "service/proxy/shared.h"

#include "base/bytes.h"
#include "service/proxy/probe.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

constexpr std::size_t kMaxSpareBuffers = 64;

io::CompressionNumbers compression_numbers(Counters& counters, const char* side) {
  auto number = [&](const char* direction, const char* bytes) -> Number& {
    return counters.counter("dorsal_proxy_compressed_bytes_total",
                            "Bytes that compressed connections have moved: on the wire, and of the "
                            "packets in them.",
                            {{"side", side}, {"direction", direction}, {"bytes", bytes}});
  };
  return {number("received", "wire"),
          number("received", "packets"),
          number("sent", "wire"),
          number("sent", "packets")};
}

}  // namespace

std::string_view to_string(ReadPath path) {
  switch (path) {
    case ReadPath::Replica:
      return "replica";
    case ReadPath::ReplicaAfterWait:
      return "replica_after_wait";
    case ReadPath::PrimaryAfterWait:
      return "primary_after_wait";
    case ReadPath::PrimaryNoReplica:
      return "primary_no_replica";
    case ReadPath::Refused:
      return "refused";
  }
  return "unknown";
}

ProxyNumbers::ProxyNumbers(Counters& counters)
    : sessions(counters.gauge("dorsal_proxy_sessions", "Clients that are logged in.")),
      logins(counters.counter("dorsal_proxy_logins_total", "Log-ins that succeeded.")),
      logins_refused(
          counters.counter("dorsal_proxy_logins_refused_total", "Log-ins that did not succeed.")),
      protocol_errors(counters.counter("dorsal_proxy_protocol_errors_total",
                                       "Clients dropped since they broke the protocol.")),
      proxy_header_errors(
          counters.counter("dorsal_proxy_proxy_protocol_errors_total",
                           "Balancers dropped since they sent no sound PROXY protocol header.")),
      on_primary(counters.counter("dorsal_proxy_primary_statements_total",
                                  "Statements that only the primary may run.")),
      reads_retried(counters.counter("dorsal_proxy_reads_retried_total",
                                     "Reads repeated since their replica failed.")),
      read_only_begun(
          counters.counter("dorsal_proxy_read_only_transactions_total",
                           "Read-only transactions that took a replica for their home.")),
      read_only_moved(counters.counter("dorsal_proxy_read_only_transactions_moved_total",
                                       "Of these, those that went on to the primary, before they "
                                       "had touched anything.")),
      probes(counters.counter("dorsal_proxy_position_probes_total",
                              "Times that the primary was asked for its position.")),
      alone(counters.gauge("dorsal_proxy_alone",
                           "1: no other proxy can have acknowledged a write, so that global reads "
                           "need not ask the primary for its position.")),
      tied(counters.gauge("dorsal_proxy_tied_sessions",
                          "Sessions that keep their server connection between statements.")),
      client_compression(compression_numbers(counters, "client")),
      server_compression(compression_numbers(counters, "server")) {
  for (std::size_t i = 0; i < kReadPaths; ++i) {
    const auto path = to_string(static_cast<ReadPath>(i));
    reads_[i] = &counters.counter("dorsal_proxy_reads_total",
                                  "Reads that may run on a replica, by the way that they took.",
                                  {{"path", std::string(path)}});
  }
  for (std::size_t i = 0; i < kVerdicts; ++i) {
    const auto outcome = to_string(static_cast<Verdict::Kind>(i));
    lost_writes_[i] =
        &counters.counter("dorsal_proxy_lost_writes_total",
                          "Writes whose answers were lost, by what was found out about them.",
                          {{"outcome", std::string(outcome)}});
  }
  for (std::string_view reason : SessionState::ties()) {
    ties_.push_back({reason,
                     &counters.counter("dorsal_proxy_ties_total",
                                       "Times that something tied a session to its connection.",
                                       {{"reason", std::string(reason)}})});
  }
}

void ProxyNumbers::note_tie(std::string_view reason, std::string_view before) {
  if (reason.empty() != before.empty()) tied.add(reason.empty() ? -1 : 1);
  for (const Tie& tie : ties_) {
    if (tie.reason == reason) tie.times->add();
  }
}

Shared::Shared(Options options_, const cluster::SharedTopology& topology_, Counters& counters_)
    : topology(topology_),
      name(to_hex(random_bytes(8))),
      counters(counters_),
      numbers(counters_),
      servers(counters_, options_.zone),
      admission(counters_),
      pool_limits(options_.pools.maximum, options_.pools.reserve),
      rsa_key(RsaKey::generate()) {
  options.store(std::make_shared<const Options>(std::move(options_)));
}

void Shared::ask_loops_for_room() {
  std::lock_guard lock(mutex_);
  for (LoopContext* context : loops_) {
    context->loop.post([context] { context->pools->make_room_for_others(); });
  }
}

std::size_t Shared::on_each_loop(const std::function<void(LoopContext&)>& run) {
  std::lock_guard lock(mutex_);
  for (LoopContext* context : loops_) {
    context->loop.post([context, run] { run(*context); });
  }
  return loops_.size();
}

std::size_t Shared::loop_count() {
  std::lock_guard lock(mutex_);
  return loops_.empty() ? 1 : loops_.size();
}

LoopContext::LoopContext(Shared& shared_, io::Loop& loop_)
    : shared(shared_),
      loop(loop_),
      view(std::make_shared<ServerView>()),
      probe(std::make_unique<PrimaryProbe>(*this)),
      lost_writes(std::make_unique<LostWrites>(*this)),
      account_probe(std::make_unique<AccountProbe>(*this)),
      pools(std::make_unique<Pools>(*this)) {
  refresh_options();
  refresh_view();
  std::lock_guard lock(shared.mutex_);
  shared.loops_.push_back(this);
}

LoopContext::~LoopContext() {
  std::lock_guard lock(shared.mutex_);
  std::erase(shared.loops_, this);
}

io::Task<> LoopContext::stop() {
  co_await pools->stop();
  co_await probe->stop();
  co_await lost_writes->stop();
  co_await account_probe->stop();
}

void LoopContext::refresh_options() { options = shared.options.load(); }

void LoopContext::refresh_view() {
  const std::uint64_t version = shared.topology.version();
  if (version == seen_version_) return;
  seen_version_ = version;
  auto newest = shared.topology.load();
  if (!newest || newest->leadership.term < seen_term_) return;
  const bool has_new_term = newest->leadership.term > seen_term_;
  seen_term_ = newest->leadership.term;
  view = shared.servers.view(std::move(newest));
  warm_successor();
  if (!has_new_term) return;
  for (const auto& [number, session] : sessions) session->leave_deposed_primary();
}

// Whoever is held back meanwhile goes on over connections that are there by then.
void LoopContext::warm_successor() {
  if (view->successor == nullptr || view->primary == nullptr) return;
  const std::int64_t begun_ms = view->topology->leadership.switchover->begun_ms;
  if (std::exchange(warmed_for_ms_, begun_ms) == begun_ms) return;
  pools->warm(*view->primary, *view->successor);
}

void LoopContext::take_text(std::string& text) {
  if (spare_texts_.empty() || text.capacity() > kSmallText) return;
  text = std::move(spare_texts_.back());
  spare_texts_.pop_back();
}

void LoopContext::give_text(std::string& text) {
  std::string given = std::exchange(text, {});
  given.clear();
  const bool is_worth_it = given.capacity() > kSmallText && given.capacity() <= 4 * kBufferBytes;
  if (is_worth_it && spare_texts_.size() < kMaxSpareBuffers)
    spare_texts_.push_back(std::move(given));
}

std::unique_ptr<char[]> LoopContext::take_buffer() {
  if (spare_buffers_.empty()) return std::unique_ptr<char[]>(new char[kBufferBytes]);
  auto buffer = std::move(spare_buffers_.back());
  spare_buffers_.pop_back();
  return buffer;
}

void LoopContext::give_buffer(std::unique_ptr<char[]> buffer) {
  if (spare_buffers_.size() < kMaxSpareBuffers) spare_buffers_.push_back(std::move(buffer));
}

}  // namespace dorsal::proxy
