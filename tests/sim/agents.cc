// What an agent does in a tick, as service/agent does it: read the store, look at the server,
// decide, tell the others.
#include <algorithm>
#include <utility>

#include "core/failover/node_state.h"
#include "world.h"

namespace dorsal::sim {

using cluster::Process;
using cluster::Receiver;
using failover::Action;
using failover::Step;
using failover::View;

namespace {

constexpr auto kTick = Milliseconds(250);
constexpr auto kStoreLimit = Milliseconds(1000);
constexpr auto kShortStoreLimit = Milliseconds(500);  // while it is known to be out of reach
constexpr auto kPublish = Milliseconds(1000);
constexpr auto kHeartbeat = Milliseconds(500);

constexpr std::uint32_t kFatalErrorReadingBinlog = 13114;

}  // namespace

void World::tick(NodeId id) {
  Agent& agent = node(id).agent;
  if (agent.is_busy) return;
  agent.is_busy = true;
  const std::uint64_t life = agent.life;
  auto answered = std::make_shared<bool>(false);
  send(id, kStore, [this, id, life, answered] {
    auto topology = std::make_shared<cluster::Topology>(store_.topology);
    const std::uint64_t revision = store_.leadership_revision;
    send(kStore, id, [this, id, life, answered, topology, revision] {
      as_agent(id, life, [this, id, answered, topology, revision] {
        if (std::exchange(*answered, true)) return;
        read_store(id, *topology, revision);
        act(id);
      });
    });
  });
  clock_.after(agent.store_answers ? kStoreLimit : kShortStoreLimit, [this, id, life, answered] {
    as_agent(id, life, [this, id, answered] {
      if (std::exchange(*answered, true)) return;
      node(id).agent.store_answers = false;
      act(id);
    });
  });
}

void World::read_store(NodeId id, const cluster::Topology& topology, std::uint64_t revision) {
  Agent& agent = node(id).agent;
  const auto& before = agent.topology.leadership;
  const auto& now = topology.leadership;
  if (!agent.store_answers || before.term != now.term || before.renewals != now.renewals) {
    agent.renewal_seen = boot(id);
  }
  if (failover::is_another_phase(before, now)) agent.phase_seen = boot(id);
  const cluster::Node* own = topology.find(name_of(id));
  if (own != nullptr) {
    agent.restarted_ms = std::max(agent.restarted_ms, own->state.restarted_ms);
  }
  agent.store_answers = true;
  agent.silence.note(topology, boot(id), wall_ms(id));
  agent.primary_clock.note(topology, boot(id));
  agent.topology = topology;
  agent.leadership_revision = revision;
}

View World::view_of(NodeId id) {
  Node& it = node(id);
  Agent& agent = it.agent;
  const Server& server = it.server;
  View view;
  view.now = boot(id);
  view.self = name_of(id);
  view.store_answers = agent.store_answers;
  view.topology = believed(id);
  if (plan_.flaws.unprotected_is_overlooked && view.topology.leadership.primary != view.self) {
    view.topology.leadership.unprotected = false;
  }
  view.lease = agent.lease;
  view.renewal_tried = agent.renewal_tried;
  view.renewal_failed = agent.renewal_failed;
  view.renewal_seen = agent.renewal_seen;
  view.server.stage = server.stage;
  view.server.last_words = agent.last_words;
  view.server.wants_restart = agent.wants_restart;
  view.server.saved_strays = server.saved_strays;
  view.server.remembered = it.remembered;
  view.job = agent.job;
  view.can_ask_members = true;
  view.phase_seen = agent.phase_seen;
  view.restarted_ms = agent.restarted_ms;
  for (const auto& [action, until] : agent.rests) {
    if (view.now < until) view.resting.push_back(action);
  }
  view.server.may_be_writable = server.runs && seems_writable(server);
  const bool answers = server.answers && !server.hangs;
  view.server.process = !server.runs     ? Process::Stopped
                        : answers        ? Process::Answers
                        : server.answers ? Process::Silent
                                         : Process::Starting;
  if (view.server.process != Process::Silent) agent.silent_since.reset();
  if (view.server.process == Process::Silent && !agent.silent_since) {
    agent.silent_since = boot(id);
  }
  view.silent_since = agent.silent_since;
  if (!server.disk_is_broken) agent.storage_since.reset();
  if (server.disk_is_broken) {
    view.server.storage_trouble = "nothing can be written";
    if (!agent.storage_since) agent.storage_since = boot(id);
  }
  view.storage_since = agent.storage_since;
  if (answers) view.server.facts = facts_of(id);
  agent.acks.note(view);
  const std::int64_t shown_ms = agent.primary_clock.wall_ms(view.now, wall_ms(id));
  view.lag_ms = agent.lag.note(view, shown_ms, kHeartbeat);
  agent.settled.note(view);
  if (!plan_.flaws.strays_are_judged_at_once) view.settled = agent.settled.all();
  set_goal(agent, view);
  return view;
}

cluster::Topology World::believed(NodeId id) {
  const Agent& agent = node(id).agent;
  if (plan_.flaws.silence_by_wall_clock) {
    return at_first_look(agent.topology, wall_ms(id));
  }
  return agent.silence.without_silent(agent.topology, boot(id));
}

cluster::Topology World::at_first_look(const cluster::Topology& topology, std::int64_t wall_ms) {
  cluster::Silence silence;
  silence.note(topology, clock_.now(), wall_ms);
  return silence.without_silent(topology, clock_.now());
}

void World::set_goal(Agent& agent, View& view) {
  const auto& facts = view.server.facts;
  const cluster::Node* primary = view.topology.primary();
  const bool receives = facts && facts->following && facts->following->receiver == Receiver::On;
  if (!agent.goal && receives && primary != nullptr && !primary->state.server_uuid.empty()) {
    auto position = mysql::parse_gtid_set(primary->state.gtid_executed);
    if (position) agent.goal = *std::move(position);
  }
  if (view.server.stage != cluster::DataStage::Member) agent.goal.reset();
  view.goal = agent.goal;
}

failover::Lease World::lease_of_renewal(NodeId id, TimePoint sent) {
  return failover::Lease{plan_.flaws.lease_from_answer ? boot(id) : sent};
}

bool World::seems_writable(const Server& server) const {
  return server.writable && !(server.closes && plan_.flaws.read_only_is_believed_early);
}

cluster::ServerFacts World::facts_of(NodeId id) {
  const Server& server = node(id).server;
  cluster::ServerFacts facts;
  facts.in_flight = server.in_flight();
  facts.executed = server.executed();
  facts.purged = server.purged_set();
  facts.uuid = uuid_of(server.origin);
  facts.heartbeat_ms = server.heartbeat_ms;
  facts.writable = seems_writable(server);
  facts.source_semi_sync = facts.source_semi_sync_active = server.source_semi_sync;
  facts.required_acks = server.required_acks;
  facts.replica_semi_sync = facts.replica_semi_sync_active = server.replica_semi_sync;
  facts.syncs_relay_log = server.syncs_relay_log;
  facts.waiting_for_acks = static_cast<std::int64_t>(server.waiting.size());
  facts.acknowledged = static_cast<std::int64_t>(server.let_through);
  for (const auto& other : nodes_) {
    const Server& replica = other->server;
    const bool gives_acks = replica.runs && replica.source == id && replica.replica_semi_sync &&
                            replica.receiver == Receiver::On;
    if (gives_acks) ++facts.acknowledging;
  }
  if (server.stage == cluster::DataStage::Cloning) {
    facts.clone.state = cluster::CloneState::Completed;
  }
  if (server.source) {
    cluster::Following following;
    following.host = host_of(*server.source);
    following.port = 3306;
    following.is_as_we_configure = true;
    following.receiver = server.receiver;
    following.applier_runs = server.applier_runs;
    following.retrieved = server.retrieved();
    if (server.lacks_purged) {
      following.receiver_error = kFatalErrorReadingBinlog;
      following.error_text = "the source has purged required binary logs";
    }
    facts.following = following;
  }
  return facts;
}

void World::act(NodeId id) {
  const View view = view_of(id);
  const Step step = decide(view);
  publish(id, view, step);
  carry_out(id, view, step);
}

void World::finish(NodeId id, bool is_done) {
  node(id).agent.is_busy = false;
  tick_after(id, is_done ? Duration(Milliseconds(1)) : Duration(kTick));
}

void World::publish(NodeId id, const View& view, const Step& step) {
  Agent& agent = node(id).agent;
  if (!agent.store_answers) return;
  const bool is_due = !agent.published_at || boot(id) - *agent.published_at >= kPublish;
  if (!is_due && step.action == Action::Keep) return;
  agent.published_at = boot(id);
  const cluster::Node* known = agent.topology.find(view.self);
  const cluster::NodeState last = known == nullptr ? cluster::NodeState() : known->state;
  cluster::NodeState state = failover::make_state(view, policy_, step.activity, last);
  state.published_ms = wall_ms(id);
  send(id, kStore, [this, id, state] {
    if (cluster::Node* own = stored(id)) own->state = state;
  });
}

void World::write_store(NodeId id, std::function<bool()> change, std::function<void()> done) {
  const std::uint64_t life = node(id).agent.life;
  auto is_over = std::make_shared<bool>(false);
  send(id, kStore, [this, id, life, is_over, change = std::move(change), done = std::move(done)] {
    const cluster::Topology before = store_.topology;
    const bool is_written = change();
    if (failover::is_news(before, store_.topology)) wake_all();
    send(kStore, id, [this, id, life, is_over, is_written, done] {
      as_agent(id, life, [this, id, is_over, is_written, done] {
        if (std::exchange(*is_over, true)) return;
        if (is_written) done();
        finish(id, is_written);
      });
    });
  });
  clock_.after(Milliseconds(1000), [this, id, life, is_over] {
    as_agent(id, life, [this, id, is_over] {
      if (!std::exchange(*is_over, true)) finish(id, false);
    });
  });
}

void World::wake_all() {
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    send(kStore, id, [this, id] { tick_after(id, Milliseconds(0)); });
  }
}

void World::change_leadership(NodeId id, const View& view, const Step& step) {
  const cluster::Leadership next = failover::leadership_after(step, view, policy_, wall_ms(id));
  const bool holds = step.action == Action::Renew || step.action == Action::Lead;
  const std::uint64_t expected = node(id).agent.leadership_revision;
  const TimePoint sent = boot(id);
  if (holds) node(id).agent.renewal_tried = sent;
  if (step.action == Action::Renew) node(id).agent.renewal_failed = true;
  write_store(
      id,
      [this, next, expected] {
        const bool is_stale = store_.leadership_revision != expected;
        if (is_stale && !plan_.flaws.store_compares_nothing) return false;
        if (next.term > store_.topology.leadership.term) ++outcome_.elections;
        store_.topology.leadership = next;
        ++store_.leadership_revision;
        return true;
      },
      [this, id, holds, sent] {
        if (holds) node(id).agent.lease = lease_of_renewal(id, sent);
        if (holds) node(id).agent.renewal_failed = false;
      });
}

// ---- members ask each other ----

failover::Knowledge World::knowledge_of(NodeId id) {
  const Agent& agent = node(id).agent;
  const cluster::Node* own = agent.topology.find(name_of(id));
  failover::Knowledge known;
  known.cluster = agent.topology.charter.uuid;
  known.self = name_of(id);
  known.term = agent.topology.leadership.term;
  known.primary = agent.topology.leadership.primary;
  known.store_answers = agent.store_answers;
  if (const auto& election = agent.topology.leadership.election) known.election = election->term;
  if (own != nullptr && own->promise) known.promised = own->promise->term;
  known.promised = std::max(known.promised, agent.promised);
  failover::recall(known, node(id).remembered);
  return known;
}

void World::ask_members(NodeId id, const View& view) {
  const TimePoint sent = boot(id);
  const std::uint64_t life = node(id).agent.life;
  node(id).agent.renewal_tried = sent;
  node(id).agent.renewal_failed = false;
  const cluster::Claim claim{view.topology.charter.uuid, view.self, view.topology.leadership.term};
  auto yes = std::make_shared<std::size_t>(0);
  for (const cluster::Node& member : view.topology.nodes) {
    const NodeId other = id_of(member.member.name);
    if (other == id) continue;
    send(id, other, [this, id, other, claim, yes] {
      as_agent(other, node(other).agent.life, [this, id, other, claim, yes] {
        if (!failover::agree(claim, knowledge_of(other)).agrees()) return;
        if (!plan_.flaws.agreeing_delays_nothing) {
          node(other).agent.renewal_seen = boot(other);
        }
        send(other, id, [yes] { ++*yes; });
      });
    });
  }
  const std::size_t members = view.topology.nodes.size();
  const std::size_t needed = plan_.flaws.most_members_suffice ? members / 2 : members - 1;
  clock_.after(Milliseconds(100), [this, id, life, sent, yes, needed] {
    as_agent(id, life, [this, id, sent, yes, needed] {
      if (*yes >= needed) node(id).agent.lease = lease_of_renewal(id, sent);
      finish(id, *yes >= needed);
    });
  });
}

}  // namespace dorsal::sim
