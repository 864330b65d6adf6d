#include "edge/instance/remembered_file.h"

#include <gtest/gtest.h>

#include "edge/io/files.h"
#include "edge/io/scope.h"
#include "edge/io/testing.h"

namespace dorsal::instance {
namespace {

using cluster::NodeName;
using cluster::Remembered;
using cluster::Term;

class RememberedFileTest : public ::testing::Test {
 protected:
  RememberedFileTest() : file_(loop_, path()) {}
  std::string path() const { return folder_ / "remembered"; }
  Result<void> write(Remembered remembered) {
    auto deadline = loop_.after(std::chrono::seconds(20));
    return io::block_on(loop_, file_.write(std::move(remembered), deadline));
  }

  io::Loop loop_;
  io::testing::ScratchFolder folder_;
  RememberedFile file_;
};

TEST_F(RememberedFileTest, ReadsBackAsItWasWritten) {
  EXPECT_EQ(*file_.read(), Remembered()) << "there is none yet";
  Remembered remembered{12, Term(3), NodeName("b"), Term(4), {NodeName("a"), NodeName("b")}};
  ASSERT_TRUE(write(remembered));
  EXPECT_EQ(*RememberedFile(loop_, path()).read(), remembered);
  remembered.members.clear();
  ASSERT_TRUE(write(remembered));
  EXPECT_EQ(*file_.read(), remembered);
}

TEST_F(RememberedFileTest, WhatIsDamagedIsNotTakenForNothing) {
  for (const char* text : {"", "changes=1\nterm=x\nelection=0\n", "term=3\nelection=0\n"}) {
    ASSERT_TRUE(io::write_file_atomically(path(), text, 0600));
    const auto read = file_.read();
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::Corrupt);
  }
}

TEST_F(RememberedFileTest, AFolderThatIsGoneIsSaid) {
  RememberedFile elsewhere(loop_, folder_ / "nowhere/remembered");
  auto deadline = loop_.after(std::chrono::seconds(20));
  const auto written = io::block_on(loop_, elsewhere.write(Remembered(), deadline));
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().kind, ErrorKind::Timeout) << written.error().message;
}

}  // namespace
}  // namespace dorsal::instance
