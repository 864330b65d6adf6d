#include "edge/io/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "edge/io/testing.h"

namespace dorsal::io {
namespace {

using testing::ScratchFolder;

mode_t mode_of(const std::string& path) {
  struct stat status {};
  ::stat(path.c_str(), &status);
  return status.st_mode & 07777;
}

std::ptrdiff_t entries_in(const std::string& path) {
  auto entries = std::filesystem::directory_iterator(path);
  return std::distance(begin(entries), end(entries));
}

TEST(Files, WritesReadsAndReplaces) {
  ScratchFolder folder;
  auto path = folder / "file";
  ASSERT_TRUE(write_file_atomically(path, "one", 0640));
  ASSERT_TRUE(write_file_atomically(path, "two", 0600));
  EXPECT_EQ(*read_file(path), "two");
  EXPECT_EQ(mode_of(path), 0600u);
  EXPECT_EQ(entries_in(folder.path()), 1) << "no temporary file is left";
}

TEST(Files, ReadersSeeTheOldContentOrTheNew) {
  ScratchFolder folder;
  auto path = folder / "file";
  const std::string old_content(50'000, 'a');
  const std::string new_content(60'000, 'b');
  ASSERT_TRUE(write_file_atomically(path, old_content, 0600));
  std::thread writer([&] {
    for (int i = 0; i < 20; ++i) {
      (void)write_file_atomically(path, i % 2 == 0 ? new_content : old_content, 0600);
    }
  });
  for (int i = 0; i < 200; ++i) {
    auto content = read_file(path);
    EXPECT_TRUE(content && (*content == old_content || *content == new_content));
  }
  writer.join();
}

TEST(Files, FailedWriteLeavesNothing) {
  ScratchFolder folder;
  auto no_folder = write_file_atomically(folder / "none/file", "x", 0600);
  ASSERT_FALSE(no_folder);
  EXPECT_EQ(no_folder.error().kind, ErrorKind::NotFound);
  ASSERT_TRUE(make_directories(folder / "target", 0700));
  ASSERT_TRUE(write_file_atomically(folder / "target/x", "x", 0600));
  EXPECT_FALSE(write_file_atomically(folder / "target", "x", 0600));
  EXPECT_EQ(entries_in(folder.path()), 1);
}

TEST(Files, ReadingHasALimitAndNamesTheFile) {
  ScratchFolder folder;
  ASSERT_TRUE(write_file_atomically(folder / "file", "12345", 0600));
  EXPECT_TRUE(read_file(folder / "file", 5));
  EXPECT_EQ(read_file(folder / "file", 4).error().kind, ErrorKind::Invalid);
  auto missing = read_file(folder / "none");
  EXPECT_EQ(missing.error().kind, ErrorKind::NotFound);
  EXPECT_EQ(missing.error().message,
            "cannot read " + (folder / "none") + ": No such file or directory");
}

TEST(Files, MakesAndRemovesFolders) {
  ScratchFolder folder;
  auto deep = folder / "a/b/c";
  ASSERT_TRUE(make_directories(deep, 0750));
  ASSERT_TRUE(make_directories(deep, 0700));
  ASSERT_TRUE(make_directories(folder / "d/", 0700));
  EXPECT_EQ(mode_of(deep), 0750u);
  EXPECT_TRUE(is_empty_directory(deep));
  EXPECT_FALSE(is_empty_directory(folder / "a"));
  EXPECT_FALSE(is_empty_directory(folder / "none"));
  ASSERT_TRUE(write_file_atomically(deep + "/file", "x", 0600));
  EXPECT_FALSE(make_directories(deep + "/file/d", 0700));
  ASSERT_TRUE(remove_tree(folder / "a"));
  ASSERT_TRUE(remove_tree(folder / "a"));
  EXPECT_FALSE(exists(folder / "a"));
}

TEST(Files, RemovingALinkSparesItsTarget) {
  ScratchFolder folder;
  ASSERT_TRUE(make_directories(folder / "kept", 0700));
  ASSERT_TRUE(write_file_atomically(folder / "kept/file", "x", 0600));
  ASSERT_TRUE(make_directories(folder / "gone", 0700));
  ASSERT_EQ(::symlink((folder / "kept").c_str(), (folder / "gone/link").c_str()), 0);
  ASSERT_TRUE(remove_tree(folder / "gone"));
  EXPECT_TRUE(exists(folder / "kept/file"));
}

TEST(Files, KnowsTheFreeSpace) {
  ScratchFolder folder;
  auto free = free_disk_bytes(folder.path());
  ASSERT_TRUE(free);
  EXPECT_GT(*free, 0u);
  EXPECT_FALSE(free_disk_bytes("/no/such/path"));
}

TEST(FileLock, GoesOnWithWhomItIsPassedTo) {
  testing::ScratchFolder folder;
  const auto path = folder / "lock";
  auto first = FileLock::try_lock(path);
  ASSERT_TRUE(first);
  auto second = FileLock::take_over(OwnedDescriptor(::dup(first->descriptor())), path);
  ASSERT_TRUE(second) << second.error().message;
  { FileLock gone = *std::move(first); }
  EXPECT_FALSE(FileLock::try_lock(path));
  EXPECT_TRUE(second->sign());
  EXPECT_EQ(FileLock::holder_of(path), ::getpid());
  { FileLock gone = *std::move(second); }
  EXPECT_TRUE(FileLock::try_lock(path));
}

TEST(FileLock, IsNotTakenOverForAnotherFile) {
  testing::ScratchFolder folder;
  auto first = FileLock::try_lock(folder / "lock");
  auto other = FileLock::try_lock(folder / "other");
  ASSERT_TRUE(first && other);
  auto taken = FileLock::take_over(OwnedDescriptor(::dup(first->descriptor())), folder / "other");
  EXPECT_EQ(taken ? ErrorKind::Invalid : taken.error().kind, ErrorKind::Conflict);
}

TEST(FileLock, HasOneHolderWhoIsKnown) {
  ScratchFolder folder;
  auto path = folder / "lock";
  EXPECT_EQ(FileLock::holder_of(path), std::nullopt);
  {
    auto lock = FileLock::try_lock(path);
    ASSERT_TRUE(lock);
    EXPECT_EQ(FileLock::holder_of(path), ::getpid());
    auto second = FileLock::try_lock(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::Conflict);
    EXPECT_EQ(second.error().message, path + " is held by process " + std::to_string(::getpid()));
    FileLock moved = *std::move(lock);
    EXPECT_EQ(FileLock::holder_of(path), ::getpid());
  }
  EXPECT_EQ(FileLock::holder_of(path), std::nullopt);
  EXPECT_TRUE(FileLock::try_lock(path));
}

}  // namespace
}  // namespace dorsal::io
