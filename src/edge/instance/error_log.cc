#include "edge/instance/error_log.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>

namespace dorsal::instance {

namespace {

constexpr std::string_view kSeverity = " [ERROR] ";

// "… [ERROR] [MY-010119] [Server] Aborting" -> "Aborting"
std::string_view message_of(std::string_view line) {
  std::string_view rest = line.substr(line.find(kSeverity) + kSeverity.size());
  while (rest.starts_with('[')) {
    const std::size_t end = rest.find("] ");
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 2);
  }
  return rest;
}

}  // namespace

std::string last_error(std::string_view log) {
  std::string found;
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(log.size(), line.size() + 1));
    if (line.find(kSeverity) == std::string_view::npos) continue;
    const std::string_view message = message_of(line);
    if (message != "Aborting" && message != "Data Dictionary initialization failed.")
      found = message;
  }
  return found;
}

std::string last_error_in_file(const std::string& path, std::int64_t from) {
  constexpr std::int64_t kMost = 64 << 10;
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  file.seekg(std::max(from, file_size(path) - kMost));
  std::string text(kMost, '\0');
  file.read(text.data(), kMost);
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return last_error(text);
}

std::int64_t file_size(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_size : 0;
}

}  // namespace dorsal::instance
