#include "edge/instance/error_log.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <fstream>

namespace dorsal::instance {

namespace {

constexpr std::string_view kSeverity = " [ERROR] ";
constexpr std::string_view kSignal = "mysqld got signal ";

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

// "2026-01-01T00:00:00Z UTC - mysqld got signal 11 ;" -> 11
int signal_of(std::string_view line) {
  const std::size_t at = line.find(kSignal);
  if (at == std::string_view::npos) return 0;
  int signal = 0;
  (void)std::from_chars(line.data() + at + kSignal.size(), line.data() + line.size(), signal);
  return signal;
}

}  // namespace

LastWords last_words(std::string_view log) {
  LastWords found;
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(log.size(), line.size() + 1));
    if (const int signal = signal_of(line); signal != 0) found.signal = signal;
    if (line.find(kSeverity) == std::string_view::npos) continue;
    const std::string_view message = message_of(line);
    if (message != "Aborting" && message != "Data Dictionary initialization failed.")
      found.error = message;
  }
  return found;
}

LastWords last_words_in_file(const std::string& path, std::int64_t from) {
  constexpr std::int64_t kMost = 64 << 10;
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  file.seekg(std::max(from, file_size(path) - kMost));
  std::string text(kMost, '\0');
  file.read(text.data(), kMost);
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return last_words(text);
}

std::int64_t file_size(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_size : 0;
}

}  // namespace dorsal::instance
