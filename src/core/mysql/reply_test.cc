#include "core/mysql/reply.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace dorsal::mysql {
namespace {

using namespace std::string_view_literals;

constexpr std::uint32_t kPlain = capability::kProtocol41;
constexpr std::uint32_t kTracking = kPlain | capability::kSessionTrack;
constexpr std::uint32_t kModern = kTracking | capability::kDeprecateEof;

std::string show(const Trackers& trackers) {
  std::string out;
  for (const auto& [name, value] : trackers.variables) out += fmt::format("{}={} ", name, value);
  if (trackers.schema) out += fmt::format("schema={} ", *trackers.schema);
  if (trackers.state_changed) out += "changed ";
  if (trackers.gtids) out += fmt::format("gtids={} ", *trackers.gtids);
  if (trackers.characteristics)
    out += fmt::format("characteristics='{}' ", *trackers.characteristics);
  if (trackers.transaction_state) out += fmt::format("state={} ", *trackers.transaction_state);
  return out;
}

std::string show(const Result<OkPacket>& ok) {
  if (!ok) return ok.error().message;
  return fmt::format("rows={} id={} status={:x} warnings={} info='{}' {}",
                     ok->affected_rows,
                     ok->insert_id,
                     ok->status,
                     ok->warnings,
                     ok->info,
                     show(ok->trackers));
}

// ---- OK packets of MySQL 9.7.4 ----

struct Real {
  std::uint32_t capabilities;
  std::string_view payload;
  std::string_view shown;
};

const Real kReal[] = {
    {kTracking, "\x00\x00\x00\x02\x00\x00\x00"sv, "rows=0 id=0 status=2 warnings=0 info='' "},
    {kTracking,
     "\x00\x02\x01\x02\x00\x00\x00&Records: 2  Duplicates: 0  Warnings: 0"sv,
     "rows=2 id=1 status=2 warnings=0 info='Records: 2  Duplicates: 0  Warnings: 0' "},
    {kPlain,
     "\x00\x01\x00\x02\x00\x00\x00(Rows matched: 1  Changed: 1  Warnings: 0"sv,
     "rows=1 id=0 status=2 warnings=0 info='Rows matched: 1  Changed: 1  Warnings: 0' "},
    {kTracking,
     "\x00\x00\x00\x02@\x00\x00\x00\x05\x01\x03\x02"
     "d1"sv,
     "rows=0 id=0 status=4002 warnings=0 info='' schema=d1 "},
    {kTracking,
     "\x00\x00\x00\x02@\x00\x00\x00\x06\x02\x01"
     "1\x04\x01\x00"sv,
     "rows=0 id=0 status=4002 warnings=0 info='' changed characteristics='' "},
    {kTracking,
     "\x00\x00\x00\x00@\x00\x00\x00'\x00\x0f\x0a"
     "autocommit\x03OFF\x00\x11\x09time_zone\x06+01:00"
     "\x02\x01"
     "1"sv,
     "rows=0 id=0 status=4000 warnings=0 info='' autocommit=OFF time_zone=+01:00 changed "},
    {kTracking,
     "\x00\x01\x03\x01@\x00\x00\x00\x0b\x05\x09\x08I___W___"sv,
     "rows=1 id=3 status=4001 warnings=0 info='' state=I___W___ "},
    {kModern,
     "\xfe\x00\x00\x09@\x00\x00\x00\x0b\x05\x09\x08I_R_W_S_"sv,
     "rows=0 id=0 status=4009 warnings=0 info='' state=I_R_W_S_ "},
    {kModern,
     "\x00\x00\x00\x00@\x00\x00\x00"
     "6\x03)\x00'273eb057-e53b-11f1-8d6e-02fc00000001:14\x05\x09"
     "\x08________"sv,
     "rows=0 id=0 status=4000 warnings=0 info='' "
     "gtids=273eb057-e53b-11f1-8d6e-02fc00000001:14 state=________ "},
};

TEST(Ok, OfARealServerIsUnderstood) {
  for (const auto& real : kReal)
    EXPECT_EQ(show(decode_ok(real.payload, real.capabilities)), real.shown);
}

TEST(Ok, IsWrittenAsARealServerWritesIt) {
  for (const auto& real : kReal) {
    bool ends_result = real.payload[0] == '\xfe';
    auto ok = decode_ok(real.payload, real.capabilities);
    ASSERT_TRUE(ok);
    EXPECT_EQ(encode_ok(*ok, real.capabilities, ends_result), real.payload) << real.shown;
    auto view = view_ok(real.payload, real.capabilities);
    ASSERT_TRUE(view);
    EXPECT_EQ(encode_ok(*view, real.capabilities, ends_result), real.payload) << real.shown;
  }
}

TEST(Ok, CutAnywhereIsCorruptOrShorter) {
  for (const auto& real : kReal) {
    for (std::size_t size = 0; size < real.payload.size(); ++size) {
      auto ok = decode_ok(real.payload.substr(0, size), real.capabilities);
      EXPECT_TRUE(!ok || ok->trackers.is_empty()) << show(ok);
    }
    EXPECT_FALSE(decode_ok(real.payload.substr(0, 6), real.capabilities));
  }
}

TEST(Ok, ForClientsWithoutTrackingHasNoChangesAndNoFlag) {
  auto ok = decode_ok(kReal[3].payload, kTracking);
  EXPECT_EQ(show(decode_ok(encode_ok(*ok, kPlain), kPlain)),
            "rows=0 id=0 status=2 warnings=0 info='' ");
}

TEST(Ok, AtTheEndOfAResultIsAnEofForOldClients) {
  OkPacket ok;
  ok.status = status::kAutocommit | status::kSessionStateChanged;
  ok.warnings = 3;
  ok.trackers.schema = "shop";
  auto eof = decode_eof(encode_ok(ok, kTracking, true));
  ASSERT_TRUE(eof);
  EXPECT_EQ(*eof, (EofPacket{3, status::kAutocommit}));
}

TEST(Ok, SetsTheFlagWhenItCarriesChanges) {
  OkPacket ok;
  ok.trackers.gtids = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-9";
  auto read = decode_ok(encode_ok(ok, kTracking), kTracking);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->status, status::kSessionStateChanged);
  EXPECT_EQ(read->trackers, ok.trackers);
}

TEST(Ok, OfAnotherTypeIsRefused) {
  EXPECT_FALSE(view_ok("\xff\x00\x00\x02\x00\x00\x00"sv, kPlain));
  EXPECT_FALSE(view_ok("", kPlain));
}

// ---- session changes ----

TEST(Trackers, KeepEveryVariableAndTheLastOfTheRest) {
  std::string changes;
  append_change(changes,
                change_type::kVariable,
                "\x01"
                "a\x01"
                "1");
  append_change(changes, change_type::kSchema, "\x03old");
  append_change(changes,
                change_type::kVariable,
                "\x01"
                "b\x00"sv);
  append_change(changes, change_type::kSchema, "\x03new");
  EXPECT_EQ(show(*decode_trackers(changes)), "a=1 b= schema=new ");
}

TEST(Trackers, PassOverUnknownTypes) {
  std::string changes;
  append_change(changes, 0x77, "whatever");
  append_change(changes, change_type::kState, "1");
  EXPECT_EQ(show(*decode_trackers(changes)), "changed ");
}

TEST(Trackers, MalformedEntriesAreCorrupt) {
  struct {
    std::uint8_t type;
    std::string_view data;
  } const cases[] = {{change_type::kVariable,
                      "\x01"
                      "a"},
                     {change_type::kSchema, "\x05shop"},
                     {change_type::kGtids, "\x01\x00"sv},
                     {change_type::kGtids, ""},
                     {change_type::kTransactionState, ""}};
  for (const auto& [type, data] : cases) {
    std::string changes;
    append_change(changes, type, data);
    EXPECT_FALSE(decode_trackers(changes)) << int{type};
  }
  EXPECT_FALSE(
      decode_trackers("\x01\x05"
                      "ab"));
}

TEST(Trackers, AreClearedAsAWhole) {
  Trackers trackers;
  trackers.state_changed = true;
  trackers.variables = {{"a", "1"}};
  EXPECT_FALSE(trackers.is_empty());
  trackers.clear();
  EXPECT_TRUE(trackers.is_empty());
}

TEST(ChangeReader, YieldsEachChangeThenNothing) {
  auto ok = view_ok(kReal[5].payload, kTracking);
  ASSERT_TRUE(ok);
  ChangeReader changes(ok->changes);
  auto first = decode_variable_change(changes.next()->data);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->first, "autocommit");
  EXPECT_EQ(first->second, "OFF");
  EXPECT_EQ(changes.next()->type, change_type::kVariable);
  EXPECT_EQ(changes.next()->type, change_type::kState);
  EXPECT_FALSE(changes.next());
  EXPECT_TRUE(changes.ok());
}

TEST(ChangeReader, StopsAtAMalformedChange) {
  ChangeReader changes(
      "\x02\x01"
      "1\x01\x09"
      "ab");
  EXPECT_TRUE(changes.next());
  EXPECT_FALSE(changes.next());
  EXPECT_FALSE(changes.ok());
}

// ---- ERR and EOF ----

TEST(Err, HasASqlstateOnceTheClientSaidItKnowsIt) {
  auto err = decode_err("\xff(\x04#42000You have an error"sv, kPlain);
  ASSERT_TRUE(err);
  EXPECT_EQ(to_string(*err), "ERROR 1064 (42000): You have an error");
  EXPECT_EQ(encode(*err, kPlain), "\xff(\x04#42000You have an error"sv);
}

TEST(Err, BeforeTheLoginHasNoSqlstate) {
  auto err = decode_err("\xff\x10\x04Too many connections"sv, 0);
  ASSERT_TRUE(err);
  EXPECT_EQ(to_string(*err), "ERROR 1040 (HY000): Too many connections");
  EXPECT_EQ(encode(*err, 0), "\xff\x10\x04Too many connections"sv);
}

TEST(Err, MalformedIsCorrupt) {
  for (auto bytes : {""sv, "\x00\x10\x04"sv, "\xff\x10"sv, "\xff\x10\x04#420"sv}) {
    EXPECT_FALSE(decode_err(bytes, kPlain));
  }
}

TEST(Eof, WhatIsWrittenIsRead) {
  EofPacket eof{5, status::kAutocommit};
  EXPECT_EQ(encode(eof), "\xfe\x05\x00\x02\x00"sv);
  EXPECT_EQ(*decode_eof(encode(eof)), eof);
  EXPECT_FALSE(decode_eof("\xfe\x05\x00\x02"sv));
  EXPECT_FALSE(decode_eof("\x00\x05\x00\x02\x00"sv));
}

TEST(ResultEnd, IsToldFromARow) {
  std::string huge_row(kMaxPayload, 'x');
  huge_row[0] = '\xfe';
  struct {
    std::string payload;
    std::uint32_t capabilities;
    bool ends;
  } const cases[] = {{encode(EofPacket()), kPlain, true},
                     {encode_ok(OkPacket(), kModern, true), kModern, true},
                     {encode_ok(OkPacket(), kModern, false), kModern, false},
                     {"", kModern, false},
                     {"\x01x", kPlain, false},
                     {"\xfe-a-row-of-an-old-client", kPlain, false},
                     {huge_row, kModern, false},
                     {huge_row, kPlain, false}};
  for (const auto& [payload, capabilities, ends] : cases) {
    EXPECT_EQ(is_result_end(payload, capabilities), ends) << payload.substr(0, 20);
  }
  EXPECT_TRUE(is_err("\xff\x10\x04"));
  EXPECT_FALSE(is_err(""));
}

}  // namespace
}  // namespace dorsal::mysql
