#include "edge/instance/storage_probe.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include "edge/instance/test_folder.h"

namespace dorsal::instance {
namespace {

constexpr auto kHang = std::chrono::seconds(60);

bool comes_true(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kHang;
  while (!condition() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return condition();
}

// What is said once something is.
std::string trouble_of(const StorageProbe& probe) {
  (void)comes_true([&] { return !probe.trouble().empty(); });
  return probe.trouble();
}

TEST(StorageProbe, SaysNothingOfAFolderThatIsWellAndFillsNothing) {
  const TestFolder folder;
  const std::string file = folder.path + "/probe";
  const StorageProbe probe(file);
  // The second write begins only when the first has ended.
  ASSERT_TRUE(comes_true([&] { return std::filesystem::exists(file); }));
  const auto first = std::filesystem::last_write_time(file) + std::chrono::milliseconds(500);
  ASSERT_TRUE(comes_true([&] { return std::filesystem::last_write_time(file) > first; }));
  EXPECT_EQ(probe.trouble(), "");
  EXPECT_TRUE(comes_true([&] { return std::filesystem::file_size(file) == 0; }));
}

TEST(StorageProbe, SaysWhyNothingCanBeWritten) {
  const TestFolder folder;
  const StorageProbe probe(folder.path + "/none/probe");
  EXPECT_EQ(trouble_of(probe), "its folder cannot be written to: No such file or directory");
}

TEST(StorageProbe, SaysThatTheDiskIsFull) {
  const StorageProbe probe("/dev/full");
  EXPECT_EQ(trouble_of(probe), "its folder cannot be written to: No space left on device");
}

// A pipe that nobody reads is opened for writing without end, as a file on a stalled disk is.
TEST(StorageProbe, SaysThatAWriteHangsAndDoesNotWaitForIt) {
  const TestFolder folder;
  const std::string pipe = folder.path + "/probe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), S_IRWXU), 0);
  const StorageProbe probe(pipe);
  EXPECT_EQ(trouble_of(probe), "a write to its folder has taken 2 s so far");
}

}  // namespace
}  // namespace dorsal::instance
