#include "edge/instance/origins.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "base/bytes.h"

namespace dorsal::instance {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMagic = 4;
constexpr std::size_t kEventHead = 19;
constexpr std::size_t kWindow = std::size_t{1} << 20;

// Relay logs by their numbers; the index file is none.
bool is_relay_log(const fs::path& path) {
  const std::string name = path.filename().string();
  const std::string digits = path.extension().string();
  return name.starts_with("relay.") && digits.size() > 1 &&
         std::all_of(digits.begin() + 1, digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<fs::path> relay_logs(const std::string& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (is_relay_log(entry.path())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The end of a file may be torn.
void read_file(const fs::path& path, std::size_t most, std::deque<mysql::Commit>& commits) {
  std::ifstream file(path, std::ios::binary);
  std::string window;
  std::uint64_t window_at = 0;
  mysql::CommitReader reader;
  for (std::uint64_t at = kMagic;;) {
    const bool is_here =
        at >= window_at && at - window_at + mysql::CommitReader::kEnough <= window.size();
    if (!is_here) {
      window.resize(kWindow);
      file.clear();
      file.seekg(static_cast<std::streamoff>(at));
      file.read(window.data(), static_cast<std::streamsize>(window.size()));
      window.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
      window_at = at;
    }
    const std::string_view rest = std::string_view(window).substr(at - window_at);
    if (rest.size() < kEventHead) return;
    Reader head(rest);
    head.skip(9);
    const std::uint32_t length = head.u32();
    if (length < kEventHead) return;
    const std::size_t part = std::min<std::size_t>(length, mysql::CommitReader::kEnough);
    const auto commit = reader.see(rest.substr(0, part));
    if (commit) commits.push_back(*commit);
    if (commits.size() > most) commits.pop_front();
    at += length;
  }
}

}  // namespace

Result<void> Origins::keep(const std::string& data) const {
  discard();
  std::error_code error;
  fs::create_directories(folder_, error);
  for (const fs::path& file : relay_logs(data)) {
    if (!error) fs::create_hard_link(file, fs::path(folder_) / file.filename(), error);
  }
  if (error) return unavailable("cannot set relay logs aside: " + error.message());
  return {};
}

Result<std::vector<mysql::Commit>> Origins::read(std::size_t most) const {
  std::deque<mysql::Commit> commits;
  for (const fs::path& file : relay_logs(folder_)) read_file(file, most, commits);
  return std::vector<mysql::Commit>(commits.rbegin(), commits.rend());
}

void Origins::discard() const {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

}  // namespace dorsal::instance
