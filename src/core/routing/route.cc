#include "core/routing/route.h"

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
    Rule{"next_transaction_is_set",
         [](const Statement&, const SessionView& session) { return session.next_is_set; },
         Where::Home},
    Rule{"session_is_pinned",
         [](const Statement&, const SessionView& session) { return session.pinned; },
         Where::Home},
    Rule{"read_may_leave_primary",
         [](const Statement&, const SessionView&) { return true; },
         Where::Reader},
};

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

}  // namespace dorsal::routing
