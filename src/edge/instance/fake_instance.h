// A node's server in memory, for tests: obedient, or failing when told to.
//
// Tests set `server` to what is to be seen, and read `calls` for what was done.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "edge/instance/instance.h"
#include "edge/io/event.h"
#include "edge/io/loop.h"

namespace dorsal::instance {

class FakeInstance final : public Instance {
 public:
  // The loop outlives the instance.
  FakeInstance(io::Loop& loop, std::string uuid);

  cluster::Server server;          // Empty and Stopped at first
  std::vector<std::string> calls;  // acts in their order: "initialise", "clone_from 127.0.0.1:6041"
  std::map<std::string, Error>
      fails;                         // by the name of the act: it fails with this, and does nothing
  std::optional<Identity> identity;  // what claim() was given

  // The facts that a running server shows; made when there are none.
  cluster::ServerFacts& facts();

  std::function<void()> on_observe;  // may be empty

  // What the next clone brings.
  mysql::GtidSet donor_data;

  // While true, initialise(), start_over(), clone_from() and beat() do not end.
  void hold_long_acts(bool hold);

  // The process ends now, as after a crash.
  void die(std::string last_words);

  io::Task<Result<void>> open(cluster::NodeName node,
                              std::optional<std::string> cluster_uuid) override;
  io::Task<Result<void>> claim(Identity identity) override;
  io::Task<cluster::Server> observe(Deadline deadline) override;
  io::Task<> exited(Deadline deadline) override;
  io::Task<Result<void>> initialise(Deadline deadline) override;
  io::Task<Result<void>> start_over(Deadline deadline) override;
  io::Task<Result<std::string>> save_strays(mysql::GtidSet strays, Deadline deadline) override;
  io::Task<Result<void>> drop_data(Deadline deadline) override;
  io::Task<Result<void>> set_data_aside(Deadline deadline) override;
  io::Task<Result<void>> accept_data(Deadline deadline) override;
  io::Task<Result<void>> remember(cluster::Remembered remembered, Deadline deadline) override;
  io::Task<Result<void>> start() override;
  io::Task<> stop(Deadline deadline) override;
  io::Task<> kill() override;
  io::Task<Result<void>> open_for_writes(Deadline deadline) override;
  io::Task<Result<void>> fence(Deadline deadline) override;
  io::Task<Result<void>> close_for_writes(Duration drain, Deadline deadline) override;
  io::Task<Result<void>> require_acks(std::uint32_t count, Deadline deadline) override;
  io::Task<Result<void>> stop_requiring_acks(Deadline deadline) override;
  io::Task<Result<void>> give_acks(bool wanted, Deadline deadline) override;
  io::Task<Result<void>> sync_relay_log(bool wanted, Deadline deadline) override;
  io::Task<Result<void>> start_receiver(Deadline deadline) override;
  io::Task<Result<void>> stop_receiver(Deadline deadline) override;
  io::Task<Result<void>> stop_applier(Deadline deadline) override;
  io::Task<Result<void>> start_applier(Deadline deadline) override;
  io::Task<Result<void>> await_applied(mysql::GtidSet transactions, Deadline deadline) override;
  io::Task<Result<void>> change_source(Peer source, Deadline deadline) override;
  io::Task<Result<void>> start_replication(Deadline deadline) override;
  io::Task<Result<void>> forget_source(Deadline deadline) override;
  io::Task<Result<std::size_t>> record_origins(Deadline deadline) override;
  io::Task<Result<void>> reload_tls(Deadline deadline) override;
  io::Task<Result<void>> clone_from(Peer donor) override;
  io::Task<Result<void>> beat(std::size_t slot, std::int64_t stamp_ms, Deadline deadline) override;

 private:
  Result<void> note(const std::string& call);
  io::Task<> long_act();
  io::Task<Result<void>> empty(std::string call);

  std::string uuid_;
  io::Event released_;
  cluster::ServerFacts at_rest_;  // what the next start shows
};

}  // namespace dorsal::instance
