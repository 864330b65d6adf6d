#include "service/proxy/identity_rows.h"

#include <gtest/gtest.h>

#include "core/mysql/row.h"

namespace dorsal::proxy {
namespace {

using mysql::Column;
using Row = mysql::TextRow;
using What = sql::IdentityQuery::What;
namespace field_type = mysql::field_type;

const IdentityRows::Client kClient{"app", "10.1.2.3", 77};

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

sql::IdentityQuery columns(std::vector<sql::IdentityQuery::Column> columns) {
  sql::IdentityQuery query;
  query.columns = std::move(columns);
  return query;
}

Column text_column(std::string table = "", std::string name = "") {
  Column column;
  column.schema = table.empty() ? "" : "performance_schema";
  column.table = column.org_table = std::move(table);
  column.name = column.org_name = std::move(name);
  return column;
}

Column number_column(std::string table = "", std::string name = "") {
  Column column = text_column(std::move(table), std::move(name));
  column.type = field_type::kLongLong;
  column.flags = mysql::column_flag::kUnsigned;
  return column;
}

// Two sessions of app, of which the first holds connection 5 of the server, and one of eve.
IdentityRows::Sessions some_sessions() {
  return {[] {
            return IdentityRows::Holders{{5, 100}};
          },
          {session(100, "app", "10.0.0.1:1"),
           session(101, "app", "10.0.0.2:2"),
           session(102, "eve", "10.0.0.3:3")}};
}

TEST(IdentityRows, PutTheClientInPlaceOfTheConnection) {
  IdentityRows rows(columns({{1, What::User}, {2, What::ConnectionId}, {9, What::User}}),
                    false,
                    kClient);
  rows.begin(4, {});
  EXPECT_EQ(edited(rows, {"a@b", "x@y@127.0.0.1", "5", std::nullopt}),
            (Row{"a@b", "x@y@10.1.2.3", "77", std::nullopt}));
  EXPECT_EQ(edited(rows, {std::nullopt, std::nullopt, std::nullopt, "a@b"}),
            (Row{std::nullopt, std::nullopt, std::nullopt, "a@b"}));
}

TEST(IdentityRows, AlsoInRowsOfPreparedStatements) {
  IdentityRows rows(columns({{0, What::User}, {1, What::ConnectionId}}), true, kClient);
  const std::vector<Column> definitions = {text_column(), number_column(), text_column()};
  rows.begin(3, definitions);
  const mysql::BinaryRow row = {std::string("x@127.0.0.1"), std::uint64_t{5}, std::monostate()};
  std::string bytes = mysql::encode_binary_row(row, definitions);
  rows.edit(bytes);
  EXPECT_EQ(*mysql::decode_binary_row(bytes, definitions),
            (mysql::BinaryRow{std::string("x@10.1.2.3"), std::uint64_t{77}, std::monostate()}));
}

TEST(IdentityRows, ARowThatCannotBeReadIsLeftAsItIs) {
  for (const bool is_binary : {false, true}) {
    IdentityRows rows(columns({{0, What::User}}), is_binary, kClient);
    rows.begin(1, {text_column()});
    std::string broken = "\x05@";
    rows.edit(broken);
    EXPECT_EQ(broken, "\x05@");
    rows.begin(1, {});
    rows.edit(broken);
    EXPECT_EQ(broken, "\x05@");
  }
}

TEST(IdentityRows, AColumnThatIsNoNumberGetsATextForOne) {
  IdentityRows rows(columns({{0, What::ConnectionId}}), true, kClient);
  const std::vector<Column> definitions = {text_column()};
  rows.begin(1, definitions);
  std::string bytes = mysql::encode_binary_row({std::string("5")}, definitions);
  rows.edit(bytes);
  EXPECT_EQ(*mysql::decode_binary_row(bytes, definitions), (mysql::BinaryRow{std::string("77")}));
}

TEST(IdentityRows, WhoHoldsALockIsASession) {
  IdentityRows rows(columns({{0, What::LockHolder}}), false, kClient, some_sessions());
  rows.begin(1, {});
  EXPECT_EQ(edited(rows, {"5"}), Row{"100"});
  EXPECT_EQ(edited(rows, {"6"}), Row{"6"}) << "no session's";
  EXPECT_EQ(edited(rows, {std::nullopt}), Row{std::nullopt});
}

TEST(IdentityRows, TablesOfConnectionsAreKnownByTheirColumns) {
  sql::IdentityQuery query;
  query.reads_connections = true;
  IdentityRows rows(query, false, kClient, some_sessions());
  rows.begin(3,
             {text_column("PROCESSLIST", "Host"),
              number_column("processlist", "ID"),
              text_column("processlist", "INFO")});
  // Only of the same table are id and host about the same connection.
  EXPECT_EQ(edited(rows, {"h:1", "5", "5"}), (Row{"h:1", "100", "5"}));
  rows.begin(2, {text_column("processlist", "HOST"), number_column("processlist", "ID")});
  EXPECT_EQ(edited(rows, {"h:1", "5"}), (Row{"10.0.0.1:1", "100"}));
  rows.begin(
      2,
      {text_column("threads", "PROCESSLIST_HOST"), number_column("threads", "PROCESSLIST_ID")});
  EXPECT_EQ(edited(rows, {"h", "5"}), (Row{"10.0.0.1", "100"}));
  EXPECT_EQ(edited(rows, {std::nullopt, "5"}), (Row{std::nullopt, "100"}));
  auto of_users = number_column("processlist", "ID");
  of_users.schema = "shop";
  rows.begin(1, {of_users});
  EXPECT_EQ(edited(rows, {"5"}), Row{"5"});
  EXPECT_TRUE(rows.more_rows().empty());
}

// SHOW PROCESSLIST.
IdentityRows list_for(std::string user, IdentityRows::Sessions sessions = some_sessions()) {
  sql::IdentityQuery query;
  query.lists_sessions = true;
  IdentityRows rows(query, false, {std::move(user), "", 0}, std::move(sessions));
  rows.begin(8, {});
  return rows;
}

std::vector<Row> more_rows(IdentityRows& rows) {
  std::vector<Row> more;
  for (const std::string& row : rows.more_rows()) more.push_back(*mysql::decode_text_row(row, 8));
  return more;
}

TEST(IdentityRows, AConnectionThatASessionHoldsIsTheSession) {
  auto rows = list_for("app");
  EXPECT_EQ(edited(rows, process(4, "app")), process(4, "app")) << "nobody holds it";
  EXPECT_EQ(edited(rows, process(5, "app")), process(100, "app", "10.0.0.1:1"));
}

TEST(IdentityRows, BehindThemComeTheOthersOfTheSameUser) {
  auto rows = list_for("app");
  (void)edited(rows, process(5, "app"));
  const Row idle = {"101", "app", "10.0.0.2:2", "shop", "Sleep", "7", "", std::nullopt};
  EXPECT_EQ(more_rows(rows), std::vector<Row>{idle});
  EXPECT_TRUE(more_rows(rows).empty()) << "once is enough";
}

TEST(IdentityRows, WhoSeesConnectionsOfOtherUsersSeesTheirSessions) {
  auto rows = list_for("app");
  (void)edited(rows, process(5, "app"));
  (void)edited(rows, process(1, "event_scheduler", "localhost"));
  const auto more = more_rows(rows);
  ASSERT_EQ(more.size(), 2U);
  EXPECT_EQ(more[1][1], "eve");
}

TEST(IdentityRows, ASessionThatIsBusyElsewhereIsNotAsleep) {
  SessionInfo busy = session(101, "app", "10.0.0.2:2");
  busy.is_busy = true;
  auto rows = list_for("app", {[] { return IdentityRows::Holders(); }, {busy}});
  const Row expected =
      {"101", "app", "10.0.0.2:2", "shop", "Query", "0", "Dorsal: on another server", std::nullopt};
  EXPECT_EQ(more_rows(rows), std::vector<Row>{expected});
}

TEST(IdentityRows, TheListOfAPreparedStatementIsMadeAsTheServerMakesIt) {
  sql::IdentityQuery query;
  query.lists_sessions = true;
  std::vector<Column> definitions(8, text_column());
  definitions[0] = number_column();
  definitions[5].type = field_type::kLong;
  IdentityRows rows(query, true, kClient, some_sessions());
  rows.begin(8, definitions);
  const auto more = rows.more_rows();
  ASSERT_EQ(more.size(), 2U);
  const auto row = *mysql::decode_binary_row(more[1], definitions);
  EXPECT_EQ(row[0], mysql::Value(std::uint64_t{101}));
  EXPECT_EQ(row[5], mysql::Value(std::int64_t{7}));
  definitions[5].type = field_type::kDouble;
  rows.begin(8, definitions);
  EXPECT_TRUE(rows.more_rows().empty()) << "no server's";
}

TEST(IdentityRows, RowsOfAnotherShapeAreLeftAlone) {
  auto rows = list_for("app");
  rows.begin(2, {});
  EXPECT_EQ(edited(rows, {"5", "app"}), (Row{"5", "app"}));
  EXPECT_TRUE(rows.more_rows().empty());
}

}  // namespace
}  // namespace dorsal::proxy
