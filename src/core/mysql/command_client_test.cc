#include "core/mysql/command_client.h"

#include <gtest/gtest.h>

#include "core/mysql/conversation_script_testing.h"

namespace dorsal::mysql {
namespace {

using namespace std::string_view_literals;

constexpr std::uint32_t kOld = capability::kProtocol41 | capability::kMultiResults;
constexpr std::uint32_t kModern = kOld | capability::kSessionTrack | capability::kDeprecateEof |
                                  capability::kQueryAttributes |
                                  capability::kOptionalResultsetMetadata;

// Bytes of MySQL 9.7.4.
constexpr auto kColumnV =
    "\x03"
    "def\x02"
    "d1\x01t\x01t\x01v\x01v\x0c\xff\x00P\x00\x00\x00\xfd\x00\x00\x00\x00\x00"sv;
constexpr auto kColumnNull =
    "\x03"
    "def\x00\x00\x00\x04NULL\x00\x0c?\x00\x00\x00\x00\x00\x06\x80\x00\x00\x00\x00"sv;
constexpr auto kColumn2 =
    "\x03"
    "def\x00\x00\x00\x01"
    "2\x00\x0c?\x00\x02\x00\x00\x00\x08\x81\x00\x00\x00\x00"sv;
constexpr auto kOldEof = "\xfe\x00\x00\x02\x00"sv;

// All results on one line each, rows in brackets.
std::string show(const QueryConversation& query) {
  std::string out;
  for (const auto& result : query.results()) {
    for (const auto& column : result.columns) out += column.name + " ";
    for (const auto& row : result.rows) {
      out += "[";
      for (const auto& value : row) out += value.value_or("NULL") + ",";
      out += "]";
    }
    out += result.ok.info + result.ok.trackers.gtids.value_or("") + ";";
  }
  return query.err() ? out + to_string(*query.err()) : out;
}

auto shows(std::string_view wanted) {
  return [wanted](const QueryConversation& query) { return show(query) == wanted; };
}

auto query(std::string_view sql, std::uint32_t capabilities) {
  return script([=] { return QueryConversation(sql, capabilities); });
}

TEST(Query, AStatementWithoutRowsEndsWithItsOk) {
  query("update t set v='c' where id=1", kModern)
      .sends(packet(0, "\x03\x00\x01update t set v='c' where id=1"sv))
      .receives(
          packet(1, "\x00\x01\x00\x02\x00\x00\x00(Rows matched: 1  Changed: 1  Warnings: 0"sv))
      .succeeds_if(shows("Rows matched: 1  Changed: 1  Warnings: 0;"))
      .check();
}

TEST(Query, RowsAreCollected) {
  query("select v,null from t where id=1", kOld)
      .sends(packet(0, "\x03select v,null from t where id=1"))
      .receives(packet(1, "\x02"))
      .receives(packet(2, kColumnV))
      .receives(packet(3, kColumnNull))
      .receives(packet(4, kOldEof))
      .receives(packet(5,
                       "\x01"
                       "d\xfb"))
      .receives(packet(6, kOldEof))
      .succeeds_if(shows("v NULL [d,NULL,];"))
      .check();
}

TEST(Query, NoRowsAreAResult) {
  query("select 2 from t where false", kOld)
      .sends(packet(0, "\x03select 2 from t where false"))
      .receives(packet(1, "\x01") + packet(2, kColumn2) + packet(3, kOldEof) + packet(4, kOldEof))
      .succeeds_if(shows("2 ;"))
      .check();
}

TEST(Query, SeveralStatementsHaveOneResultEach) {
  query("select v from t where id=1;select 2;commit", kModern)
      .sends(packet(0, "\x03\x00\x01select v from t where id=1;select 2;commit"sv))
      .receives(packet(1, "\x01\x01"))
      .receives(packet(2, kColumnV))
      .receives(packet(3,
                       "\x01"
                       "e"))
      .receives(packet(4, "\xfe\x00\x00\x09@\x00\x00\x00\x0b\x05\x09\x08I_R_W_S_"sv))
      .receives(packet(5, "\x01\x01"))
      .receives(packet(6, kColumn2))
      .receives(packet(7,
                       "\x01"
                       "2"))
      .receives(packet(8, "\xfe\x00\x00\x09\x00\x00\x00"sv))
      .receives(packet(9,
                       "\x00\x00\x00\x00@\x00\x00\x00"
                       "6\x03)\x00'273eb057-e53b-11f1-8d6e-"
                       "02fc00000001:14\x05\x09\x08________"sv))
      .succeeds_if(shows("v [e,];2 [2,];273eb057-e53b-11f1-8d6e-02fc00000001:14;"))
      .check();
}

TEST(Query, ColumnsMayBeLeftOut) {
  query("select 5,6", kModern)
      .sends(packet(0, "\x03\x00\x01select 5,6"sv))
      .receives(packet(1, "\x02\x00"sv))
      .receives(packet(2,
                       "\x01"
                       "5\x01"
                       "6"))
      .receives(packet(3, "\xfe\x00\x00\x00\x00\x00\x00"sv))
      .succeeds_if(shows("[5,6,];"))
      .check();
}

TEST(Query, AnErrAfterAResultKeepsTheResult) {
  query("select 2;selec", kModern)
      .sends(packet(0, "\x03\x00\x01select 2;selec"sv))
      .receives(packet(1, "\x01\x01") + packet(2, kColumn2) +
                packet(3,
                       "\x01"
                       "2") +
                packet(4, "\xfe\x00\x00\x08\x00\x00\x00"sv))
      .receives(packet(5, "\xff(\x04#42000You have an error"sv))
      .succeeds_if(shows("2 [2,];ERROR 1064 (42000): You have an error"))
      .check();
}

TEST(Query, AFileOfOursIsNeverSent) {
  query("load data local infile '/etc/passwd' into table t", kOld)
      .sends(packet(0, "\x03load data local infile '/etc/passwd' into table t"))
      .receives(packet(1, "\xfb/etc/passwd"))
      .sends(packet(2, ""))
      .receives(packet(3, "\x00\x00\x00\x02\x00\x00\x00"sv))
      .succeeds_if(shows(";"))
      .check();
}

// ---- failures ----

std::string failure(std::string_view replies, std::size_t limit = 1000) {
  QueryConversation conversation("select 1", kOld, limit);
  EXPECT_TRUE(conversation.next(""));
  auto need = conversation.next(replies);
  return need ? "no failure" : need.error().message;
}

TEST(Query, RepliesThatAreNotTheProtocolFail) {
  struct {
    std::string replies;
    std::string_view failure;
  } const cases[] = {
      {packet(1, ""), "the server's reply begins with an empty packet"},
      {packet(1, "\xfd\x00\x00\x01"sv), "the server's reply begins with a wrong number of columns"},
      {packet(1, "\x01") + packet(2, "x"), "a column definition is malformed"},
      {packet(1, "\x01") + packet(2, kColumn2) + packet(3, "x"), "the packet is not an EOF packet"},
      {packet(1, "\x01") + packet(2, kColumn2) + packet(3, kOldEof) + packet(4, "\x02x"),
       "a text row does not fit its columns"},
      {packet(2, "\x01"), "the server's packets are out of order"},
  };
  for (const auto& [replies, message] : cases) EXPECT_EQ(failure(replies), message);
}

TEST(Query, AReplyBeyondTheLimitFails) {
  auto head = packet(1, "\x01") + packet(2, kColumn2) + packet(3, kOldEof);
  EXPECT_EQ(failure(head + packet(4, "\x01x"), 10'000), "no failure");
  EXPECT_EQ(failure(head + packet(4, "\x01x"), 300),
            "the server's reply is longer than the 300 bytes allowed");
  EXPECT_EQ(failure("\x2d\x01\x00\x01"sv, 300), "a payload is longer than the 300 bytes allowed");
}

TEST(Query, AnErrThatComesWithAnyNumberCounts) {
  EXPECT_EQ(failure(packet(0, "\xff\xbf\x0f#HY000The client was disconnected"sv)), "no failure");
}

}  // namespace
}  // namespace dorsal::mysql
