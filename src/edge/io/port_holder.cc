#include "edge/io/port_holder.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string_view>
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

// Addresses as the tables below write them: words of 32 bits as this machine has them in memory,
// four of them, for IPv4 as IPv6 maps it. Empty: any address.
using Words = std::array<std::uint32_t, 4>;

std::string written(const Words& words) {
  const bool is_ipv4 = words[0] == 0 && words[1] == 0 && words[2] == ::htonl(0xFFFF);
  const bool is_any = words == Words{} || (is_ipv4 && words[3] == 0);
  return is_any ? std::string() : fmt::format("{:08X}", fmt::join(words, ""));
}

std::string address_of(const std::string& host) {
  Words words = {0, 0, ::htonl(0xFFFF), 0};
  if (::inet_pton(AF_INET, host.c_str(), &words[3]) == 1) return written(words);
  if (::inet_pton(AF_INET6, host.c_str(), words.data()) == 1) return written(words);
  return {};
}

// From such a table.
std::string address_in(std::string_view digits) {
  constexpr std::size_t kWord = 8;
  Words words = {0, 0, ::htonl(0xFFFF), 0};
  const std::size_t first = digits.size() == kWord ? 3 : 0;
  for (std::size_t i = first; i < words.size() && digits.size() >= kWord; ++i) {
    std::from_chars(digits.data(), digits.data() + kWord, words[i], 16);
    digits.remove_prefix(kWord);
  }
  return written(words);
}

// Whether who connects to one of them could reach the other.
bool meet(const std::string& left, const std::string& right) {
  return left.empty() || right.empty() || left == right;
}

// Adds the inodes of the sockets that listen there, from a table such as /proc/net/tcp:
//
//   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//    0: 0100007F:1771 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345
void add_listening_inodes(const char* table,
                          const Endpoint& endpoint,
                          std::set<std::string>& inodes) {
  const std::string address = address_of(endpoint.host);
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
    const std::string other = address_in(std::string_view(fields[kLocal]).substr(0, colon));
    if (found == endpoint.port && meet(address, other)) {
      inodes.insert("socket:[" + fields[kInode] + "]");
    }
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

std::optional<std::string> process_listening_on(const Endpoint& endpoint) {
  std::set<std::string> inodes;
  add_listening_inodes("/proc/net/tcp", endpoint, inodes);
  add_listening_inodes("/proc/net/tcp6", endpoint, inodes);
  if (inodes.empty()) return std::nullopt;
  for (const auto& process : names_in("/proc")) {
    if (!is_number(process) || !has_open(process, inodes)) continue;
    return name_of(process) + " (pid " + process + ")";
  }
  return "a process of another user";
}

}  // namespace dorsal::io
