#include "core/mysql/reply_relay.h"

#include <gtest/gtest.h>

#include <tuple>

#include "base/bytes.h"
#include "core/mysql/column.h"
#include "core/mysql/lenenc.h"
#include "core/mysql/packet.h"
#include "core/mysql/protocol.h"
#include "core/mysql/row.h"

namespace dorsal::mysql {
namespace {

constexpr std::uint32_t kModern =
    capability::kProtocol41 | capability::kDeprecateEof | capability::kSessionTrack;
constexpr std::uint32_t kOld = capability::kProtocol41;
constexpr std::uint32_t kTracksOnly = capability::kProtocol41 | capability::kSessionTrack;

// Outlives every relay.
const ClientTracking& usual_tracking() {
  static const ClientTracking usual;
  return usual;
}

// A reply under construction, as a peer with these capabilities sees it.
class Script {
 public:
  explicit Script(std::uint32_t capabilities) : capabilities_(capabilities) {}

  Script& payload(std::string_view bytes) {
    append_packet(bytes_, sequence_, bytes);
    return *this;
  }
  Script& ok(const OkPacket& packet) { return payload(encode_ok(packet, capabilities_)); }
  // What follows column definitions for those who know EOF.
  Script& eof(std::uint16_t status = status::kAutocommit) {
    EofPacket packet;
    packet.status = status;
    return payload(encode(packet));
  }
  Script& end_of_rows(const OkPacket& packet) {
    if ((capabilities_ & capability::kDeprecateEof) != 0) {
      return payload(encode_ok(packet, capabilities_, true));
    }
    return payload(encode(EofPacket{packet.warnings, packet.status}));
  }
  Script& err(std::uint16_t code, std::string message) {
    return payload(encode(ErrPacket{code, "HY000", std::move(message)}, capabilities_));
  }
  Script& columns(std::size_t count, bool then_eof) {
    payload(std::string(1, static_cast<char>(count)));
    for (std::size_t i = 0; i < count; ++i) {
      Column column;
      column.name = "c" + std::to_string(i);
      payload(encode(column));
    }
    if (then_eof) eof();
    return *this;
  }
  Script& row(const std::vector<std::optional<std::string>>& fields) {
    return payload(encode_text_row(fields));
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::uint32_t capabilities_;
  std::uint8_t sequence_ = 1;
  std::string bytes_;
};

struct Outcome {
  std::string out;
  ReplySummary summary;
  ReplyRelay::Progress progress = ReplyRelay::Progress::More;
};

// Feeds the reply in two pieces cut at `cut`.
Outcome relay(const std::string& reply,
              std::uint32_t client,
              std::size_t cut,
              ReplyShape shape = ReplyShape::Results,
              const ClientTracking& tracking = usual_tracking(),
              std::uint32_t server = kModern) {
  ReplyRelay relay(server, client, tracking);
  relay.begin(shape, 0, std::nullopt, true);
  Outcome outcome;
  std::string_view rest = reply;
  for (auto piece : {rest.substr(0, cut), rest.substr(cut)}) {
    auto progress = relay.feed(piece, outcome.out);
    EXPECT_TRUE(progress) << (progress ? "" : progress.error().message);
    if (!progress) return outcome;
    EXPECT_EQ(relay.consumed(), piece.size());
    outcome.progress = *progress;
  }
  outcome.summary = relay.summary();
  return outcome;
}

// The client gets `expected`, wherever the server's bytes are cut.
void expect_relayed(const Script& reply,
                    std::uint32_t client,
                    const Script& expected,
                    ReplyShape shape = ReplyShape::Results,
                    const ClientTracking& tracking = usual_tracking(),
                    std::uint32_t server = kModern) {
  for (std::size_t cut = 0; cut <= reply.bytes().size(); ++cut) {
    auto outcome = relay(reply.bytes(), client, cut, shape, tracking, server);
    ASSERT_EQ(outcome.progress, ReplyRelay::Progress::Done) << "cut at " << cut;
    ASSERT_EQ(outcome.out, expected.bytes()) << "cut at " << cut;
  }
}

OkPacket tracked_ok() {
  OkPacket ok;
  ok.affected_rows = 3;
  ok.status = status::kAutocommit | status::kSessionStateChanged;
  ok.info = "Rows matched: 3";
  ok.trackers.gtids = "11111111-1111-1111-1111-111111111111:7";
  ok.trackers.schema = "shop";
  ok.trackers.variables = {{"autocommit", "ON"}, {"sql_mode", "ANSI"}};
  return ok;
}

TEST(ReplyRelay, AModernClientSeesOnlyTheChangesItWouldSeeFromTheServer) {
  auto wanted = tracked_ok();
  wanted.trackers.gtids.reset();
  wanted.trackers.variables.pop_back();
  expect_relayed(Script(kModern).ok(tracked_ok()), kModern, Script(kModern).ok(wanted));
}

TEST(ReplyRelay, AClientThatAskedForGtidsGetsThem) {
  ClientTracking tracking;
  tracking.gtids = true;
  tracking.all_variables = true;
  expect_relayed(Script(kModern).ok(tracked_ok()),
                 kModern,
                 Script(kModern).ok(tracked_ok()),
                 ReplyShape::Results,
                 tracking);
}

std::string state_and_start(std::string state, std::string start) {
  OkPacket ok;
  ok.status = status::kAutocommit | status::kSessionStateChanged;
  ok.trackers.transaction_state = std::move(state);
  ok.trackers.characteristics = std::move(start);
  return Script(kModern).ok(ok).bytes();
}

// What a client gets that does not track transactions: "flag" for a change that names nothing.
std::string told_of_transaction(ReplyRelay& relay, const std::string& reply) {
  relay.begin(ReplyShape::Results);
  std::string out;
  EXPECT_TRUE(relay.feed(reply, out));
  auto ok = decode_ok(std::string_view(out).substr(kHeaderSize), kModern);
  if (!ok) return ok.error().message;
  if (ok->trackers.transaction_state) return *ok->trackers.transaction_state;
  return (ok->status & status::kSessionStateChanged) != 0 ? "flag" : "nothing";
}

TEST(ReplyRelay, EveryClientIsToldWhereATransactionBeginsAndEndsButNotWhatItDoes) {
  const ClientTracking usual;
  ReplyRelay relay(kModern, kModern, usual);
  auto told = [&](const char* state, const char* start) {
    return told_of_transaction(relay, state_and_start(state, start));
  };
  EXPECT_EQ(told("T_______", "START TRANSACTION;"), "T_______");
  EXPECT_EQ(told("T___W___", ""), "nothing");
  EXPECT_EQ(told("T_______", "START TRANSACTION;"), "flag");
  EXPECT_EQ(told("________", ""), "________");
  EXPECT_EQ(told("T_R_____", "START TRANSACTION WITH CONSISTENT SNAPSHOT;"), "T_R_____");
  EXPECT_EQ(told("T_R_W___", ""), "nothing");
  EXPECT_EQ(told("T_______", "START TRANSACTION;"), "T_______");
  EXPECT_EQ(told("________", ""), "________");
  EXPECT_EQ(told("I___W___", ""), "nothing");
  EXPECT_EQ(told("________", ""), "nothing");
}

TEST(ReplyRelay, AnOldClientSeesNoChangesAtAll) {
  OkPacket plain = tracked_ok();
  plain.trackers.clear();
  plain.status = status::kAutocommit;
  expect_relayed(Script(kModern).ok(tracked_ok()), kOld, Script(kOld).ok(plain));
}

TEST(ReplyRelay, TheSummaryHasWhatTheOkSaid) {
  auto outcome = relay(Script(kModern).ok(tracked_ok()).bytes(), kOld, 0);
  EXPECT_EQ(outcome.summary.gtids.at(0), "11111111-1111-1111-1111-111111111111:7");
  EXPECT_EQ(*outcome.summary.schema, "shop");
  EXPECT_EQ(outcome.summary.variables.at(1).second, "ANSI");
  EXPECT_EQ(outcome.summary.status & status::kAutocommit, status::kAutocommit);
}

TEST(ReplyRelay, AResultSetGetsItsEofsBackForAnOldClient) {
  OkPacket end;
  end.status = status::kAutocommit;
  end.warnings = 2;
  Script reply(kModern);
  reply.columns(2, false).row({"1", std::nullopt}).row({"", "x"}).end_of_rows(end);
  expect_relayed(reply, kModern, reply);
  for (auto client : {kOld, kTracksOnly}) {
    Script expected(client);
    expected.columns(2, true).row({"1", std::nullopt}).row({"", "x"}).end_of_rows(end);
    expect_relayed(reply, client, expected);
  }
}

TEST(ReplyRelay, AnEmptyResultSetHasBothEofs) {
  OkPacket end;
  end.status = status::kAutocommit;
  Script reply(kModern);
  reply.columns(1, false).end_of_rows(end);
  Script expected(kOld);
  expected.columns(1, true).end_of_rows(end);
  expect_relayed(reply, kOld, expected);
}

TEST(ReplyRelay, AnOpenCursorHasOneEofOnly) {
  OkPacket open;
  open.status = status::kCursorExists;
  Script reply(kModern);
  reply.columns(1, false).end_of_rows(open);
  Script expected(kOld);
  expected.columns(1, false).end_of_rows(open);
  expect_relayed(reply, kOld, expected);
}

TEST(ReplyRelay, TheEofThatNoServerSentHasTheStatusOfTheSession) {
  OkPacket before = tracked_ok();
  before.status = status::kInTransaction | status::kSessionStateChanged | status::kDbDropped |
                  status::kNoIndexUsed | status::kMoreResults;
  OkPacket plain = before;
  plain.trackers.clear();
  plain.status &= ~status::kSessionStateChanged;
  Script reply(kModern);
  reply.ok(before).columns(1, false).row({"a"}).end_of_rows(OkPacket());
  Script expected(kOld);
  expected.ok(plain).columns(1, false).eof(status::kInTransaction);
  expected.row({"a"}).end_of_rows(OkPacket());
  expect_relayed(reply, kOld, expected);
}

TEST(ReplyRelay, OfACallEachEofBehindColumnsSaysThatMoreFollows) {
  OkPacket more;
  more.status = status::kAutocommit | status::kMoreResults;
  Script reply(kModern);
  reply.columns(1, false).row({"a"}).end_of_rows(more).ok(OkPacket());
  Script expected(kOld);
  expected.columns(1, false).eof(more.status).row({"a"}).end_of_rows(more).ok(OkPacket());
  const ClientTracking tracking;
  ReplyRelay relay(kModern, kOld, tracking);
  for (int i = 0; i < 2; ++i) {
    relay.begin(ReplyShape::Results);
    if (i == 0) relay.expect_more_results();
    std::string out;
    ASSERT_TRUE(relay.feed(reply.bytes(), out));
    EXPECT_EQ(out == expected.bytes(), i == 0) << "it counts for one reply";
  }
}

TEST(ReplyRelay, SeveralResultsEndWithTheLastOne) {
  OkPacket more;
  more.status = status::kAutocommit | status::kMoreResults;
  auto write = [&](std::uint32_t capabilities, bool eofs) {
    Script script(capabilities);
    script.columns(1, eofs).row({"a"}).end_of_rows(more).ok(more);
    script.columns(1, eofs).row({"b"}).end_of_rows(OkPacket());
    return script;
  };
  expect_relayed(write(kModern, false), kModern, write(kModern, false));
  expect_relayed(write(kModern, false), kOld, write(kOld, true));
}

// Puts a mark behind each row's first field, and behind them all a row with the columns' names.
class Marking : public RowEditor {
 public:
  void begin(std::uint64_t count, std::vector<Column> definitions) override {
    names_ = std::to_string(count);
    for (const Column& column : definitions) names_ += " " + column.name;
  }
  void edit(std::string& row) override {
    auto fields = *decode_text_row(row, 1);
    fields[0] = *fields[0] + "!";
    row = encode_text_row(fields);
  }
  std::vector<std::string> more_rows() override { return {encode_text_row({names_})}; }

 private:
  std::string names_;
};

TEST(ReplyRelay, RowsGoThroughTheEditorAndMoreMayFollow) {
  Marking marking;
  for (std::uint32_t client : {kModern, kOld}) {
    for (bool is_empty : {true, false}) {
      Script reply(kModern);
      reply.columns(1, false);
      if (!is_empty) reply.row({"a"}).row({std::string(300, 'b')});
      reply.end_of_rows(OkPacket());
      Script expected(client);
      expected.columns(1, client == kOld);
      if (!is_empty) expected.row({"a!"}).row({std::string(300, 'b') + "!"});
      expected.row({"1 c0"}).end_of_rows(OkPacket());
      for (std::size_t cut = 0; cut <= reply.bytes().size(); ++cut) {
        const ClientTracking tracking;
        ReplyRelay relay(kModern, client, tracking);
        relay.begin(ReplyShape::Results);
        relay.edit_rows(&marking);
        std::string out;
        ASSERT_TRUE(relay.feed(std::string_view(reply.bytes()).substr(0, cut), out));
        ASSERT_TRUE(relay.feed(std::string_view(reply.bytes()).substr(cut), out));
        ASSERT_EQ(out, expected.bytes()) << "cut at " << cut;
        EXPECT_EQ(relay.summary().rows, is_empty ? 1U : 3U);
      }
    }
  }
}

TEST(ReplyRelay, ASnapshotThatFollowsAnotherTransactionAtOnceIsTold) {
  const ClientTracking tracking;
  ReplyRelay relay(kModern, kModern, tracking);
  auto told = [&](std::string state, std::string start) {
    std::string out;
    relay.begin(ReplyShape::Results);
    EXPECT_TRUE(relay.feed(state_and_start(std::move(state), std::move(start)), out));
    auto ok = decode_ok(std::string_view(out).substr(kHeaderSize), kModern);
    return ok->trackers.transaction_state.value_or("nothing");
  };
  EXPECT_EQ(told("T_______", "START TRANSACTION;"), "T_______");
  EXPECT_EQ(told("T_R_____", ""), "nothing") << "a read into a variable";
  EXPECT_EQ(told("T_R_____", "START TRANSACTION WITH CONSISTENT SNAPSHOT;"), "T_R_____");
}

// As servers have it, which forget with the SET that there is one.
TEST(ReplyRelay, OfATransactionThatHadBegunBeforeNothingIsToldToWhoStartsToTrackThem) {
  ClientTracking tracking;
  ReplyRelay relay(kModern, kModern, tracking);
  auto told = [&](std::string state, std::string start) {
    std::string out;
    relay.begin(ReplyShape::Results);
    EXPECT_TRUE(relay.feed(state_and_start(std::move(state), std::move(start)), out));
    const auto trackers = decode_ok(std::string_view(out).substr(kHeaderSize), kModern)->trackers;
    return trackers.transaction_state.value_or("-") + trackers.characteristics.value_or("-");
  };
  EXPECT_EQ(told("T_______", "START TRANSACTION;"), "T_______-");
  relay.start_to_tell_transactions();
  tracking.transaction_state = tracking.characteristics = true;
  EXPECT_EQ(told("T_R___S_", ""), "--");
  EXPECT_EQ(told("________", ""), "--");
  EXPECT_EQ(told("T_______", "START TRANSACTION;"), "T_______START TRANSACTION;");
  EXPECT_EQ(told("T_R___S_", ""), "T_R___S_");
}

TEST(ReplyRelay, OfTheOneThatFollowsItAtOnceAllIsTold) {
  ClientTracking tracking;
  ReplyRelay relay(kModern, kModern, tracking);
  auto told = [&](std::string state) {
    std::string out;
    relay.begin(ReplyShape::Results);
    EXPECT_TRUE(relay.feed(state_and_start(std::move(state), "START TRANSACTION;"), out));
    auto ok = decode_ok(std::string_view(out).substr(kHeaderSize), kModern);
    return ok->trackers.transaction_state.value_or("nothing");
  };
  told("T_______");
  relay.start_to_tell_transactions();
  tracking.transaction_state = true;
  EXPECT_EQ(told("T_______"), "T_______");
  EXPECT_EQ(told("T_R___S_"), "T_R___S_");
}

TEST(ReplyRelay, AClientThatTracksNothingIsNotToldOfTransactions) {
  ClientTracking tracking;
  tracking.schema = false;
  tracking.variables.clear();
  OkPacket plain;
  plain.status = status::kAutocommit;
  ReplyRelay relay(kModern, kModern, tracking);
  relay.begin(ReplyShape::Results);
  std::string out;
  ASSERT_TRUE(relay.feed(state_and_start("T_______", "START TRANSACTION;"), out));
  EXPECT_EQ(out, Script(kModern).ok(plain).bytes());
}

// The OK that a client of the relay gets to this reply.
OkPacket ok_behind(ReplyRelay& relay, const Script& reply, bool is_withheld = false) {
  relay.begin(ReplyShape::Results);
  if (is_withheld) relay.withhold();
  std::string out;
  EXPECT_EQ(*relay.feed(reply.bytes(), out), ReplyRelay::Progress::Done);
  EXPECT_EQ(out.empty(), is_withheld);
  auto ok = decode_ok(std::string_view(out).substr(out.empty() ? 0 : kHeaderSize), kTracksOnly);
  return ok ? *ok : OkPacket();
}

// The status in the EOF behind the columns.
std::uint16_t status_behind_columns(ReplyRelay& relay) {
  relay.begin(ReplyShape::Results);
  std::string out;
  const Script rows = Script(kModern).columns(1, false).row({"a"}).end_of_rows(OkPacket());
  EXPECT_TRUE(relay.feed(rows.bytes(), out));
  const std::size_t eof = Script(kModern).columns(1, false).bytes().size() + kHeaderSize;
  return decode_eof(std::string_view(out).substr(eof, 5))->status;
}

OkPacket begun_read_only() {
  OkPacket begun;
  begun.status = status::kAutocommit | status::kInTransaction | status::kInReadOnlyTransaction |
                 status::kSessionStateChanged;
  begun.trackers.transaction_state = "T_______";
  begun.trackers.characteristics = "START TRANSACTION READ ONLY;";
  return begun;
}

TEST(ReplyRelay, WhoTracksTransactionsIsToldThatThereWasOneWithin) {
  ClientTracking tracking;
  ReplyRelay relay(kModern, kModern, tracking);
  const auto has_flag = [&](const Script& reply, bool is_inner) {
    relay.begin(ReplyShape::Results);
    if (is_inner) relay.expect_inner_transaction();
    std::string out;
    EXPECT_EQ(*relay.feed(reply.bytes(), out), ReplyRelay::Progress::Done);
    const auto ok = decode_ok(std::string_view(out).substr(kHeaderSize), kModern);
    return ok && (ok->status & status::kSessionStateChanged) != 0;
  };
  const Script done = Script(kModern).ok(OkPacket());
  EXPECT_FALSE(has_flag(done, true)) << "as long as nobody tracks them";
  tracking.characteristics = true;
  EXPECT_TRUE(has_flag(done, true));
  EXPECT_FALSE(has_flag(done, false));
  has_flag(Script(kModern).err(1396, "Operation CREATE USER failed"), true);
  EXPECT_TRUE(has_flag(done, false)) << "behind an error, the next OK";
  has_flag(Script(kModern).err(1227, "Access denied"), true);
  EXPECT_FALSE(has_flag(done, false)) << "it was refused before";
}

TEST(ReplyRelay, WhoTracksStatesAloneIsToldThatCharacteristicsHaveChanged) {
  ClientTracking tracking;
  tracking.transaction_state = true;
  ReplyRelay relay(kModern, kModern, tracking);
  OkPacket changed;
  changed.trackers.characteristics = "SET TRANSACTION READ ONLY;";
  const OkPacket ok = ok_behind(relay, Script(kModern).ok(changed));
  EXPECT_EQ(ok.status & status::kSessionStateChanged, status::kSessionStateChanged);
  EXPECT_FALSE(ok.trackers.characteristics);
}

TEST(ReplyRelay, ChangesThatAnEofHasNoRoomForAreToldWithTheNextOk) {
  for (bool own : {false, true}) {
    ReplyRelay relay(kModern, kTracksOnly, usual_tracking());
    relay.begin(ReplyShape::Results);
    std::string out;
    const Script rows = Script(kModern).columns(1, false).row({"a"}).end_of_rows(tracked_ok());
    ASSERT_TRUE(relay.feed(rows.bytes(), out));
    const OkPacket plain;
    const OkPacket told = own ? *decode_ok(relay.own_ok(plain), kTracksOnly)
                              : ok_behind(relay, Script(kModern).ok(plain));
    EXPECT_EQ(told.trackers.schema, "shop");
    EXPECT_EQ(told.trackers.variables.size(), 1U) << "autocommit, which it tracks by default";
    EXPECT_EQ(told.status, status::kSessionStateChanged);
    EXPECT_EQ(ok_behind(relay, Script(kModern).ok(plain)), plain);
  }
}

TEST(ReplyRelay, WhatIsWithheldIsToldWithTheNextOkToo) {
  ReplyRelay relay(kModern, kModern, usual_tracking());
  ok_behind(relay, Script(kModern).ok(tracked_ok()), true);
  EXPECT_EQ(relay.summary().gtids.size(), 1U);
  EXPECT_EQ(ok_behind(relay, Script(kModern).ok(OkPacket())).trackers.schema, "shop");
  ok_behind(relay, Script(kModern).err(1146, "no such table"), true);
}

TEST(ReplyRelay, AfterAnErrorInATransactionOnlyWhoGetsEofsIsUnsureOfIt) {
  for (std::uint32_t client : {kTracksOnly, kModern}) {
    ReplyRelay relay(kModern, client, usual_tracking());
    const Script err = Script(kModern).err(1146, "no such table");
    std::string out;
    relay.begin(ReplyShape::Results);
    ASSERT_TRUE(relay.feed(err.bytes(), out));
    EXPECT_FALSE(relay.is_transaction_unsure()) << "there is none";
    ok_behind(relay, Script(kModern).ok(begun_read_only()));
    EXPECT_FALSE(relay.is_transaction_unsure());
    relay.begin(ReplyShape::Results);
    ASSERT_TRUE(relay.feed(err.bytes(), out));
    EXPECT_EQ(relay.is_transaction_unsure(), client == kTracksOnly);
    ok_behind(relay, Script(kModern).ok(begun_read_only()), true);
    EXPECT_FALSE(relay.is_transaction_unsure());
  }
}

TEST(ReplyRelay, ATransactionThatTheProxyEndedIsToldToBeOver) {
  ReplyRelay relay(kModern, kTracksOnly, usual_tracking());
  relay.end_transaction();
  EXPECT_EQ(ok_behind(relay, Script(kModern).ok(OkPacket())), OkPacket()) << "there was none";
  ok_behind(relay, Script(kModern).ok(begun_read_only()));
  EXPECT_EQ(status_behind_columns(relay), begun_read_only().status & ~status::kSessionStateChanged);
  ok_behind(relay, Script(kModern).ok(begun_read_only()));
  relay.end_transaction();
  OkPacket plain;
  plain.status = status::kAutocommit;
  EXPECT_EQ(status_behind_columns(relay), status::kAutocommit);
  EXPECT_EQ(ok_behind(relay, Script(kModern).ok(plain)).trackers.transaction_state, "________");
  EXPECT_EQ(ok_behind(relay, Script(kModern).ok(plain)), plain);
}

TEST(ReplyRelay, AnErrorEndsTheReplyWhereverItComes) {
  expect_relayed(Script(kModern).err(1146, "no such table"),
                 kOld,
                 Script(kOld).err(1146, "no such table"));
  Script reply(kModern);
  reply.columns(1, false).row({"a"}).err(1317, "interrupted");
  Script expected(kOld);
  expected.columns(1, true).row({"a"}).err(1317, "interrupted");
  expect_relayed(reply, kOld, expected);
  EXPECT_EQ(relay(reply.bytes(), kOld, 5).summary.err->code, 1317);
}

std::string prepare_ok(std::uint32_t id, std::uint16_t columns, std::uint16_t parameters) {
  std::string payload;
  Writer writer(payload);
  writer.u8(0);
  writer.u32(id);
  writer.u16(columns);
  writer.u16(parameters);
  writer.u8(0);
  writer.u16(0);
  return payload;
}

constexpr std::uint32_t kOptional = kModern | capability::kOptionalResultsetMetadata;
constexpr std::uint32_t kOldOptional = kOld | capability::kOptionalResultsetMetadata;

// Of one column, whose definition is there or not.
std::string column_count(bool definitions_follow) { return {1, definitions_follow ? '\1' : '\0'}; }

TEST(ReplyRelay, DefinitionsThatAreLeftOutAreNotWaitedFor) {
  for (bool definitions_follow : {true, false}) {
    Script reply(kOptional);
    Script expected(kOldOptional);
    for (Script* script : {&reply, &expected}) {
      script->payload(column_count(definitions_follow));
      if (definitions_follow) script->payload(encode(Column()));
      if (script == &expected) script->eof();
      script->row({"a"}).row({"b"}).end_of_rows(OkPacket());
    }
    expect_relayed(reply, kOptional, reply, ReplyShape::Results, usual_tracking(), kOptional);
    expect_relayed(reply, kOldOptional, expected, ReplyShape::Results, usual_tracking(), kOptional);
    EXPECT_EQ(relay(reply.bytes(), kOptional, 7, ReplyShape::Results, usual_tracking(), kOptional)
                  .summary.rows,
              2U);
  }
}

TEST(ReplyRelay, AServerThatAlwaysSendsDefinitionsSaysSoThroughTheProxy) {
  Script reply(kModern);
  reply.columns(1, false).row({"a"}).end_of_rows(OkPacket());
  Script expected(kOptional);
  Column column;
  column.name = "c0";
  expected.payload(column_count(true)).payload(encode(column));
  expected.row({"a"}).end_of_rows(OkPacket());
  expect_relayed(reply, kOptional, expected);
}

TEST(ReplyRelay, OnlyWhoCanDoWithoutDefinitionsGetsNone) {
  Script full(kOptional);
  full.payload(column_count(true)).payload(encode(Column())).end_of_rows(OkPacket());
  Script expected(kModern);
  expected.payload("\1").payload(encode(Column())).end_of_rows(OkPacket());
  expect_relayed(full, kModern, expected, ReplyShape::Results, usual_tracking(), kOptional);
  for (const std::string& head : {column_count(false), std::string("\1")}) {
    ReplyRelay relay(kOptional, kModern, usual_tracking());
    relay.begin(ReplyShape::Results);
    std::string out;
    EXPECT_FALSE(relay.feed(Script(kOptional).payload(head).bytes(), out));
  }
}

TEST(ReplyRelay, APreparedStatementGetsTheProxysNumber) {
  Column column;
  Script reply(kModern);
  reply.payload(prepare_ok(9, 1, 2)).payload(encode(column)).payload(encode(column));
  reply.payload(encode(column));
  ReplyRelay relay(kModern, kModern, usual_tracking());
  relay.begin(ReplyShape::Prepare, 0, 77);
  std::string out;
  EXPECT_EQ(*relay.feed(reply.bytes(), out), ReplyRelay::Progress::Done);
  EXPECT_EQ(relay.summary().statement_id, 9U);
  EXPECT_EQ(relay.summary().parameters, 2);
  Script expected(kModern);
  expected.payload(prepare_ok(77, 1, 2)).payload(encode(column)).payload(encode(column));
  expected.payload(encode(column));
  EXPECT_EQ(out, expected.bytes());
}

TEST(ReplyRelay, APreparedStatementMayComeWithoutDefinitions) {
  for (auto [columns, parameters, eofs] : {std::tuple(0, 0, 0), {2, 0, 1}, {0, 1, 1}, {2, 1, 2}}) {
    auto header =
        prepare_ok(9, static_cast<std::uint16_t>(columns), static_cast<std::uint16_t>(parameters));
    Script without(kOptional);
    without.payload(header + '\0');
    Script expected(kOldOptional);
    expected.payload(header + '\0');
    for (int i = 0; i < eofs; ++i) expected.eof();
    expect_relayed(without, kOptional, without, ReplyShape::Prepare, usual_tracking(), kOptional);
    expect_relayed(without,
                   kOldOptional,
                   expected,
                   ReplyShape::Prepare,
                   usual_tracking(),
                   kOptional);

    Script full(kOptional);
    full.payload(header + '\1');
    Script plain(kModern);
    plain.payload(header);
    for (Script* script : {&full, &plain}) {
      for (int i = 0; i < columns + parameters; ++i) script->payload(encode(Column()));
    }
    expect_relayed(full, kOptional, full, ReplyShape::Prepare, usual_tracking(), kOptional);
    expect_relayed(full, kModern, plain, ReplyShape::Prepare, usual_tracking(), kOptional);
    expect_relayed(plain, kOptional, full, ReplyShape::Prepare);
  }
}

TEST(ReplyRelay, APreparedStatementsDefinitionsEndInEofForAnOldClient) {
  Column column;
  Script reply(kModern);
  reply.payload(prepare_ok(9, 1, 1)).payload(encode(column)).payload(encode(column));
  Script expected(kOld);
  expected.payload(prepare_ok(9, 1, 1)).payload(encode(column)).eof();
  expected.payload(encode(column)).eof();
  expect_relayed(reply, kOld, expected, ReplyShape::Prepare);
  Script bare(kModern);
  bare.payload(prepare_ok(9, 0, 0));
  expect_relayed(bare, kOld, bare, ReplyShape::Prepare);
}

// What servers of version 9 say to PREPARE of a SET GLOBAL that the user has no privilege for.
TEST(ReplyRelay, APlainOkToPreparePassesAndMakesNoStatement) {
  OkPacket ok;
  ok.status = status::kAutocommit;
  for (const std::uint32_t client : {kModern, kOld}) {
    Script reply(kModern);
    reply.ok(ok);
    Script expected(client);
    expected.ok(ok);
    expect_relayed(reply, client, expected, ReplyShape::Prepare);
    ReplyRelay relay(kModern, client, usual_tracking());
    relay.begin(ReplyShape::Prepare, 0, 77);
    std::string out;
    EXPECT_EQ(*relay.feed(reply.bytes(), out), ReplyRelay::Progress::Done);
    EXPECT_EQ(relay.summary().statement_id, 0U);
    EXPECT_FALSE(relay.summary().err);
  }
}

TEST(ReplyRelay, ALocalFileIsTheClientsTurn) {
  const std::string request = "\xfb/tmp/x";
  ClientTracking tracking;
  ReplyRelay relay(kModern, kOld, tracking);
  relay.begin(ReplyShape::Results);
  std::string out;
  EXPECT_EQ(*relay.feed(Script(kModern).payload(request).bytes(), out),
            ReplyRelay::Progress::LocalFile);
  EXPECT_EQ(out, Script(kOld).payload(request).bytes());
  EXPECT_EQ(relay.sequence_shift(), 0);
}

TEST(ReplyRelay, AfterALocalFileTheReplyIsNumberedFromItsEnd) {
  ClientTracking tracking;
  ReplyRelay relay(kModern, kOld, tracking);
  relay.begin(ReplyShape::Results);
  std::string out;
  ASSERT_TRUE(relay.feed(Script(kModern).payload("\xfb/tmp/x").bytes(), out));
  relay.client_sent_file(4);
  std::string reply;
  std::uint8_t sequence = 5;
  append_packet(reply, sequence, encode_ok(OkPacket(), kModern));
  out.clear();
  EXPECT_EQ(*relay.feed(reply, out), ReplyRelay::Progress::Done);
  EXPECT_EQ(out[3], 5);
}

// Between two results such a server goes on with the number of its next frame.
TEST(ReplyRelay, NumbersOfAServerThatCompressesAreMadeGood) {
  OkPacket more;
  more.status = status::kMoreResults;
  auto jumping = Script(kModern).ok(more).bytes() + Script(kModern).ok(OkPacket()).bytes();
  auto in_order = Script(kModern).ok(more).ok(OkPacket()).bytes();
  for (auto compression : {capability::kCompress, capability::kZstdCompression}) {
    ClientTracking tracking;
    ReplyRelay relay(kModern | compression, kModern, tracking);
    relay.begin(ReplyShape::Results);
    std::string out;
    auto progress = relay.feed(jumping, out);
    ASSERT_TRUE(progress) << progress.error().message;
    EXPECT_EQ(*progress, ReplyRelay::Progress::Done);
    EXPECT_EQ(out, in_order);
  }
}

TEST(ReplyRelay, AReplyMayGoOnBehindResultsThatTheClientHas) {
  ReplyRelay relay(kModern, kModern, usual_tracking());
  relay.begin(ReplyShape::Results);
  relay.continue_after(7);
  std::string out;
  EXPECT_EQ(*relay.feed(Script(kModern).ok(OkPacket()).bytes(), out), ReplyRelay::Progress::Done);
  EXPECT_EQ(out[3], 8);
}

TEST(ReplyRelay, BytesOfTheNextReplyAreLeftAlone) {
  auto first = Script(kModern).ok(OkPacket()).bytes();
  ClientTracking tracking;
  ReplyRelay relay(kModern, kModern, tracking);
  relay.begin(ReplyShape::OnePacket);
  std::string out;
  EXPECT_EQ(*relay.feed(first + first, out), ReplyRelay::Progress::Done);
  EXPECT_EQ(relay.consumed(), first.size());
  EXPECT_EQ(out, first);
}

TEST(ReplyRelay, KeepsTheFirstFieldWhenAsked) {
  Script reply(kModern);
  reply.columns(1, false).row({"42"}).row({"43"}).end_of_rows(OkPacket());
  EXPECT_EQ(relay(reply.bytes(), kModern, 7).summary.first_field, "42");
}

TEST(ReplyRelay, ARowOfSixteenMebibytesIsNoEndOfRows) {
  // A field of 2^24 bytes has a length that begins with FE, as the end of rows does.
  std::string big(std::size_t{1} << 24, 'x');
  Script reply(kModern);
  reply.columns(1, false).row({big}).end_of_rows(OkPacket());
  Script expected(kOld);
  expected.columns(1, true).row({big}).end_of_rows(OkPacket());
  auto outcome = relay(reply.bytes(), kOld, reply.bytes().size() / 2);
  EXPECT_EQ(outcome.progress, ReplyRelay::Progress::Done);
  EXPECT_TRUE(outcome.out == expected.bytes());
}

// OKs of one reply that has no end, each of which tells of something.
class EndlessReply : public testing::Test {
 public:
  EndlessReply() {
    relay_.begin(ReplyShape::Results);
    OkPacket one;
    one.status = status::kAutocommit | status::kMoreResults | status::kSessionStateChanged;
    one.trackers.gtids = "11111111-1111-1111-1111-111111111111:1";
    one.trackers.variables = {{"autocommit", "ON"}};
    oks_ = encode_ok(one, kModern);
  }

  // False: it was an error.
  bool goes_on() {
    std::string packet;
    append_packet(packet, sequence_, oks_);
    out_.clear();
    auto progress = relay_.feed(packet, out_);
    if (!progress) {
      EXPECT_EQ(progress.error().kind, ErrorKind::Corrupt);
    }
    return progress.has_value();
  }

  // More than may be listed at any time.
  static constexpr std::size_t kTooMany = ReplyRelay::kMostChanges / 100;

  ReplyRelay relay_{kModern, kModern, usual_tracking()};
  std::string oks_;
  std::string out_;
  std::uint8_t sequence_ = 1;
};

TEST_F(EndlessReply, EndsWhenItTellsMoreThanAnyServerHas) {
  std::size_t count = 0;
  while (count < kTooMany && goes_on()) ++count;
  EXPECT_LT(count, kTooMany);
  EXPECT_GT(count, 10000U) << "a procedure may commit as often";
}

TEST_F(EndlessReply, GoesOnAsLongAsSomebodyTakesWhatItTells) {
  for (std::size_t count = 0; count < kTooMany; ++count) {
    ASSERT_TRUE(goes_on());
    const ReplyRelay::Changes changes = relay_.take_changes();
    ASSERT_EQ(changes.gtids.size(), 1U);
    ASSERT_EQ(changes.variables.size(), 1U);
  }
  EXPECT_TRUE(relay_.summary().gtids.empty());
  EXPECT_TRUE(relay_.summary().variables.empty());
  EXPECT_TRUE(relay_.summary().has_gtids);
}

TEST(ReplyRelay, AnErrorInATransactionMayBeSaidInOtherWords) {
  for (const auto in_transaction : {status::kInTransaction, std::uint16_t{0}}) {
    OkPacket first;
    first.status = status::kMoreResults | in_transaction;
    const ErrPacket other{1792, "25006", "in a read-only transaction"};
    ReplyRelay relay(kModern, kModern, usual_tracking());
    relay.begin(ReplyShape::Results);
    relay.say_instead(1290, other);
    std::string out;
    ASSERT_TRUE(relay.feed(Script(kModern).ok(first).err(1290, "read-only").bytes(), out));
    Script expected(kModern);
    expected.ok(first);
    if (in_transaction != 0) expected.payload(encode(other, kModern));
    if (in_transaction == 0) expected.err(1290, "read-only");
    EXPECT_EQ(out, expected.bytes());
    EXPECT_EQ(relay.summary().err->code, 1290);
  }
}

TEST(ReplyRelay, ABrokenServerIsAnErrorNotACrash) {
  ClientTracking tracking;
  for (const std::string& bytes : {std::string("\x01\x00\x00\x05\x00", 5),  // wrong sequence number
                                   std::string("\x00\x00\x00\x01", 4),      // an empty packet
                                   std::string("\xff\xff\xff\x01\x00", 5)}) {  // an OK of 16 MiB
    ReplyRelay relay(kModern, kModern, tracking);
    relay.begin(ReplyShape::Results);
    std::string out;
    auto progress = relay.feed(bytes, out);
    ASSERT_FALSE(progress);
    EXPECT_EQ(progress.error().kind, ErrorKind::Corrupt);
  }
}

}  // namespace
}  // namespace dorsal::mysql
