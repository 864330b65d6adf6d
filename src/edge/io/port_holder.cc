#include "edge/io/port_holder.h"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <vector>

namespace dorsal::io {
namespace {

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(folder.c_str()), &::closedir);
  if (directory == nullptr) return names;
  while (const dirent* entry = ::readdir(directory.get())) names.emplace_back(entry->d_name);
  return names;
}

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char letter) {
    return std::isdigit(letter) != 0;
  });
}

// Adds the inodes of the sockets that listen on this port, from a table such as /proc/net/tcp:
//
//   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//    0: 0100007F:1771 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345
void add_listening_inodes(const char* table, std::uint16_t port, std::set<std::string>& inodes) {
  constexpr std::size_t kLocal = 1, kState = 3, kInode = 9;
  std::ifstream file(table);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::vector<std::string> fields;
    for (std::string word; fields.size() <= kInode && words >> word;) fields.push_back(word);
    if (fields.size() <= kInode || fields[kState] != "0A") continue;
    auto colon = fields[kLocal].rfind(':');
    if (colon == std::string::npos) continue;
    const std::string digits = fields[kLocal].substr(colon + 1);
    unsigned found = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), found, 16);
    if (found == port) inodes.insert("socket:[" + fields[kInode] + "]");
  }
}

bool has_open(const std::string& process, const std::set<std::string>& links) {
  const std::string folder = "/proc/" + process + "/fd";
  for (const auto& name : names_in(folder)) {
    char target[64];
    auto size = ::readlink(fmt::format("{}/{}", folder, name).c_str(), target, sizeof target);
    if (size <= 0) continue;
    if (links.contains(std::string(target, static_cast<std::size_t>(size)))) return true;
  }
  return false;
}

std::string name_of(const std::string& process) {
  std::ifstream file("/proc/" + process + "/comm");
  std::string name;
  std::getline(file, name);
  return name.empty() ? "a process" : name;
}

}  // namespace

std::optional<std::string> process_listening_on(std::uint16_t port) {
  std::set<std::string> inodes;
  add_listening_inodes("/proc/net/tcp", port, inodes);
  add_listening_inodes("/proc/net/tcp6", port, inodes);
  if (inodes.empty()) return std::nullopt;
  for (const auto& process : names_in("/proc")) {
    if (!is_number(process) || !has_open(process, inodes)) continue;
    return name_of(process) + " (pid " + process + ")";
  }
  return "a process of another user";
}

}  // namespace dorsal::io
