#include "core/failover/election.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "core/failover/old_store.h"
#include "core/failover/questions.h"

namespace dorsal::failover {

using cluster::Node;
using cluster::Role;

namespace {

struct Vote {
  const Node* node = nullptr;
  mysql::GtidSet received;
};

bool is_primary(const View& view, const Node& node) {
  return node.member.name == view.topology.leadership.primary;
}

bool counts(const View& view, const Node& node) {
  return view.topology.vote_of(node.member.name) != nullptr && !is_primary(view, node);
}

bool can_promise(const View& view, const Node& node) {
  const cluster::Vote* vote = view.topology.vote_of(node.member.name);
  return is_primary(view, node) || (vote != nullptr && vote->state != cluster::Vote::State::Lost);
}

bool is_candidate(const View& view, const Node& node) {
  const auto& election = view.topology.leadership.election;
  return election && election->candidate == node.member.name;
}

bool is_down(const View& view, const Node& node) {
  return node.state.role == Role::Down && node.member.name != view.self;
}

// Of those whose promise says something: voters, the old primary, and a candidate. A promise that
// cannot be read is none.
std::vector<Vote> votes(const View& view) {
  std::vector<Vote> all;
  const bool all_count = view.topology.leadership.election->after_restore;
  for (const Node& node : view.topology.nodes) {
    if (!all_count && !can_promise(view, node) && !is_candidate(view, node)) continue;
    if (!has_promised(view, node)) continue;
    auto set = mysql::parse_gtid_set(node.promise->received);
    if (set) all.push_back({&node, *std::move(set)});
  }
  return all;
}

bool has_primary(const View& view, const std::vector<Vote>& all) {
  return std::any_of(all.begin(), all.end(), [&](const Vote& vote) {
    return is_primary(view, *vote.node);
  });
}

bool voters_suffice(const View& view, const std::vector<Vote>& all) {
  if (!writes_are_protected(view)) return false;
  const auto promised =
      static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const Vote& vote) {
        return !is_primary(view, *vote.node) && can_promise(view, *vote.node);
      }));
  const Quorum wanted = quorum(view);
  return promised > 0 && wanted.voters >= view.topology.acks_in_force() &&
         promised >= wanted.needed;
}

// An operator has allowed that writes are lost, and the one that is to lead has promised.
bool is_forced(const View& view, const std::vector<Vote>& all) {
  if (!view.topology.leadership.election->may_lose_writes) return false;
  return std::any_of(all.begin(), all.end(), [&](const Vote& vote) {
    return is_candidate(view, *vote.node);
  });
}

// The earlier of two that could lead gives way to the later. Who is to leave the cluster could not
// leave while it leads.
bool leads_rather(const View& view, const Node& later, const Node& earlier) {
  const auto rank = [&](const Node& node) {
    return std::make_tuple(is_candidate(view, node),
                           !is_down(view, node),
                           node.member.removal_asked_ms == 0,
                           node.state.priority);
  };
  return rank(later) > rank(earlier);
}

mysql::GtidSet owed_to_voters(const View& view) {
  mysql::GtidSet all;
  for (const Node& node : view.topology.nodes) {
    if (!counts(view, node)) continue;
    if (const auto owed = owed_by_primary(view, node)) all.unite(*owed);
  }
  return all;
}

// What whoever leads must have.
mysql::GtidSet owed_by_leader(const View& view, const std::vector<Vote>& all) {
  const bool suffice = voters_suffice(view, all);
  mysql::GtidSet everything;
  for (const Vote& vote : all) {
    // What an old primary alone has was never acknowledged.
    if (!suffice || !is_primary(view, *vote.node)) everything.unite(vote.received);
  }
  // A primary that has lost data, to an old copy of its folder for one, betrays itself by what its
  // voters have said that they have.
  if (!suffice) everything.unite(owed_to_voters(view));
  return everything;
}

// The same when the store's votes mean nothing; `last` as from last_primary().
mysql::GtidSet owed_after_restore(const std::vector<Vote>& all, const Node* last) {
  mysql::GtidSet everything;
  for (const Vote& vote : all) {
    if (last == nullptr || vote.node == last) everything.unite(vote.received);
  }
  return everything;
}

// Voters that are neither here nor known to be well, by name.
std::vector<std::string> missing_voters(const View& view) {
  std::vector<std::string> names;
  for (const Node& node : view.topology.nodes) {
    if (!counts(view, node)) continue;
    if (is_down(view, node) || !can_promise(view, node)) names.push_back(node.member.name.value());
  }
  return names;
}

// Beside the primary, by the operator's leave.
bool somebody_may_lead(const View& view) {
  return std::ranges::any_of(view.topology.nodes, [&](const Node& node) {
    return counts(view, node) && !is_down(view, node) && node.state.priority > 0;
  });
}

// By its own word and by the operator's leave, who gives it to a node of priority 0 by name alone.
bool may_lead(const View& view, const Node& node) {
  return node.promise->may_lead && (node.state.priority > 0 || is_candidate(view, node));
}

}  // namespace

bool election_is_pending(const View& view) {
  const auto& leadership = view.topology.leadership;
  return leadership.election && leadership.election->term > leadership.term;
}

bool has_promised(const View& view, const Node& node) {
  return node.promise && node.promise->term >= view.topology.leadership.election->term;
}

bool has_promised(const View& view) {
  const Node* own = view.topology.find(view.self);
  return own != nullptr && has_promised(view, *own);
}

bool is_bound(const View& view) {
  const Node* own = view.topology.find(view.self);
  return own != nullptr && own->promise && own->promise->term > view.topology.leadership.term;
}

Quorum quorum(const View& view) {
  Quorum result;
  for (const Node& node : view.topology.nodes) {
    if (counts(view, node)) ++result.voters;
  }
  const std::size_t acks = std::max<std::size_t>(view.topology.acks_in_force(), 1);
  result.needed = result.voters < acks ? result.voters : result.voters - acks + 1;
  return result;
}

std::string why_not_electable(const View& view) {
  if (is_after_restore(view)) {
    return "the store was put back to an older state, and not all members have said what they have";
  }
  if (!writes_are_protected(view)) {
    return "writes were not acknowledged by replicas, so some could be lost";
  }
  const Quorum wanted = quorum(view);
  if (wanted.voters < view.topology.acks_in_force() || wanted.voters == 0) {
    return "there are fewer voters than a write needs acknowledgements";
  }
  const auto missing = missing_voters(view);
  if (wanted.voters - missing.size() >= wanted.needed) {
    return somebody_may_lead(view) ? "" : "the priority of every other voter that is up is 0";
  }
  return fmt::format("{} of {} voters must say what they have received, and {} cannot be asked",
                     wanted.needed,
                     wanted.voters,
                     fmt::join(missing, ", "));
}

bool is_decided(const View& view) {
  if (!election_is_pending(view)) return false;
  if (view.topology.leadership.election->after_restore) return owing_promises(view).empty();
  const auto all = votes(view);
  return voters_suffice(view, all) || has_primary(view, all) || is_forced(view, all);
}

std::optional<cluster::NodeName> elected(const View& view) {
  if (!is_decided(view)) return std::nullopt;
  const auto all = votes(view);
  if (is_forced(view, all)) return view.topology.leadership.election->candidate;
  mysql::GtidSet everything;
  if (view.topology.leadership.election->after_restore) {
    const Node* last = last_primary(view);
    if (last != nullptr && may_lead(view, *last)) return last->member.name;
    everything = owed_after_restore(all, last);
  } else {
    everything = owed_by_leader(view, all);
  }
  const Node* best = nullptr;
  for (const Vote& vote : all) {
    if (!may_lead(view, *vote.node) || !vote.received.contains(everything)) continue;
    if (best == nullptr || leads_rather(view, *vote.node, *best)) best = vote.node;
  }
  return best == nullptr ? std::nullopt : std::optional(best->member.name);
}

std::string describe_election(const View& view) {
  const auto& election = *view.topology.leadership.election;
  const bool is_open = !is_decided(view);
  if (is_open && election.after_restore) {
    return fmt::format(
        "election of term {}, as the store was put back to an older state: waiting for {}",
        election.term.value(),
        fmt::join(owing_promises(view), ", "));
  }
  if (is_open) {
    const Quorum wanted = quorum(view);
    return fmt::format("election of term {}: {} of {} promises are there, {} needed",
                       election.term.value(),
                       votes(view).size(),
                       wanted.voters,
                       wanted.needed);
  }
  const auto leader = elected(view);
  if (!leader) {
    return fmt::format("election of term {}: no node that may lead has all that the others have",
                       election.term.value());
  }
  return fmt::format("election of term {}: waiting for {}", election.term.value(), leader->value());
}

TimePoint seen_end_of_lease(const View& view, const Policy& policy) {
  // Its holder goes by its own configuration.
  const std::int64_t told_ms = view.topology.leadership.lease_ms;
  const Duration ttl = told_ms > 0 ? std::chrono::milliseconds(told_ms) : policy.lease_ttl;
  return view.renewal_seen + ttl;
}

bool lease_is_over(const View& view, const Policy& policy) {
  return view.now >= seen_end_of_lease(view, policy);
}

mysql::GtidSet received(const View& view) {
  mysql::GtidSet all = view.server.facts->executed;
  if (const auto& following = view.server.facts->following) all.unite(following->retrieved);
  return all;
}

}  // namespace dorsal::failover
