#include "core/sql/get_diagnostics.h"

#include <gtest/gtest.h>

namespace dorsal::sql {
namespace {

using Item = GetDiagnostics::Item;

std::string show(std::string_view sql) {
  auto get = parse_get_diagnostics(sql, {});
  if (!get) return "-";
  std::string text = get->condition;
  for (const auto& target : get->targets) {
    text += "|" + target.variable + "=" + std::to_string(static_cast<int>(target.item));
  }
  return text;
}

std::string item(Item item) { return std::to_string(static_cast<int>(item)); }

TEST(GetDiagnostics, IsReadInEveryForm) {
  EXPECT_EQ(show("GET DIAGNOSTICS @n = NUMBER"), "|n=" + item(Item::Number));
  EXPECT_EQ(show("get /* x */ current diagnostics @`N n` = number, @r=ROW_COUNT ;"),
            "|n n=" + item(Item::Number) + "|r=" + item(Item::RowCount));
  EXPECT_EQ(show("GET DIAGNOSTICS CONDITION 1 @s = RETURNED_SQLSTATE, @e = MYSQL_ERRNO"),
            "1|s=" + item(Item::ReturnedSqlstate) + "|e=" + item(Item::MysqlErrno));
  EXPECT_EQ(show("GET DIAGNOSTICS CONDITION @n @t = table_name"), "@n|t=" + item(Item::GivenName));
  EXPECT_EQ(show("GET DIAGNOSTICS CONDITION NULL @m = MESSAGE_TEXT"),
            "NULL|m=" + item(Item::MessageText));
}

TEST(GetDiagnostics, WhatAServerRefusesIsLeftToIt) {
  for (const char* sql : {"GET STACKED DIAGNOSTICS @n = NUMBER",
                          "GET DIAGNOSTICS n = NUMBER",
                          "GET DIAGNOSTICS @n := NUMBER",
                          "GET DIAGNOSTICS @n = MESSAGE_TEXT",
                          "GET DIAGNOSTICS CONDITION 1 @n = NUMBER",
                          "GET DIAGNOSTICS CONDITION -1 @n = MYSQL_ERRNO",
                          "GET DIAGNOSTICS CONDITION n @n = MYSQL_ERRNO",
                          "GET DIAGNOSTICS CONDITION 1",
                          "GET DIAGNOSTICS @n = NUMBER, ",
                          "GET DIAGNOSTICS @n = NUMBER; SELECT 1",
                          "SHOW WARNINGS"}) {
    EXPECT_EQ(show(sql), "-") << sql;
  }
}

}  // namespace
}  // namespace dorsal::sql
