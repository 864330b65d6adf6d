#include "app/local_cluster.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "edge/coord/test_folder.h"
#include "edge/io/files.h"

namespace dorsal::app {
namespace {

using coord::TestFolder;

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST(LocalCluster, AMarkerReadsBack) {
  Marker marker{make_uuid(), 5, 7000};
  auto read = decode_marker(encode(marker), "dorsal.json");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->cluster, marker.cluster);
  EXPECT_EQ(read->nodes, 5);
  EXPECT_EQ(read->port_base, 7000);
}

TEST(LocalCluster, AMarkerOfANewerVersionIsRefused) {
  EXPECT_EQ(
      decode_marker(R"({"format_version": 2})", "/d/dorsal.json").error().message,
      "/d/dorsal.json has format 2, and this dorsal knows formats up to 1; use the newer dorsal "
      "that wrote it");
}

TEST(LocalCluster, ADamagedMarkerIsRefused) {
  for (const char* json :
       {"", "{}", "[1]", R"({"format_version": 1})", R"({"format_version":"1"})"}) {
    EXPECT_EQ(decode_marker(json, "m").error().message, "m is damaged: it is no marker of dorsal");
  }
}

TEST(LocalCluster, UuidsDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    auto uuid = make_uuid();
    EXPECT_EQ(uuid.size(), 36u);
    EXPECT_EQ(uuid[14], '4');
    EXPECT_TRUE(seen.insert(uuid).second);
  }
}

TEST(LocalCluster, KnowsWhoseAFolderIs) {
  TestFolder folder;
  EXPECT_EQ(look_at(LocalCluster(folder.file("missing")))->state, DirState::Missing);
  EXPECT_EQ(look_at(LocalCluster(folder.path()))->state, DirState::Empty);
  write(folder.file("up.lock"), "");
  write(folder.file("dorsal.json.tmp-0123"), "half");
  EXPECT_EQ(look_at(LocalCluster(folder.path()))->state, DirState::Empty);
  write(folder.file("dorsal.json"), encode(Marker{make_uuid(), 3, 6030}));
  EXPECT_EQ(look_at(LocalCluster(folder.path()))->state, DirState::Ours);
}

TEST(LocalCluster, AFolderOfSomebodyElseIsRefused) {
  TestFolder folder;
  write(folder.file("thesis.tex"), "text");
  EXPECT_EQ(look_at(LocalCluster(folder.path())).error().message,
            folder.path() + " is not empty and holds no cluster of dorsal; choose another --dir");
  EXPECT_EQ(look_at(LocalCluster(folder.file("thesis.tex"))).error().message,
            folder.file("thesis.tex") + " is no folder; choose another --dir");
}

}  // namespace
}  // namespace dorsal::app
