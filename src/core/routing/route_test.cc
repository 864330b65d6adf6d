#include "core/routing/route.h"

#include <gtest/gtest.h>

#include <vector>

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

Candidate candidate(bool covers, std::uint64_t known, std::int64_t outstanding) {
  Candidate made;
  made.usable = true;
  made.covers = covers;
  made.known = known;
  made.outstanding = outstanding;
  return made;
}

TEST(ChooseReader, PrefersAReplicaThatNeedsNoWait) {
  std::vector<Candidate> candidates = {candidate(false, 9, 0), candidate(true, 5, 100)};
  auto choice = choose_reader(candidates, 0);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->index, 1U);
  EXPECT_FALSE(choice->must_wait);
}

TEST(ChooseReader, WaitsOnTheReplicaWithTheBestKnownPosition) {
  std::vector<Candidate> candidates = {candidate(false, 9000, 5), candidate(false, 8000, 0)};
  auto choice = choose_reader(candidates, 1);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->index, 0U);
  EXPECT_TRUE(choice->must_wait);
}

TEST(ChooseReader, AFewTransactionsDoNotDrawAllReadsToOneReplica) {
  std::vector<Candidate> candidates = {candidate(false, 9000, 0), candidate(false, 8990, 0)};
  candidates[1].connected = true;
  EXPECT_EQ(choose_reader(candidates, 0)->index, 1U);
}

TEST(ChooseReader, StaysWithTheConnectionItHas) {
  std::vector<Candidate> candidates = {candidate(true, 9, 0), candidate(true, 9, 3)};
  candidates[1].connected = true;
  EXPECT_EQ(choose_reader(candidates, 0)->index, 1U);
}

TEST(ChooseReader, TheTurnSpreadsEqualOnes) {
  std::vector<Candidate> candidates = {candidate(true, 9, 0), candidate(true, 9, 0)};
  EXPECT_EQ(choose_reader(candidates, 0)->index, 0U);
  EXPECT_EQ(choose_reader(candidates, 1)->index, 1U);
}

TEST(ChooseReader, NobodyWhenNoneIsUsableOrWorthWaitingFor) {
  std::vector<Candidate> candidates = {candidate(true, 9, 0), candidate(false, 9, 0)};
  candidates[0].usable = false;
  candidates[1].worth_waiting = false;
  EXPECT_FALSE(choose_reader(candidates, 0));
  EXPECT_FALSE(choose_reader({}, 0));
}

}  // namespace
}  // namespace dorsal::routing
