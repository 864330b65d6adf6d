// What becomes of a Step, in the store or in the server.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "world.h"

namespace dorsal::sim {

using cluster::Receiver;
using failover::Action;
using failover::Step;
using failover::View;

namespace {

constexpr auto kRestAfterReplication = Milliseconds(5000);

}  // namespace

bool World::is_routine(Action action) {
  return action == Action::Keep || action == Action::Renew || action == Action::AskMembers ||
         action == Action::Remember;
}

void World::carry_out(NodeId id, const View& view, const Step& step) {
  Server& server = node(id).server;
  if (!is_routine(step.action)) {
    note(fmt::format("{} {} ({}){}",
                     view.self.value(),
                     failover::to_string(step.action),
                     step.rule,
                     step.strays ? " " + step.strays->to_string() : ""));
    strike_after_step(id);
  }
  bool is_done = true;
  switch (step.action) {
    case Action::Keep:
      return finish(id, false);
    case Action::Renew:
    case Action::Lead:
    case Action::HandOver:
    case Action::Elect:
    case Action::ChangeVotes:
    case Action::ChangeSwitchover:
    case Action::ChangeProtection:
      return change_leadership(id, view, step);
    case Action::AskMembers:
      return ask_members(id, view);
    case Action::Promise:
      node(id).agent.promised =
          std::max(node(id).agent.promised, std::optional(step.promise->term));
      return write_store(
          id,
          [this, id, promise = *step.promise] {
            cluster::Node* own = stored(id);
            if (own == nullptr) return false;
            if (own->promise && own->promise->term > promise.term) return false;
            own->promise = promise;
            return true;
          },
          [] {});
    case Action::UpdateMember:
      return write_store(
          id,
          [this, id, member = *step.member] {
            cluster::Node* own = stored(id);
            if (own != nullptr) own->member.joined = member.joined;
            return own != nullptr;
          },
          [] {});
    case Action::Remember:
      is_done = !server.disk_is_broken;
      if (is_done) node(id).remembered = *step.remembered;
      break;
    case Action::Fence:
      fence(id);
      break;
    case Action::Kill:
      crash_server(id, "mysqld was killed");
      break;
    case Action::Start:
      start_server(id);
      is_done = false;
      break;
    case Action::RequireAcks:
      server.source_semi_sync = true;
      server.required_acks = step.acks;
      break;
    case Action::StopRequiringAcks:
      return stop_requiring_acks(id);
    case Action::Restart:
      node(id).agent.restarted_ms = step.asked_ms;
      for (const auto& each : server.release_all()) confirm(id, each);
      crash_server(id, "", true);
      break;
    case Action::AwaitApplier:
      clock_.after(Milliseconds(random_.between(1, 200)), [this, id, life = node(id).agent.life] {
        as_agent(id, life, [this, id] { finish(id, true); });
      });
      return;
    case Action::ForgetMember:
      return write_store(
          id,
          [this, name = *step.peer] {
            return std::erase_if(store_.topology.nodes, [&](const cluster::Node& each) {
                     return each.member.name == name;
                   }) > 0;
          },
          [] {});
    case Action::OpenForWrites:
      server.writable = true;
      opened(id, view.topology.leadership.term);
      break;
    case Action::GiveAcks:
    case Action::StopAcks:
      server.replica_semi_sync = step.action == Action::GiveAcks;
      if (server.receiver != Receiver::Off) restart_receiver(id);
      break;
    case Action::SyncRelayLog:
    case Action::StopSyncing:
      is_done = !server.disk_is_broken;
      if (is_done) server.sync_relay_log(step.action == Action::SyncRelayLog);
      break;
    case Action::StartReceiver:
      if (server.receiver == Receiver::Off) restart_receiver(id);
      node(id).agent.rests[Action::StartReceiver] = boot(id) + kRestAfterReplication;
      break;
    case Action::StopReceiver:
      server.receiver = Receiver::Off;
      ++server.connection;
      break;
    case Action::StartApplier:
      start_applier(id);
      break;
    case Action::StopApplier:
      server.applier_runs = false;
      break;
    case Action::ForgetSource:
      server.receiver = Receiver::Off;
      ++server.connection;
      server.applier_runs = server.replica_semi_sync = false;
      server.source.reset();
      server.forget_relay();
      break;
    case Action::ChangeSource:
      server.forget_relay();
      server.source = id_of(*step.peer);
      node(id).agent.rests.erase(Action::StartReceiver);
      node(id).agent.rests.erase(Action::StartReplication);
      break;
    case Action::StartReplication:
      start_applier(id);
      if (server.receiver == Receiver::Off) restart_receiver(id);
      node(id).agent.rests[Action::StartReplication] = boot(id) + kRestAfterReplication;
      break;
    case Action::AcceptData:
      server.source.reset();
      server.stage = cluster::DataStage::Member;
      break;
    case Action::Initialise:
    case Action::StartOver:
    case Action::SaveStrays:
    case Action::DropData:
    case Action::SetDataAside:
    case Action::Clone:
    case Action::CloseForWrites:
      begin_job(id, step);
      is_done = false;
  }
  finish(id, is_done);
}

// ---- jobs, beside the ticks ----

failover::Job World::job_of(Action action) {
  if (action == Action::Initialise) return failover::Job::Initialise;
  if (action == Action::SaveStrays) return failover::Job::SaveStrays;
  if (action == Action::Clone) return failover::Job::Clone;
  if (action == Action::CloseForWrites) return failover::Job::CloseForWrites;
  return action == Action::DropData ? failover::Job::DropData : failover::Job::StartOver;
}

void World::begin_job(NodeId id, const Step& step) {
  Agent& agent = node(id).agent;
  agent.job = job_of(step.action);
  if (step.action == Action::DropData || step.action == Action::StartOver) {
    crash_server(id, "mysqld was killed");
  }
  clock_.after(Milliseconds(random_.between(100, 4000)), [this, id, step, life = agent.life] {
    as_agent(id, life, [this, id, step] {
      if (step.action == Action::Clone) return end_clone(id, id_of(*step.peer), std::nullopt);
      if (node(id).server.disk_is_broken) return begin_job(id, step);
      node(id).agent.job = failover::Job::None;
      end_job(id, step);
      tick_after(id, Milliseconds(1));
    });
  });
}

void World::end_job(NodeId id, const Step& step) {
  Server& server = node(id).server;
  if (step.action == Action::SaveStrays) server.saved_strays.unite(*step.strays);
  if (step.action == Action::DropData || step.action == Action::StartOver) server.lose_data();
  if (step.action == Action::CloseForWrites) close_for_writes(id);
  if (step.action == Action::Initialise) server.stage = cluster::DataStage::Fresh;
}

// It does not end before the commits that are under way at the donor, which may wait for
// acknowledgements: InnoDB's clone waits for what is prepared and in the binlog.
void World::end_clone(NodeId id, NodeId donor, std::optional<Transaction> awaited) {
  Server& server = node(id).server;
  const Server& from = node(donor).server;
  const bool is_reached = from.runs && from.answers && !from.hangs && !server.disk_is_broken &&
                          !is_cut(id, donor) && !is_cut(donor, id) && server.runs &&
                          server.answers && from.stage == cluster::DataStage::Member;
  if (is_reached && !awaited && !from.waiting.empty()) awaited = from.waiting.back().transaction;
  const bool waits = std::any_of(from.waiting.begin(), from.waiting.end(), [&](const auto& each) {
    return awaited == each.transaction;
  });
  if (is_reached && waits) {
    clock_.after(Milliseconds(100), [this, id, donor, awaited, life = node(id).agent.life] {
      as_agent(id, life, [this, id, donor, awaited] { end_clone(id, donor, awaited); });
    });
    return;
  }
  node(id).agent.job = failover::Job::None;
  tick_after(id, Milliseconds(1));
  if (!is_reached) {
    node(id).agent.rests[Action::Clone] = boot(id) + Milliseconds(1000);
    return;
  }
  note(fmt::format("{} is cloned from {}", name_of(id).value(), name_of(donor).value()));
  server.replace_data(from);
  crash_server(id, "", true);
}

// Until the server's receiver of acknowledgements looks up from its sockets.
void World::stop_requiring_acks(NodeId id) {
  const std::uint64_t agent = node(id).agent.life;
  const std::uint64_t life = node(id).server.life;
  clock_.after(Milliseconds(random_.between(1, 1000)), [this, id, agent, life] {
    Server& server = node(id).server;
    if (server.runs && server.life == life) {
      for (const auto& each : server.release_all()) confirm(id, each);
      server.source_semi_sync = false;
    }
    as_agent(id, agent, [this, id] { finish(id, true); });
  });
}

// Beside the ticks, as that of a lease that runs out; commits go on until it has succeeded.
void World::fence(NodeId id) {
  Server& server = node(id).server;
  if (plan_.flaws.fence_releases_waiters) {
    for (const auto& each : server.release_all()) confirm(id, each);
  }
  if (std::exchange(server.closes, true)) return;
  const std::uint64_t agent = node(id).agent.life;
  clock_.after(Milliseconds(random_.between(1, 30)), [this, id, agent, life = server.life] {
    Server& then = node(id).server;
    if (then.life != life) return;
    if (then.answers && !then.hangs && then.waiting.empty()) {
      then.writable = then.closes = false;
      return;
    }
    as_agent(id, agent, [this, id, life] {
      if (node(id).server.life == life) crash_server(id, "mysqld was killed");
    });
  });
}

void World::close_for_writes(NodeId id) {
  Server& server = node(id).server;
  if (server.hangs || !server.answers || !server.waiting.empty()) {
    node(id).agent.rests[Action::CloseForWrites] = boot(id) + Milliseconds(1000);
  } else {
    server.writable = false;
  }
}

}  // namespace dorsal::sim
