#include "core/routing/route.h"

#include <algorithm>
#include <array>

namespace dorsal::routing {
namespace {

using sql::Kind;
using sql::Place;
using sql::Statement;

// Without autocommit a read begins a transaction by itself.
bool begins_read_only(const Statement& statement, const SessionView& session) {
  if (statement.forced == Place::Primary) return false;
  const Kind kind = statement.kind;
  if (kind == Kind::BeginReadOnly || kind == Kind::BeginReadOnlySnapshot) return true;
  if (!session.read_only) return false;
  const bool begins = kind == Kind::Begin || kind == Kind::BeginSnapshot;
  return begins || (!session.autocommit && statement.place == Place::AnyReplica);
}

struct Rule {
  std::string_view name;
  bool (*applies)(const Statement&, const SessionView&);
  Where where;
};

// The first rule that applies decides. What must stay where it is stands before anything that
// could move a statement to a replica.
constexpr std::array kRules = {
    Rule{"answered_by_proxy",
         [](const Statement& statement, const SessionView&) {
           return statement.place == Place::Proxy;
         },
         Where::Proxy},
    Rule{"diagnostics_follow_the_last_statement",
         [](const Statement& statement, const SessionView& session) {
           return statement.place == Place::LastUsed && session.last_ran_on_reader;
         },
         Where::LastUsed},
    Rule{"port_does_not_split",
         [](const Statement&, const SessionView& session) {
           return session.listener != Listener::Split;
         },
         Where::Home},
    // Everything up to its end belongs to one connection, which a replica can give it.
    Rule{"read_only_transaction_begins",
         [](const Statement& statement, const SessionView& session) {
           return begins_read_only(statement, session) && !session.in_transaction &&
                  !session.pinned && !session.tied;
         },
         Where::ReadOnlyTransaction},
    Rule{"statement_stays_on_primary",
         [](const Statement& statement, const SessionView&) {
           return statement.place != Place::AnyReplica;
         },
         Where::Home},
    Rule{"transaction_begins_at_home",
         [](const Statement& statement, const SessionView&) {
           return statement.kind == Kind::BeginReadOnly ||
                  statement.kind == Kind::BeginReadOnlySnapshot;
         },
         Where::Home},
    Rule{"inside_transaction",
         [](const Statement&, const SessionView& session) { return session.in_transaction; },
         Where::Home},
    Rule{"autocommit_is_off",
         [](const Statement&, const SessionView& session) { return !session.autocommit; },
         Where::Home},
    Rule{"session_is_pinned",
         [](const Statement&, const SessionView& session) { return session.pinned; },
         Where::Home},
    Rule{"read_may_leave_primary",
         [](const Statement&, const SessionView&) { return true; },
         Where::Reader},
};

// Positions of replicas are known with different delay, so a few transactions say nothing about
// which will be there first; taking them at their word would send every read to the replica that
// was asked last.
constexpr std::uint64_t kCloseTransactions = 256;

// The candidate as it is compared: one that is close to the foremost counts as foremost.
Candidate as_compared(Candidate candidate, std::uint64_t foremost) {
  if (foremost - candidate.known <= kCloseTransactions) candidate.known = foremost;
  return candidate;
}

// Whether `challenger` serves the read better than `best`; equal ones keep the earlier.
bool is_better(const Candidate& challenger, const Candidate& best) {
  if (challenger.covers != best.covers) return challenger.covers;
  if (!challenger.covers && challenger.known != best.known) return challenger.known > best.known;
  if (challenger.connected != best.connected) return challenger.connected;
  return challenger.outstanding < best.outstanding;
}

}  // namespace

std::string_view to_string(Listener listener) {
  switch (listener) {
    case Listener::Split:
      return "split";
    case Listener::Primary:
      return "primary";
    case Listener::Replicas:
      return "replicas";
  }
  return "unknown";
}

Route route(const Statement& statement, const SessionView& session) {
  for (const Rule& rule : kRules) {
    if (rule.applies(statement, session)) return {rule.where, rule.name};
  }
  return {Where::Home, "no_rule_applies"};
}

std::optional<Choice> choose_reader(std::span<const Candidate> candidates, std::size_t turn) {
  auto is_eligible = [](const Candidate& candidate) {
    return candidate.usable && (candidate.covers || candidate.worth_waiting);
  };
  std::uint64_t foremost = 0;
  for (const Candidate& candidate : candidates) {
    if (is_eligible(candidate)) foremost = std::max(foremost, candidate.known);
  }
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::size_t index = (turn + i) % candidates.size();
    if (!is_eligible(candidates[index])) continue;
    if (!best || is_better(as_compared(candidates[index], foremost),
                           as_compared(candidates[*best], foremost))) {
      best = index;
    }
  }
  if (!best) return std::nullopt;
  return Choice{*best, !candidates[*best].covers};
}

}  // namespace dorsal::routing
