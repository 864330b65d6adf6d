#include "core/mysql/commit_search.h"

#include <gtest/gtest.h>

#include "core/mysql/binlog_testing.h"

namespace dorsal::mysql {
namespace {

const Uuid kSource = *parse_uuid("11111111-2222-3333-4444-555555555555");
const Uuid kAnother = *parse_uuid("aaaaaaaa-2222-3333-4444-555555555555");
constexpr std::uint32_t kConnection = 77;
const LostCommit kLost{kSource, kConnection, 3};

CommitSearch::Finding search(const std::vector<std::string>& events) {
  CommitSearch search({kLost, {kAnother, 1, 0}});
  for (const std::string& event : events) search.see(event);
  return search.findings().at(kLost);
}

TEST(CommitSearch, FindsTheFirstTransactionOfTheConnectionBehindWhatWasKnown) {
  const auto found = search({binlog_event(15, "format"),
                             binlog_gtid(kSource, 3),
                             binlog_query(kConnection, "BEGIN"),
                             binlog_gtid(kSource, 4),
                             binlog_query(76, "BEGIN"),
                             binlog_event(30, "rows"),
                             binlog_gtid(kSource, 5),
                             binlog_query(kConnection, "BEGIN"),
                             binlog_event(30, "rows"),
                             binlog_gtid(kSource, 6),
                             binlog_query(kConnection, "DROP TABLE t")});
  EXPECT_EQ(found.number, 5U);
  EXPECT_FALSE(found.is_unsure);
}

TEST(CommitSearch, AnotherServersConnectionOfTheSameNumberIsAnotherOne) {
  const auto found = search({binlog_gtid(kAnother, 5), binlog_query(kConnection, "BEGIN")});
  EXPECT_EQ(found.number, std::nullopt);
  EXPECT_FALSE(found.is_unsure);
}

// In a transaction further queries may follow.
TEST(CommitSearch, OnlyTheQueryBehindTheGtidCounts) {
  const auto found = search({binlog_gtid(kSource, 5),
                             binlog_query(1, "BEGIN"),
                             binlog_query(kConnection, "SAVEPOINT a")});
  EXPECT_EQ(found.number, std::nullopt);
}

TEST(CommitSearch, IsUnsureOfWhatItCannotLookInto) {
  EXPECT_TRUE(search({binlog_gtid(kSource, 5), binlog_event(40, "compressed")}).is_unsure);
  EXPECT_FALSE(search({binlog_gtid(kSource, 3), binlog_event(40, "compressed")}).is_unsure);
  EXPECT_FALSE(search({binlog_gtid(kAnother, 5), binlog_event(40, "compressed")}).is_unsure);
  EXPECT_TRUE(search({binlog_event(42, "tagged"), binlog_query(kConnection, "BEGIN")}).is_unsure);
  EXPECT_TRUE(search({"short"}).is_unsure);
  EXPECT_TRUE(search({binlog_gtid(kSource, 5).substr(0, 30)}).is_unsure);
}

// A replica's log has numbers of its own threads behind what others ran.
TEST(CommitSearch, IsUnsureOfWhatTheLogsServerHasFromAnother) {
  const auto of_server = [](std::uint32_t server) {
    return search({binlog_event(15, "a replica's own", 3),
                   binlog_event(15, "its source's", 1),
                   binlog_gtid(kSource, 5, server),
                   binlog_query(kConnection, "BEGIN")});
  };
  EXPECT_EQ(of_server(1).number, 5U);
  EXPECT_FALSE(of_server(1).is_unsure);
  EXPECT_EQ(of_server(2).number, std::nullopt);
  EXPECT_TRUE(of_server(2).is_unsure);
}

TEST(CommitSearch, AListTellsTheSameIfItIsWhole) {
  const std::string source = to_string(kSource);
  const auto find = [&](const std::vector<Commit>& commits, const std::string& executed) {
    return find_commit(kLost, commits, *parse_gtid_set(source + executed));
  };
  const std::vector<Commit> commits = {{kSource, 6, kConnection},
                                       {kSource, 5, kConnection},
                                       {kSource, 4, 76},
                                       {kAnother, 4, 1}};
  EXPECT_EQ(find(commits, ":1-6").number, 5U);
  EXPECT_FALSE(find(commits, ":1-6").is_unsure);
  // It was received, and not carried out.
  EXPECT_EQ(find(commits, ":1-4").number, std::nullopt);
  EXPECT_FALSE(find(commits, ":1-4").is_unsure);
  EXPECT_EQ(find({{kSource, 4, 76}}, ":1-5").number, std::nullopt);
  EXPECT_TRUE(find({{kSource, 4, 76}}, ":1-5").is_unsure);
  EXPECT_FALSE(find({}, ":1-3").is_unsure);
}

TEST(CommitSearch, LeavesOutWhatWasKnown) {
  const std::string a = "11111111-2222-3333-4444-555555555555";
  const std::string b = "aaaaaaaa-2222-3333-4444-555555555555";
  const GtidSet known = without_unknown(*parse_gtid_set(a + ":1-9," + b + ":1-7"), {kLost});
  EXPECT_EQ(known.to_string(), a + ":1-3," + b + ":1-7");
}

TEST(CommitSearch, AsksForWhatIsNotKnown) {
  const auto known = parse_gtid_set("11111111-2222-3333-4444-555555555555:1-3:7");
  const std::string uuid(kSource.bytes.begin(), kSource.bytes.end());
  const std::string set = binlog_number(1, 8) + uuid + binlog_number(2, 8) + binlog_number(1, 8) +
                          binlog_number(4, 8) + binlog_number(7, 8) + binlog_number(8, 8);
  EXPECT_EQ(dump_beyond(*known),
            "\x1e" + binlog_number(1, 2) + binlog_number(0, 4) + binlog_number(0, 4) +
                binlog_number(4, 8) + binlog_number(set.size(), 4) + set);
  const auto tagged = parse_gtid_set("11111111-2222-3333-4444-555555555555:tag:1");
  EXPECT_EQ(dump_beyond(*tagged), std::nullopt);
}

}  // namespace
}  // namespace dorsal::mysql
