#include "core/failover/old_store.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

#include "core/failover/election.h"

namespace dorsal::failover {

using cluster::Node;
using cluster::NodeName;
using cluster::Remembered;
using cluster::Role;
using cluster::Term;
using cluster::Topology;

namespace {

// Of two primaries of one term one is of a history that the store has forgotten.
bool is_newer(const Remembered& remembered, const Topology& topology) {
  const auto& leadership = topology.leadership;
  // Where an agent has written it that counts no changes, nothing can be said.
  if (leadership.changes == 0 || remembered.changes == 0) return false;
  if (remembered.changes > leadership.changes) return true;
  // Whoever began an election with a term above that knew of it.
  const Term pending = leadership.election ? leadership.election->term : Term();
  const bool is_settled_soon = pending > std::max(remembered.term, remembered.election);
  if (is_settled_soon) return false;
  return remembered.term > leadership.term ||
         (remembered.term == leadership.term && remembered.primary != leadership.primary);
}

}  // namespace

Remembered to_remember(const Topology& topology) {
  Remembered remembered;
  remembered.changes = topology.leadership.changes;
  remembered.term = topology.leadership.term;
  remembered.primary = topology.leadership.primary;
  if (topology.leadership.election) remembered.election = topology.leadership.election->term;
  for (const Node& node : topology.nodes) remembered.members.push_back(node.member.name);
  return remembered;
}

bool store_is_old(const Topology& topology) {
  return std::ranges::any_of(topology.nodes, [&](const Node& node) {
    return is_newer(node.state.remembered, topology);
  });
}

bool store_is_old(const View& view) {
  return is_newer(view.server.remembered, view.topology) || store_is_old(view.topology);
}

bool is_after_restore(const View& view) {
  const auto& election = view.topology.leadership.election;
  return store_is_old(view) || (election_is_pending(view) && election->after_restore);
}

bool remembers_most(const View& view) {
  const std::uint64_t own = view.server.remembered.changes;
  const Node* self = view.topology.find(view.self);
  return self != nullptr && self->state.remembered.changes == own &&
         std::ranges::all_of(view.topology.nodes, [&](const Node& node) {
           return node.state.remembered.changes <= own;
         });
}

std::vector<std::string> missing_after_restore(const View& view) {
  std::vector<std::string> names;
  for (const NodeName& name : view.server.remembered.members) {
    const Node* node = view.topology.find(name);
    const bool is_down = node == nullptr || node->state.role == Role::Down;
    if (is_down && name != view.self) names.push_back(name.value());
  }
  return names;
}

bool anyone_remembers(const View& view) {
  return view.server.remembered.changes > 0 ||
         std::ranges::any_of(view.topology.nodes,
                             [](const Node& node) { return node.state.remembered.changes > 0; });
}

std::string describe_old_store(const View& view) {
  if (view.topology.pause) {
    return "the store was put back to an older state; the cluster is paused, so nobody leads";
  }
  const auto missing = missing_after_restore(view);
  if (missing.empty()) {
    return "the store was put back to an older state; waiting for the node that remembers most";
  }
  return fmt::format(
      "the store was put back to an older state, before term {}; all members must say what they "
      "have, and {} cannot be asked",
      view.server.remembered.term.value(),
      fmt::join(missing, ", "));
}

// Where the store forgot who leads a term, somebody who did not know may lead it once more; and
// then gets nothing acknowledged, since those who know refuse it. So the one that more have
// followed is the one that counts.
const Remembered* newest_memory(const View& view) {
  std::vector<const Remembered*> all;
  for (const Node& node : view.topology.nodes) {
    if (has_promised(view, node) && node.promise->remembered) {
      all.push_back(&*node.promise->remembered);
    }
  }
  const auto rank = [&](const Remembered* memory) {
    const auto followers = std::ranges::count_if(all, [&](const Remembered* each) {
      return each->term == memory->term && each->primary == memory->primary;
    });
    return std::make_tuple(memory->term, followers, memory->changes);
  };
  const auto newest = std::ranges::max_element(all, {}, rank);
  return newest == all.end() ? nullptr : *newest;
}

std::vector<std::string> owing_promises(const View& view) {
  std::vector<std::string> names;
  const Remembered* newest = newest_memory(view);
  if (newest == nullptr) {
    for (const Node& node : view.topology.nodes) names.push_back(node.member.name.value());
    return names;
  }
  for (const NodeName& name : newest->members) {
    const Node* node = view.topology.find(name);
    if (node == nullptr || !has_promised(view, *node)) names.push_back(name.value());
  }
  return names;
}

const Node* last_primary(const View& view) {
  const Remembered* newest = newest_memory(view);
  const Node* node = newest == nullptr ? nullptr : view.topology.find(newest->primary);
  if (node == nullptr || !node->promise) return nullptr;
  const bool has_data = node->promise->may_lead || !node->promise->received.empty();
  return has_data ? node : nullptr;
}

}  // namespace dorsal::failover
