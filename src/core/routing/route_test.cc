#include "core/routing/route.h"

#include <gtest/gtest.h>

namespace dorsal::routing {
namespace {

sql::Statement at(sql::Place place) {
  sql::Statement statement;
  statement.place = place;
  return statement;
}

TEST(Route, AReadMayLeaveThePrimaryOnlyOnTheSplittingPort) {
  auto read = at(sql::Place::AnyReplica);
  SessionView session;
  EXPECT_EQ(route(read, session).where, Where::Reader);
  session.listener = Listener::Primary;
  EXPECT_EQ(route(read, session).where, Where::Home);
  session.listener = Listener::Replicas;
  EXPECT_EQ(route(read, session).where, Where::Home);
}

TEST(Route, WhatTheSessionIsInTheMiddleOfKeepsReadsAtHome) {
  auto read = at(sql::Place::AnyReplica);
  SessionView session;
  session.in_transaction = true;
  EXPECT_EQ(route(read, session).rule, "inside_transaction");
  session = SessionView();
  session.autocommit = false;
  EXPECT_EQ(route(read, session).rule, "autocommit_is_off");
  session = SessionView();
  session.next_is_set = true;
  EXPECT_EQ(route(read, session).rule, "next_transaction_is_set");
  session = SessionView();
  session.pinned = true;
  EXPECT_EQ(route(read, session).rule, "session_is_pinned");
}

TEST(Route, DiagnosticsFollowTheLastStatement) {
  auto show_warnings = at(sql::Place::LastUsed);
  SessionView session;
  EXPECT_EQ(route(show_warnings, session).where, Where::Home);
  session.last_ran_on_reader = true;
  EXPECT_EQ(route(show_warnings, session).where, Where::LastUsed);
}

sql::Statement of(sql::Kind kind, sql::Place place) {
  auto statement = at(place);
  statement.kind = kind;
  return statement;
}

TEST(Route, AReadOnlyTransactionTakesAReplicaForItsHome) {
  for (auto kind : {sql::Kind::BeginReadOnly, sql::Kind::BeginReadOnlySnapshot}) {
    auto begin = of(kind, sql::Place::AnyReplica);
    SessionView session;
    EXPECT_EQ(route(begin, session).where, Where::ReadOnlyTransaction);
    session.autocommit = false;
    EXPECT_EQ(route(begin, session).where, Where::ReadOnlyTransaction);
    begin.forced = sql::Place::Primary;
    EXPECT_EQ(route(begin, session).where, Where::Home);
  }
}

TEST(Route, AReadOnlyTransactionStaysWhereSomethingHoldsItsSession) {
  const auto begin = of(sql::Kind::BeginReadOnly, sql::Place::AnyReplica);
  for (bool SessionView::*what :
       {&SessionView::in_transaction, &SessionView::pinned, &SessionView::tied}) {
    SessionView session;
    session.*what = true;
    EXPECT_EQ(route(begin, session).where, Where::Home);
  }
  SessionView session;
  session.listener = Listener::Primary;
  EXPECT_EQ(route(begin, session).where, Where::Home);
}

TEST(Route, ASessionThatOnlyReadsHasReadOnlyTransactions) {
  const auto begin = of(sql::Kind::Begin, sql::Place::Primary);
  const auto read = at(sql::Place::AnyReplica);
  SessionView session;
  EXPECT_EQ(route(begin, session).where, Where::Home);
  session.read_only = true;
  EXPECT_EQ(route(begin, session).where, Where::ReadOnlyTransaction);
  EXPECT_EQ(route(read, session).where, Where::Reader);
  session.autocommit = false;
  EXPECT_EQ(route(read, session).where, Where::ReadOnlyTransaction) << "it begins a transaction";
  EXPECT_EQ(route(at(sql::Place::Primary), session).where, Where::Home);
  session.in_transaction = true;
  EXPECT_EQ(route(read, session).where, Where::Home);
}

TEST(Route, WritesStayOnThePrimary) {
  EXPECT_EQ(route(at(sql::Place::Primary), SessionView()).rule, "statement_stays_on_primary");
}

}  // namespace
}  // namespace dorsal::routing
