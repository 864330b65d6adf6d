#include "world.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dorsal::sim {

using cluster::NodeName;

NodeName name_of(NodeId node) { return NodeName(fmt::format("node{}", node + 1)); }
std::string address_of(NodeId node) { return fmt::format("10.0.0.{}:3306", node + 1); }
std::string host_of(NodeId node) { return fmt::format("10.0.0.{}", node + 1); }

NodeId id_of(const NodeName& name) {
  return static_cast<NodeId>(std::stoul(name.value().substr(4)) - 1);
}

Outcome run(const Plan& plan) { return World(plan).run(); }

Outcome World::run() {
  found();
  faults_end_ = clock_.now() + plan_.faults_for;
  const TimePoint end = faults_end_ + plan_.quiet_for;
  schedule_faults(faults_end_);
  if (plan_.writes_may_be_lost) ask_for_failovers();
  if (plan_.mode == cluster::Mode::Available) watch_primaries();
  clock_.after(plan_.faults_for, [this] {
    heal_all();
    await_end(0, acknowledged_.size());
  });
  for (NodeId client = 0; client < kClients; ++client) client_writes(client);
  while (!outcome_.violation && !is_over_ && clock_.step(end)) {
  }
  if (!outcome_.violation && !is_over_) {
    note_nodes();
    const std::string wrong = what_is_wrong();
    violate(Invariant::Healed, wrong.empty() ? "it is well only now and then at the end" : wrong);
  }
  return std::move(outcome_);
}

void World::note(std::string text) {
  outcome_.log.push_back(fmt::format("{:>8} {}", clock_.wall_ms() - 3'600'000, text));
}

void World::violate(Invariant invariant, std::string what) {
  if (outcome_.violation) return;
  note(fmt::format("VIOLATION ({}) {}", to_string(invariant), what));
  outcome_.violation = Violation{invariant, std::move(what)};
}

bool World::is_cut(NodeId from, NodeId to) const {
  const auto found = cuts_.find({from, to});
  return found != cuts_.end() && clock_.now() < found->second;
}

Duration World::latency(NodeId from, NodeId to) {
  const bool is_slow = slow_.contains(from) || slow_.contains(to);
  return Milliseconds(random_.between(1, is_slow ? 2000 : 5));
}

bool World::knows_store(NodeId from, NodeId to) const {
  if (from != kStore && to != kStore) return true;
  const NodeId id = from == kStore ? to : from;
  return nodes_[id]->agent.store_life == store_.life;
}

void World::send(NodeId from, NodeId to, std::function<void()> arrive) {
  if (is_cut(from, to) || !knows_store(from, to)) return;
  const std::uint64_t life = store_.life;
  clock_.after(latency(from, to), [this, from, to, life, arrive = std::move(arrive)] {
    const bool is_another = (from == kStore || to == kStore) && store_.life != life;
    if (!is_cut(from, to) && !is_another) arrive();
  });
}

void World::found() {
  cluster::Topology& topology = store_.topology;
  topology.charter.acks = plan_.acks;
  topology.charter.mode = plan_.mode;
  topology.charter.uuid = "cluster";
  topology.leadership.term = cluster::Term(1);
  topology.leadership.changes = 1;
  topology.leadership.primary = name_of(0);
  for (NodeId id = 0; id < plan_.nodes; ++id) {
    nodes_.push_back(std::make_unique<Node>(id));
    add_member(id);
    stored(id)->member.joined = true;
    if (plan_.mode != cluster::Mode::Async) topology.leadership.votes[name_of(id)] = {};
    start_agent(id);
  }
}

cluster::Node* World::stored(NodeId id) {
  const auto found = std::ranges::find(store_.topology.nodes, name_of(id), [](const auto& each) {
    return each.member.name;
  });
  return found == store_.topology.nodes.end() ? nullptr : &*found;
}

void World::add_member(NodeId id) {
  cluster::Node node;
  node.member.name = name_of(id);
  node.member.server_id = cluster::ServerId(static_cast<std::uint32_t>(id + 1));
  node.member.address = address_of(id);
  auto& nodes = store_.topology.nodes;
  const auto after = std::ranges::find_if(nodes, [&](const cluster::Node& each) {
    return each.member.name > node.member.name;
  });
  nodes.insert(after, node);
}

void World::start_agent(NodeId id) {
  Agent& agent = node(id).agent;
  const std::uint64_t life = agent.life + 1;
  agent = Agent();
  agent.life = life;
  agent.store_life = store_.life;
  if (stored(id) == nullptr) add_member(id);
  agent.renewal_seen = boot(id);
  node(id).told_nobody_since = clock_.now();
  tick_after(id, Milliseconds(random_.between(0, 250)));
}

void World::kill_agent(NodeId id) {
  Agent& agent = node(id).agent;
  agent.runs = false;
  ++agent.life;
  agent.held.clear();
  if (!plan_.flaws.server_outlives_agent) crash_server(id, "");
}

void World::crash_server(NodeId id, std::string last_words, bool wants_restart) {
  Node& it = node(id);
  it.agent.wants_restart = wants_restart;
  it.told_nobody_since = clock_.now();
  if (!it.server.runs) return;
  it.server.crash();
  if (plan_.flaws.relay_log_recovers) it.server.recover_relay();
  it.agent.last_words = std::move(last_words);
  tick_after(id, Milliseconds(1));
}

void World::start_server(NodeId id) {
  Server& server = node(id).server;
  server.start();
  server.writable = plan_.flaws.boots_writable;
  await_recovery(id, server.life);
}

void World::await_recovery(NodeId id, std::uint64_t life) {
  clock_.after(Milliseconds(random_.between(300, 4000)), [this, id, life] {
    Server& server = node(id).server;
    if (!server.runs || server.life != life) return;
    if (server.disk_is_broken) return await_recovery(id, life);
    server.answers = true;
  });
}

void World::as_agent(NodeId id, std::uint64_t life, std::function<void()> action) {
  Agent& agent = node(id).agent;
  if (!agent.runs || agent.life != life) return;
  if (agent.is_frozen) {
    agent.held.push_back(
        [this, id, life, action = std::move(action)] { as_agent(id, life, action); });
  } else {
    action();
  }
}

void World::tick_after(NodeId id, Duration delay) {
  const std::uint64_t life = node(id).agent.life;
  clock_.after(delay, [this, id, life] { as_agent(id, life, [this, id] { tick(id); }); });
}

void World::client_writes(NodeId client) {
  clock_.after(Milliseconds(random_.between(20, 300)), [this, client] {
    // As a proxy would: mostly to who leads, now and then to who once did.
    NodeId target = id_of(store_.topology.leadership.primary);
    if (random_.one_in(8)) target = random_.below(nodes_.size());
    Server& server = node(target).server;
    std::optional<Transaction> played_back;
    if (random_.one_in(10)) played_back = Transaction{kElsewhere, played_back_ + 1};
    const auto transaction = server.write(next_client_++, played_back);
    if (transaction && played_back) ++played_back_;
    if (transaction && plan_.flaws.semi_sync_times_out) time_out_later(target, *transaction);
    if (transaction && !server.source_semi_sync) commit_unprotected(target);
    client_writes(client);
  });
}

std::uint32_t World::acks_that_suffice(const Server& server) const {
  const std::uint32_t wanted = store_.topology.charter.acks;
  return plan_.flaws.fewer_acks_at_once ? std::min(server.required_acks, wanted)
                                        : server.required_acks;
}

void World::commit_unprotected(NodeId id) {
  const auto& topology = store_.topology;
  const bool is_promised = topology.vote_of(topology.leadership.primary) != nullptr;
  if (is_promised && !topology.leadership.unprotected) {
    violate(Invariant::Unprotected,
            fmt::format("{} takes writes that nobody acknowledges", name_of(id).value()));
  }
  for (const auto& each : node(id).server.release_all()) {
    ++outcome_.unprotected;
    confirm(id, each);
  }
}

void World::time_out_later(NodeId id, Transaction transaction) {
  clock_.after(Milliseconds(1000), [this, id, transaction, life = node(id).server.life] {
    Server& server = node(id).server;
    const bool waits = server.life == life && !server.waiting.empty() &&
                       server.waiting.front().transaction <= transaction;
    if (!waits || server.hangs) return;
    for (const auto& each : server.release_all()) confirm(id, each);
  });
}

void World::confirm(NodeId source, const Server::Waiting& write) {
  ++outcome_.acknowledged;
  node(source).told_nobody_since = clock_.now();
  const bool is_another = std::exchange(last_to_confirm_, source) != source;
  const bool is_late = newest_ && newest_->first != source;
  const bool is_known = is_late && node(newest_->first).server.has(write.transaction);
  if (plan_.store_is_restored) {
    if (is_another && !is_known) check_history(source);
  } else if (is_late && !is_known) {
    if (is_admitted(write.transaction)) {
      ++outcome_.given_up;
      return;
    }
    violate(Invariant::Late,
            fmt::format("{} told a client OK of a write that {}, primary of term {}, lacks",
                        name_of(source).value(),
                        name_of(newest_->first).value(),
                        newest_->second.value()));
  }
  acknowledged_.push_back(write.transaction);
}

}  // namespace dorsal::sim
