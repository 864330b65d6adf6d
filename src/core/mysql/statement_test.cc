#include "core/mysql/statement.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/mysql/protocol.h"

namespace dorsal::mysql {
namespace {

using namespace std::string_view_literals;

constexpr std::uint32_t kPlain = capability::kProtocol41;
constexpr std::uint32_t kNamed = kPlain | capability::kQueryAttributes;

// ---- PREPARE ----

TEST(PrepareOk, WhatIsWrittenIsRead) {
  PrepareOk ok{7, 3, 2, 1, true};
  EXPECT_EQ(encode(ok, kPlain), "\x00\x07\x00\x00\x00\x03\x00\x02\x00\x00\x01\x00"sv);
  EXPECT_EQ(*decode_prepare_ok(encode(ok, kPlain), kPlain), ok);
}

TEST(PrepareOk, SaysWhetherMetadataFollowsToThoseWhoAsked) {
  constexpr auto kOptional = kPlain | capability::kOptionalResultsetMetadata;
  PrepareOk ok{7, 3, 2, 1, false};
  EXPECT_EQ(*decode_prepare_ok(encode(ok, kOptional), kOptional), ok);
  EXPECT_FALSE(decode_prepare_ok(encode(ok, kPlain), kOptional));
}

TEST(PrepareOk, MalformedIsCorrupt) {
  EXPECT_FALSE(decode_prepare_ok("\x00\x07\x00\x00\x00\x03\x00\x02\x00\x00\x01"sv, kPlain));
  EXPECT_FALSE(decode_prepare_ok("\x01\x07\x00\x00\x00\x03\x00\x02\x00\x00\x01\x00"sv, kPlain));
}

// ---- EXECUTE ----

constexpr auto kHead = "\x17\x04\x00\x00\x00\x00\x01\x00\x00\x00"sv;          // flags 0
constexpr auto kCountingHead = "\x17\x04\x00\x00\x00\x08\x01\x00\x00\x00"sv;  // flags 8

std::string execute(std::string_view head, std::string_view block) {
  return std::string(head) + std::string(block);
}

std::string show(const Result<ExecuteView>& view) {
  if (!view) return view.error().message;
  return fmt::format("id={} flags={} parameters={} bitmap={} types={}+{}{} values={}",
                     view->statement_id,
                     view->flags,
                     view->parameters,
                     view->null_bitmap_offset,
                     view->types_offset,
                     view->types_length,
                     view->types_follow ? "" : " remembered",
                     view->values_offset);
}

TEST(Execute, BlocksOfAllFormsAreUnderstood) {
  struct {
    std::string payload;
    std::size_t parameters;
    std::uint32_t capabilities;
    std::string_view shown;
  } const cases[] = {
      {execute(kHead, ""),
       0,
       kPlain,
       "id=4 flags=0 parameters=0 bitmap=0 types=0+0 remembered values=0"},
      // The manual's example.
      {execute(kHead,
               "\x00\x01\x0f\x00\x03"
               "foo"sv),
       1,
       kPlain,
       "id=4 flags=0 parameters=1 bitmap=10 types=12+2 values=14"},
      {execute(kHead,
               "\x00\x00\x03"
               "foo"sv),
       1,
       kPlain,
       "id=4 flags=0 parameters=1 bitmap=10 types=12+0 remembered values=12"},
      {execute(kHead,
               "\x00\x00\x01"
               "\x03\x00\x03\x00\x03\x00\x03\x00\x03\x00\x03\x00\x03\x00\x03\x00\x03\x00"sv),
       9,
       kPlain,
       "id=4 flags=0 parameters=9 bitmap=10 types=13+18 values=31"},
      // With query attributes: a count and names, whether the flag says so or not.
      {execute(kCountingHead,
               "\x01\x00\x01\xfd\x00\x00\x05"
               "admin"sv),
       1,
       kNamed,
       "id=4 flags=8 parameters=1 bitmap=11 types=13+3 values=16"},
      {execute(kHead,
               "\x01\x00\x01\xfd\x00\x00\x05"
               "admin"sv),
       1,
       kNamed,
       "id=4 flags=0 parameters=1 bitmap=11 types=13+3 values=16"},
      // A statement with one parameter, and an attribute behind it.
      {execute(kCountingHead, "\x02\x00\x01\x01\x00\x00\xfd\x00\x01t\x07\x01x"sv),
       1,
       kNamed,
       "id=4 flags=8 parameters=2 bitmap=11 types=13+7 values=20"},
      // No parameters: the block is there only when the flag says so.
      {execute(kHead, ""),
       0,
       kNamed,
       "id=4 flags=0 parameters=0 bitmap=0 types=0+0 remembered values=0"},
      {execute(kCountingHead, "\x00"sv),
       0,
       kNamed,
       "id=4 flags=8 parameters=0 bitmap=0 types=0+0 remembered values=0"},
      {execute(kCountingHead, ""),
       0,
       kPlain,
       "id=4 flags=8 parameters=0 bitmap=0 types=0+0 remembered values=0"},
  };
  for (const auto& [payload, parameters, capabilities, shown] : cases) {
    EXPECT_EQ(show(view_execute(payload, parameters, capabilities)), shown);
  }
}

TEST(Execute, MalformedIsCorrupt) {
  struct {
    std::string payload;
    std::uint32_t capabilities;
  } const cases[] = {
      {"", kPlain},
      {"\x16" + std::string(kHead.substr(1)), kPlain},
      {std::string(kHead.substr(0, 9)), kPlain},
      {execute(kHead, ""), kPlain},
      {execute(kHead, "\x00"sv), kPlain},
      {execute(kHead, "\x00\x01\x0f"sv), kPlain},
      {execute(kCountingHead, ""), kNamed},
      {execute(kCountingHead, "\xfd\x00\x00\x01"sv), kNamed},  // 65536 parameters
      {execute(kCountingHead, "\x01\x00\x01\xfd\x00\x05x"sv), kNamed},
  };
  for (const auto& [payload, capabilities] : cases) {
    EXPECT_FALSE(view_execute(payload, 1, capabilities));
  }
}

TEST(Execute, RememberedTypesAreTheOnesThatWereSent) {
  auto first = execute(kHead,
                       "\x00\x01\x0f\x00\x03"
                       "foo"sv);
  auto types = types_of(first, *view_execute(first, 1, kPlain));
  EXPECT_EQ(types, "\x0f\x00"sv);
  auto second = execute(kHead,
                        "\x00\x00\x03"
                        "bar"sv);
  auto completed = with_types(second, *view_execute(second, 1, kPlain), types);
  EXPECT_EQ(completed,
            execute(kHead,
                    "\x00\x01\x0f\x00\x03"
                    "bar"sv));
}

TEST(Execute, ValuesAreWholeByTheTypesThatComeOrAreRemembered) {
  const auto is_whole = [](std::string_view block, std::string_view types = "\x03\x00"sv) {
    const auto payload = execute(kHead, block);
    return values_are_whole(payload, *view_execute(payload, 1, kPlain), types, kPlain);
  };
  EXPECT_TRUE(is_whole("\x00\x00\x01\x02\x03\x04"sv));
  EXPECT_FALSE(is_whole("\x00\x00\x01\x02\x03"sv));
  EXPECT_TRUE(is_whole("\x01\x00"sv)) << "NULL";
  EXPECT_TRUE(is_whole("\x00\x01\x01\x80\x07"sv)) << "types that come count";
  EXPECT_FALSE(is_whole("\x00\x01\x0f\x00\x02x"sv));
  EXPECT_FALSE(is_whole("\x00\x00\x07"sv, ""));
  EXPECT_TRUE(is_whole("\x00\x00\x04\x01\x02\x03\x04"sv, "\x0a\x00"sv)) << "a date";
  EXPECT_FALSE(is_whole("\x00\x00\x03\x01\x02\x03"sv, "\x0a\x00"sv));
  EXPECT_FALSE(is_whole("\x00\x00\x04\x01\x02\x03\x04"sv, "\x0b\x00"sv)) << "a time";
  EXPECT_FALSE(is_whole("\x00\x00\x01\x01"sv, "\xf4\x00"sv)) << "no type of any parameter";
  const auto none = execute(kHead, "");
  EXPECT_TRUE(values_are_whole(none, *view_execute(none, 0, kPlain), "", kPlain));
}

TEST(Execute, ValuesOfAttributesHaveTypesOnlyWhereTheseCome) {
  const auto is_whole = [](std::string_view block) {
    const auto payload = execute(kCountingHead, block);
    return values_are_whole(payload, *view_execute(payload, 1, kNamed), "\x01\x00\x00"sv, kNamed);
  };
  EXPECT_TRUE(is_whole("\x02\x00\x01\x01\x00\x00\x01\x00\x01n\x07\x08"sv));
  EXPECT_FALSE(is_whole("\x02\x00\x01\x01\x00\x00\x01\x00\x01n\x07"sv));
  EXPECT_FALSE(is_whole("\x02\x00\x00\x07\x08"sv));
  EXPECT_TRUE(is_whole("\x01\x00\x00\x07"sv));
}

TEST(Execute, TypesAreNotPutInTwiceOrWithoutParameters) {
  auto typed = execute(kHead,
                       "\x00\x01\x0f\x00\x03"
                       "foo"sv);
  EXPECT_EQ(with_types(typed, *view_execute(typed, 1, kPlain), "\x01\x00"sv), typed);
  auto bare = execute(kHead, "");
  EXPECT_EQ(with_types(bare, *view_execute(bare, 0, kPlain), "\x01\x00"sv), bare);
}

TEST(Execute, OnlyTypesOfTheStatementsOwnParametersAreRemembered) {
  const auto with_attribute = execute(kCountingHead, "\x02\x00\x01\x0f\x00\x00\x03\x00\x01n"sv);
  const auto view = view_execute(with_attribute, 1, kNamed);
  EXPECT_EQ(types_of(with_attribute, *view), "\x0f\x00\x00"sv);
}

// Servers refuse both: they would take types of as many parameters as there are.
TEST(Execute, TypesAreNotPutInBesideAttributesNorWhereNoneAreKnown) {
  const auto with_attribute = execute(kCountingHead,
                                      "\x02\x00\x00\x03"
                                      "foo\x01"sv);
  EXPECT_EQ(with_types(with_attribute, *view_execute(with_attribute, 1, kNamed), "\x0f\x00\x00"sv),
            with_attribute);
  const auto untyped = execute(kHead,
                               "\x00\x00\x03"
                               "bar"sv);
  EXPECT_EQ(with_types(untyped, *view_execute(untyped, 1, kPlain), ""), untyped);
}

TEST(Execute, TheStatementIdIsOverwrittenInPlace) {
  auto payload = execute(kHead, "\x00\x00"sv);
  set_statement_id(payload, 0x01020304);
  EXPECT_EQ(payload, "\x17\x04\x03\x02\x01\x00\x01\x00\x00\x00\x00\x00"sv);
}

// ---- QUERY ----

std::string show(const Result<QueryView>& query) {
  if (!query) return query.error().message;
  std::string out;
  for (const auto& [name, value] : query->text_attributes)
    out += fmt::format("{}={} ", name, value);
  return out + "sql=" + std::string(query->sql);
}

TEST(Query, WithoutAttributesIsAllSql) {
  EXPECT_EQ(show(view_query("select 1", kPlain)), "sql=select 1");
}

TEST(Query, AttributesStandBeforeTheSql) {
  struct {
    std::string_view payload;
    std::string_view shown;
  } const cases[] = {
      {"\x00\x01select 1"sv, "sql=select 1"},
      {"\x01\x01\x00\x01\xfe\x00\x05trace\x03"
       "abcselect 1"sv,
       "trace=abc sql=select 1"},
      // NULL, a number and a nameless text are passed over.
      {"\x04\x01\x01\x01\xfe\x00\x01n\x08\x80\x01i\xfe\x00\x00\xfd\x00\x01s"
       "\x07\x00\x00\x00\x00\x00\x00\x00\x01x\x01yselect 1"sv,
       "s=y sql=select 1"},
      {"\x02\x01\x00\x01\x0a\x00\x01"
       "d\xfe\x00\x01s\x04\xda\x07\x0a\x11\x00;"sv,
       "s= sql=;"},
  };
  for (const auto& [payload, shown] : cases) EXPECT_EQ(show(view_query(payload, kNamed)), shown);
}

TEST(Query, TheBlockAndTheSqlAreTheWholePayload) {
  auto payload =
      "\x01\x01\x00\x01\xfe\x00\x05trace\x03"
      "abcselect 1"sv;
  auto query = view_query(payload, kNamed);
  ASSERT_TRUE(query);
  EXPECT_EQ(std::string(query->attributes_block) + std::string(query->sql), payload);
}

TEST(Query, MalformedAttributesAreCorrupt) {
  for (auto payload : {""sv,
                       "\x01"sv,
                       "\x01\x02\x00\x01"sv,
                       "\x01\x01\x00\x00select 1"sv,
                       "\x01\x01\x00\x01\xfe\x00\x09trace"sv,
                       "\x01\x01\x00\x01\x08\x00\x00\x01"sv,
                       "\xff\x01select 1"sv}) {
    EXPECT_FALSE(view_query(payload, kNamed)) << payload;
  }
}

TEST(Query, IsEncodedWithAnEmptyBlockWhereOneIsExpected) {
  EXPECT_EQ(encode_query("select 1", kPlain), "\x03select 1");
  EXPECT_EQ(encode_query("select 1", kNamed), "\x03\x00\x01select 1"sv);
}

}  // namespace
}  // namespace dorsal::mysql
