#include "edge/instance/node_folder.h"

#include <gtest/gtest.h>

#include <string>

#include "edge/instance/test_folder.h"
#include "edge/io/files.h"

namespace dorsal::instance {
namespace {

using cluster::DataStage;
using cluster::NodeName;

class NodeFolderTest : public ::testing::Test {
 protected:
  NodeFolder claimed() {
    NodeFolder folder(dir_);
    EXPECT_TRUE(folder.claim("uuid-1", NodeName("node1")));
    return folder;
  }

  std::string refusal(const std::string& cluster, const std::string& node) {
    const auto outcome = NodeFolder(dir_).claim(cluster, NodeName(node));
    return outcome ? "" : outcome.error().message;
  }

  TestFolder folder_;
  const std::string& dir_ = folder_.path;
};

TEST_F(NodeFolderTest, ANewOneIsEmpty) { EXPECT_EQ(claimed().stage(), DataStage::Empty); }

TEST_F(NodeFolderTest, AnInitialisationCountsOnlyOnceItIsInPlace) {
  NodeFolder folder = claimed();
  ASSERT_TRUE(io::make_directories(folder.new_data(), 0700));
  EXPECT_EQ(claimed().stage(), DataStage::HalfMade);
  ASSERT_TRUE(folder.put_in_place());
  EXPECT_EQ(claimed().stage(), DataStage::Fresh);
}

TEST_F(NodeFolderTest, ADeathBetweenMarkAndRenameLeavesItHalfMade) {
  NodeFolder folder = claimed();
  ASSERT_TRUE(io::make_directories(folder.new_data(), 0700));
  ASSERT_TRUE(folder.mark(DataStage::Fresh));
  EXPECT_EQ(claimed().stage(), DataStage::HalfMade);
}

TEST_F(NodeFolderTest, MarksOutliveTheProcess) {
  NodeFolder folder = claimed();
  ASSERT_TRUE(io::make_directories(folder.data(), 0700));
  for (const DataStage stage : {DataStage::Fresh, DataStage::Cloning, DataStage::Member}) {
    ASSERT_TRUE(folder.mark(stage));
    EXPECT_EQ(claimed().stage(), stage);
  }
}

TEST_F(NodeFolderTest, RemovedDataIsGoneWhateverItsMark) {
  NodeFolder folder = claimed();
  ASSERT_TRUE(io::make_directories(folder.data(), 0700));
  ASSERT_TRUE(folder.mark(DataStage::Cloning));
  ASSERT_TRUE(folder.remove_data());
  EXPECT_EQ(folder.stage(), DataStage::Empty);
}

TEST_F(NodeFolderTest, AnotherClustersFolderIsRefused) {
  claimed();
  EXPECT_EQ(refusal("uuid-2", "node1"),
            dir_ + " belongs to another cluster (uuid-1, this one is uuid-2); name another folder");
}

TEST_F(NodeFolderTest, AnyClustersFolderIsRefusedWhereNoneIsKnown) {
  EXPECT_TRUE(NodeFolder(dir_).check(std::nullopt, NodeName("node1")));
  EXPECT_FALSE(io::exists(dir_ + "/identity"));
  claimed();
  const auto checked = NodeFolder(dir_).check(std::nullopt, NodeName("node1"));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message,
            dir_ +
                " belongs to cluster uuid-1, of which the store knows nothing; look at "
                "'cluster.store', restore the store, or name another folder");
  EXPECT_TRUE(NodeFolder(dir_).check("uuid-1", NodeName("node1")));
}

TEST_F(NodeFolderTest, AnotherNodesFolderIsRefused) {
  claimed();
  EXPECT_EQ(refusal("uuid-1", "node2"),
            dir_ + " belongs to node node1, not to node2; name another folder");
}

TEST_F(NodeFolderTest, ANewerFormatIsRefused) {
  ASSERT_TRUE(io::write_file_atomically(dir_ + "/identity",
                                        "format=2\ncluster=uuid-1\nnode=node1\n",
                                        0600));
  EXPECT_EQ(refusal("uuid-1", "node1"),
            dir_ + " was written by a newer Dorsal (format 2, this one knows 1); run that version");
}

TEST_F(NodeFolderTest, ADamagedIdentityIsRefused) {
  ASSERT_TRUE(io::write_file_atomically(dir_ + "/identity", "nonsense", 0600));
  EXPECT_EQ(refusal("uuid-1", "node1"), dir_ + "/identity is damaged: it names no format");
}

TEST_F(NodeFolderTest, DataOfUnknownOriginIsRefused) {
  ASSERT_TRUE(io::make_directories(dir_ + "/data", 0700));
  EXPECT_EQ(refusal("uuid-1", "node1"),
            dir_ + " holds data, but not of a Dorsal node; name another folder");
}

}  // namespace
}  // namespace dorsal::instance
