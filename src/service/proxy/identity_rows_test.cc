#include "service/proxy/identity_rows.h"

#include <gtest/gtest.h>

#include "core/mysql/row.h"

namespace dorsal::proxy {
namespace {

using Row = mysql::TextRow;

Row edited(mysql::RowEditor& editor, const Row& row) {
  std::string bytes = mysql::encode_text_row(row);
  editor.edit(bytes);
  return *mysql::decode_text_row(bytes, row.size());
}

Row process(std::uint32_t id, std::string user, std::string host = "127.0.0.1:5") {
  return {std::to_string(id), user, host, std::nullopt, "Sleep", "3", "", std::nullopt};
}

SessionInfo session(std::uint32_t id, std::string user, std::string host) {
  SessionInfo info;
  info.id = id;
  info.user = std::move(user);
  info.host = std::move(host);
  info.schema = "shop";
  info.idle = std::chrono::milliseconds(7900);
  return info;
}

TEST(IdentityRows, PutTheClientInPlaceOfTheConnection) {
  using What = sql::IdentityQuery::What;
  IdentityRows rows({{1, What::User}, {2, What::ConnectionId}, {9, What::User}}, "10.1.2.3", 77);
  EXPECT_EQ(edited(rows, {"a@b", "x@y@127.0.0.1", "5", std::nullopt}),
            (Row{"a@b", "x@y@10.1.2.3", "77", std::nullopt}));
  EXPECT_EQ(edited(rows, {std::nullopt, std::nullopt, std::nullopt}),
            (Row{std::nullopt, std::nullopt, std::nullopt}));
}

TEST(IdentityRows, ARowThatCannotBeReadIsLeftAsItIs) {
  IdentityRows rows({{0, sql::IdentityQuery::What::User}}, "h", 1);
  std::string broken = "\x05@";
  rows.edit(broken);
  EXPECT_EQ(broken, "\x05@");
}

// Two sessions of app, of which the first holds connection 5 of the server, and one of eve.
SessionRows sessions_for(std::string user) {
  return SessionRows(
      [] {
        return SessionRows::Holders{{5, 100}};
      },
      {session(100, "app", "10.0.0.1:1"),
       session(101, "app", "10.0.0.2:2"),
       session(102, "eve", "10.0.0.3:3")},
      std::move(user));
}

std::vector<Row> more_rows(SessionRows& rows) {
  std::vector<Row> more;
  for (const std::string& row : rows.more_rows()) more.push_back(*mysql::decode_text_row(row, 8));
  return more;
}

TEST(SessionRows, AConnectionThatASessionHoldsIsTheSession) {
  auto rows = sessions_for("app");
  EXPECT_EQ(edited(rows, process(4, "app")), process(4, "app")) << "nobody holds it";
  EXPECT_EQ(edited(rows, process(5, "app")), process(100, "app", "10.0.0.1:1"));
}

TEST(SessionRows, BehindThemComeTheOthersOfTheSameUser) {
  auto rows = sessions_for("app");
  (void)edited(rows, process(5, "app"));
  const Row idle = {"101", "app", "10.0.0.2:2", "shop", "Sleep", "7", "", std::nullopt};
  EXPECT_EQ(more_rows(rows), std::vector<Row>{idle});
  EXPECT_TRUE(more_rows(rows).empty()) << "once is enough";
}

TEST(SessionRows, WhoSeesConnectionsOfOtherUsersSeesTheirSessions) {
  auto rows = sessions_for("app");
  (void)edited(rows, process(5, "app"));
  (void)edited(rows, process(1, "event_scheduler", "localhost"));
  const auto more = more_rows(rows);
  ASSERT_EQ(more.size(), 2U);
  EXPECT_EQ(more[1][1], "eve");
}

TEST(SessionRows, ASessionThatIsBusyElsewhereIsNotAsleep) {
  SessionInfo busy = session(101, "app", "10.0.0.2:2");
  busy.is_busy = true;
  SessionRows rows([] { return SessionRows::Holders(); }, {busy}, "app");
  const Row expected =
      {"101", "app", "10.0.0.2:2", "shop", "Query", "0", "Dorsal: on another server", std::nullopt};
  EXPECT_EQ(more_rows(rows), std::vector<Row>{expected});
}

TEST(SessionRows, RowsOfAnotherShapeAreLeftAlone) {
  auto rows = sessions_for("app");
  EXPECT_EQ(edited(rows, {"5", "app"}), (Row{"5", "app"}));
}

}  // namespace
}  // namespace dorsal::proxy
