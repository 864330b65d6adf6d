#include "core/mysql/gtid_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <tuple>

namespace dorsal::mysql {
namespace {

// Every %A and %B in a text stands for one of these UUIDs.
constexpr std::string_view kA = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
constexpr std::string_view kB = "9e11fa47-71ca-11e1-9e33-c80aa9429562";

std::string expanded(std::string text) {
  for (auto [name, uuid] : {std::pair("%A", kA), std::pair("%B", kB)}) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name)) {
      text.replace(at, 2, uuid);
    }
  }
  return text;
}

GtidSet set_of(std::string text) {
  auto set = parse_gtid_set(expanded(std::move(text)));
  EXPECT_TRUE(set) << set.error().message;
  return set ? *set : GtidSet();
}

Uuid uuid_of(std::string_view text) { return *parse_uuid(text); }

// ---- UUIDs ----

TEST(Uuid, IsReadInAllFormsOfTheServerAndPrintedInOne) {
  for (auto text : {"3e11fa47-71ca-11e1-9e33-c80aa9429562",
                    "3E11FA47-71CA-11E1-9E33-C80AA9429562",
                    "3e11fa4771ca11e19e33c80aa9429562",
                    "{3e11fa47-71ca-11e1-9e33-c80aa9429562}"}) {
    auto uuid = parse_uuid(text);
    ASSERT_TRUE(uuid) << text;
    EXPECT_EQ(to_string(*uuid), kA);
  }
}

TEST(Uuid, AnythingElseIsRefused) {
  for (auto text : {"",
                    "3e11fa47",
                    "3e11fa47-71ca-11e1-9e33-c80aa942956",
                    "{3e11fa47-71ca-11e1-9e33",
                    "3e11fa47-71ca-11e1-9e33-c80aa94295622",
                    "3e11fa47-71ca-11e1-9e33-c80aa942956g",
                    "3e11fa47-71ca-11e19-e33-c80aa9429562",
                    "3e11fa4-771ca-11e1-9e33-c80aa9429562",
                    "{3e11fa47-71ca-11e1-9e33-c80aa9429562)"}) {
    EXPECT_FALSE(parse_uuid(text)) << text;
  }
}

// ---- text, tried on MySQL 9.7 as GTID_SUBTRACT(text, '') ----

TEST(GtidSetText, IsReadAndPrintedAsTheServerDoes) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"%A:1-5:tag2:3:tag1:7-9:11:1", "%A:1-5:tag1:1:7-9:11:tag2:3"},
      {"3E11FA47-71CA-11E1-9E33-C80AA9429562:TAG:1-5", "%A:tag:1-5"},
      {"%A:5-3", ""},
      {"%A", ""},
      {"%A:1-0", ""},
      {"%A:1-9223372036854775806", "%A:1-9223372036854775806"},
      {",,%A:1,,,", "%A:1"},
      {" %A : 1 - 2 : 4 , \n", "%A:1-2:4"},
      {"3e11fa4771ca11e19e33c80aa9429562:1", "%A:1"},
      {"{%A}:1", "%A:1"},
      {"%A:tag", ""},
      {"%A:tag:1:2:tag:5", "%A:tag:1-2:5"},
      {"%A:1,%A:_a9:2, %A:b:2,1e11fa47-71ca-11e1-9e33-c80aa9429562:b:2",
       "1e11fa47-71ca-11e1-9e33-c80aa9429562:b:2,%A:1:_a9:2:b:2"},
      {"%A: tag : 1 - 3 : 7", "%A:tag:1-3:7"},
      {"%A:a1234567890123456789012345678901:1", "%A:a1234567890123456789012345678901:1"},
      {"%A:1:tag", "%A:1"},
      {"%A:tag1:tag2:5", "%A:tag2:5"},
      {"%A:007", "%A:7"},
      {",", ""},
      {"%A:1-0,", ""},
      {"%A:tag:1:tag2", "%A:tag:1"},
      {"%B:1,\n%A:2", "%A:2,%B:1"},
  };
  for (const auto& [text, printed] : cases) {
    EXPECT_EQ(to_string(set_of(text)), expanded(printed)) << text;
  }
}

TEST(GtidSetText, WhatTheServerRefusesIsRefused) {
  for (std::string text : {"%A:",
                           "%A:0",
                           "%A:1-9223372036854775807",
                           "%A:a12345678901234567890123456789012:1",
                           "%A:9tag:1",
                           "%A:1 %A:2",
                           "%A:1-",
                           "%A:1--2",
                           "%A:ta g:1",
                           "%A:1;2",
                           "%A::1",
                           "%A:1:",
                           "%A:1 2",
                           "%A:0-5",
                           "%A:99999999999999999999999-5",
                           "%A: :1",
                           "nonsense",
                           "%A:1,x",
                           ":1"}) {
    EXPECT_FALSE(parse_gtid_set(expanded(text))) << text;
  }
}

TEST(GtidSetText, AFailureNamesThePlace) {
  EXPECT_EQ(parse_gtid_set(expanded("%A:1-x")).error().message,
            "GTID set: expected a number at character 40");
  EXPECT_EQ(parse_gtid_set("x").error().kind, ErrorKind::Invalid);
}

// ---- algebra ----

TEST(GtidSet, AddMergesWhatOverlapsOrTouches) {
  struct {
    std::string_view before;
    std::uint64_t first, last;
    std::string_view after;
  } const cases[] = {
      {"", 1, 1, "%A:1"},
      {"%A:1-3", 4, 5, "%A:1-5"},
      {"%A:1-3", 5, 6, "%A:1-3:5-6"},
      {"%A:5-6", 1, 3, "%A:1-3:5-6"},
      {"%A:5-6", 1, 4, "%A:1-6"},
      {"%A:1-2:4-5:9", 3, 3, "%A:1-5:9"},
      {"%A:1-2:4-5:9", 2, 8, "%A:1-9"},
      {"%A:3:5:7", 1, 9, "%A:1-9"},
      {"%A:2-8", 4, 5, "%A:2-8"},
      {"%A:10:20", 15, 16, "%A:10:15-16:20"},
  };
  for (const auto& [before, first, last, after] : cases) {
    auto set = set_of(std::string(before));
    set.add(uuid_of(kA), "", first, last);
    EXPECT_EQ(to_string(set), expanded(std::string(after)));
  }
}

TEST(GtidSet, SourcesAndTagsAreKeptApart) {
  auto set = set_of("%A:1-3");
  set.add(uuid_of(kA), "blue", 1, 2);
  set.add(uuid_of(kB), "", 9, 9);
  EXPECT_EQ(to_string(set), expanded("%A:1-3:blue:1-2,%B:9"));
  EXPECT_EQ(set.members().size(), 3U);
  EXPECT_TRUE(set.contains(uuid_of(kA), "blue", 2));
  EXPECT_FALSE(set.contains(uuid_of(kA), "blue", 3));
  EXPECT_FALSE(set.contains(uuid_of(kB), "blue", 9));
}

TEST(GtidSet, AlgebraOfSmallSets) {
  struct {
    std::string left, right, united, subtracted, intersected;
  } const cases[] = {
      {"%A:1-5", "%A:4-8", "%A:1-8", "%A:1-3", "%A:4-5"},
      {"%A:1-5", "%B:1-5", "%A:1-5,%B:1-5", "%A:1-5", ""},
      {"%A:1-9", "%A:2:4:6-7", "%A:1-9", "%A:1:3:5:8-9", "%A:2:4:6-7"},
      {"%A:2:4:6-7", "%A:1-9", "%A:1-9", "", "%A:2:4:6-7"},
      {"%A:1-3:7-9", "%A:3-7", "%A:1-9", "%A:1-2:8-9", "%A:3:7"},
      {"%A:1-3", "%A:t:1-3", "%A:1-3:t:1-3", "%A:1-3", ""},
      {"", "%A:1", "%A:1", "", ""},
      {"%A:1", "", "%A:1", "%A:1", ""},
  };
  for (const auto& one : cases) {
    auto united = set_of(one.left), subtracted = united, intersected = united;
    auto right = set_of(one.right);
    united.unite(right);
    subtracted.subtract(right);
    intersected.intersect(right);
    EXPECT_EQ(to_string(united), expanded(one.united));
    EXPECT_EQ(to_string(subtracted), expanded(one.subtracted));
    EXPECT_EQ(to_string(intersected), expanded(one.intersected));
  }
}

TEST(GtidSet, ContainsIsSubset) {
  struct {
    std::string outer, inner;
    bool contained;
  } const cases[] = {
      {"%A:1-5", "%A:1-5", true},
      {"%A:1-5", "%A:2:4", true},
      {"%A:1-5", "%A:5-6", false},
      {"%A:1-3:5-9", "%A:3-5", false},
      {"%A:1-5", "%B:1", false},
      {"%A:1-5", "%A:t:1", false},
      {"%A:1-5,%B:7", "%B:7", true},
      {"%A:1", "", true},
      {"", "%A:1", false},
      {"", "", true},
  };
  for (const auto& [outer, inner, contained] : cases) {
    EXPECT_EQ(set_of(outer).contains(set_of(inner)), contained) << outer << " ⊇ " << inner;
  }
}

TEST(GtidSet, CountsTransactionsAndStopsAtTheLargestNumber) {
  EXPECT_EQ(set_of("").count(), 0U);
  EXPECT_EQ(set_of("%A:1-5:9,%B:t:2-3").count(), 8U);
  auto whole = "1-9223372036854775806";
  auto huge = set_of(expanded(std::string("%A:") + whole + ":a:" + whole + ":b:" + whole));
  EXPECT_EQ(huge.count(), UINT64_MAX);
}

TEST(GtidSet, ASetMayBeCombinedWithItself) {
  auto set = set_of("%A:1-3:7,%B:t:2");
  auto text = to_string(set);
  set.unite(set);
  set.intersect(set);
  EXPECT_EQ(to_string(set), text);
  EXPECT_TRUE(set.contains(set));
  set.subtract(set);
  EXPECT_TRUE(set.empty());
}

TEST(GtidSetDeathTest, NumbersBeyondTheLimitsAreABrokenInvariant) {
  GtidSet set;
  EXPECT_DEATH(set.add(Uuid(), "", 0, 1), "check failed");
  EXPECT_DEATH(set.add(Uuid(), "", 2, 1), "check failed");
  EXPECT_DEATH(set.add(Uuid(), "", 1, kLastGno + 1), "check failed");
}

// ---- against a model: the set of all single identifiers ----

using Model = std::set<std::tuple<int, std::string, std::uint64_t>>;

Uuid model_uuid(int number) {
  Uuid uuid;
  uuid.bytes[15] = static_cast<std::uint8_t>(number);
  return uuid;
}

std::string show(const Model& model) {
  GtidSet set;
  for (const auto& [uuid, tag, gno] : model) set.add(model_uuid(uuid), tag, gno, gno);
  return set.to_string();
}

struct Pair {
  GtidSet set;
  Model model;
};

Pair random_pair(std::mt19937& random) {
  Pair pair;
  auto pick = [&](unsigned count) { return static_cast<int>(random() % count); };
  for (int n = pick(12); n > 0; --n) {
    auto uuid = pick(2);
    std::string tag = pick(3) == 0 ? "t" : "";
    auto first = std::uint64_t{1} + static_cast<std::uint64_t>(pick(24));
    auto last = first + static_cast<std::uint64_t>(pick(5));
    pair.set.add(model_uuid(uuid), tag, first, last);
    for (auto gno = first; gno <= last; ++gno) pair.model.insert({uuid, tag, gno});
  }
  return pair;
}

Model intersection(const Model& left, const Model& right) {
  Model out;
  for (const auto& one : left) {
    if (right.count(one) != 0) out.insert(one);
  }
  return out;
}

TEST(GtidSet, AgreesWithTheModelOnRandomSets) {
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    auto left = random_pair(random), right = random_pair(random);
    ASSERT_EQ(left.set.to_string(), show(left.model));
    ASSERT_EQ(left.set.count(), left.model.size());

    auto both = intersection(left.model, right.model);
    Model all = left.model, rest = left.model;
    all.insert(right.model.begin(), right.model.end());
    for (const auto& one : both) rest.erase(one);

    auto united = left.set, subtracted = left.set, intersected = left.set;
    united.unite(right.set);
    subtracted.subtract(right.set);
    intersected.intersect(right.set);
    ASSERT_EQ(united.to_string(), show(all));
    ASSERT_EQ(subtracted.to_string(), show(rest));
    ASSERT_EQ(intersected.to_string(), show(both));
    ASSERT_EQ(left.set.contains(right.set), both == right.model);
    ASSERT_EQ(*parse_gtid_set(united.to_string()), united);
  }
}

TEST(GtidSet, AgreesWithTheModelOnEverySingleIdentifier) {
  std::mt19937 random(7);
  auto pair = random_pair(random);
  for (int uuid = 0; uuid < 3; ++uuid) {
    for (std::string tag : {"", "t", "u"}) {
      for (std::uint64_t gno = 1; gno < 40; ++gno) {
        EXPECT_EQ(pair.set.contains(model_uuid(uuid), tag, gno),
                  pair.model.count({uuid, tag, gno}) != 0);
      }
    }
  }
}

}  // namespace
}  // namespace dorsal::mysql
