#include "edge/instance/stray_folder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/mysql/binlog_filter.h"
#include "edge/instance/folder_changes.h"
#include "edge/io/files.h"

namespace dorsal::instance {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr const char* kGtids = "/gtids";

// "binlog.000042" and "relay.000042", and neither "binlog.index" nor "binlog.~rec~".
bool is_log(const fs::path& file) {
  const std::string number = file.extension().string();
  if (file.stem() != "binlog" && file.stem() != "relay") return false;
  return number.size() > 1 && number.find_first_not_of("0123456789", 1) == std::string::npos;
}

// Binlogs first.
Result<std::vector<fs::path>> logs_in(const std::string& data) {
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(data, error)) {
    if (is_log(entry.path())) files.push_back(entry.path());
  }
  if (error) return unavailable(fmt::format("{}: {}", data, error.message()));
  std::sort(files.begin(), files.end());
  return files;
}

// Which of them are in it.
Result<mysql::GtidSet> copy_log(const fs::path& from,
                                const std::string& to,
                                const mysql::GtidSet& wanted) {
  std::ifstream in(from, std::ios::binary);
  std::ofstream out(to, std::ios::binary);
  if (!in || !out) return unavailable(fmt::format("{} cannot be copied to {}", from.string(), to));
  mysql::BinlogFilter filter(wanted);
  std::string block(kBlock, '\0');
  std::string kept;
  while (in) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    kept.clear();
    const auto read = static_cast<std::size_t>(in.gcount());
    DORSAL_TRY_VOID(filter.feed(std::string_view(block).substr(0, read), kept).in(from.string()));
    out.write(kept.data(), static_cast<std::streamsize>(kept.size()));
  }
  out.flush();
  if (in.bad() || !out) return unavailable(fmt::format("{} cannot be written", to));
  return filter.found();
}

}  // namespace

mysql::GtidSet StrayFolder::kept() const {
  mysql::GtidSet all;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root_, ignored)) {
    if (entry.path().extension() == ".new") continue;
    const auto text = io::read_file(entry.path().string() + kGtids);
    if (!text) continue;
    const auto set = mysql::parse_gtid_set(*text);
    if (set) all.unite(*set);
  }
  return all;
}

Result<StrayFolder::Draft> StrayFolder::begin(const std::string& data,
                                              const mysql::GtidSet& strays) const {
  Draft draft;
  draft.path = root_ + "/draft.new";
  DORSAL_TRY_VOID(io::remove_tree(draft.path));
  DORSAL_TRY_VOID(io::make_directories(draft.path, 0700));
  DORSAL_TRY(const auto files, logs_in(data));
  mysql::GtidSet wanted = strays;
  for (const fs::path& file : files) {
    const std::string copy = draft.path + "/" + file.filename().string();
    DORSAL_TRY(const mysql::GtidSet found, copy_log(file, copy, wanted));
    draft.found.unite(found);
    wanted.subtract(found);
    if (!found.empty()) {
      DORSAL_TRY_VOID(sync_path(copy));
      draft.binlogs.push_back(copy);
    } else {
      DORSAL_TRY_VOID(io::remove_tree(copy));
    }
  }
  DORSAL_TRY_VOID(io::write_file_atomically(draft.path + kGtids, strays.to_string() + "\n", 0600));
  return draft;
}

Result<std::string> StrayFolder::finish(const Draft& draft, std::int64_t wall_ms) const {
  const auto name = fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(wall_ms / 1000));
  std::string path = root_ + "/" + name;
  for (int i = 2; io::exists(path); ++i) path = fmt::format("{}/{}-{}", root_, name, i);
  DORSAL_TRY_VOID(rename_durably(draft.path, path, root_));
  return path;
}

}  // namespace dorsal::instance
