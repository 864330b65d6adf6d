#include "app/local_cluster.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/crypto.h"
#include "edge/io/files.h"

namespace dorsal::app {
namespace {

// Names of files that are being written, by edge/io/files.h and by the store.
bool is_unfinished(const std::string& name) {
  return name.find(".tmp-") != std::string::npos || name.find(".new-") != std::string::npos;
}

// What a kill right after the folder was made leaves in it.
bool is_harmless(const std::string& name) {
  return name == "up.lock" || (name.starts_with("dorsal.json.") && is_unfinished(name));
}

bool is_ours(const std::string& name) {
  for (const char* file : {"dorsal.json.", "dorsal.yaml.", "client.cnf.", "store.db."}) {
    if (name.starts_with(file)) return true;
  }
  return false;
}

void add_unfinished(const std::string& folder, bool all_are_ours, std::vector<std::string>& found) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    auto name = entry.path().filename().string();
    if (is_unfinished(name) && (all_are_ours || is_ours(name)))
      found.push_back(entry.path().string());
  }
}

Result<bool> holds_nothing(const std::string& dir) {
  std::error_code failed;
  std::filesystem::directory_iterator entries(dir, failed);
  if (failed) return unavailable(fmt::format("{} cannot be read: {}", dir, failed.message()));
  for (const auto& entry : entries) {
    if (!is_harmless(entry.path().filename().string())) return false;
  }
  return true;
}

}  // namespace

std::string encode(const Marker& marker) {
  nlohmann::ordered_json json{{"format_version", kMarkerFormat},
                              {"cluster", marker.cluster},
                              {"nodes", marker.nodes},
                              {"port_base", marker.port_base}};
  return json.dump(2) + "\n";
}

Result<Marker> decode_marker(const std::string& json, const std::string& file) {
  auto parsed = nlohmann::json::parse(json, nullptr, false);
  auto is_number = [&](const char* name) {
    return parsed.contains(name) && parsed[name].is_number_integer();
  };
  if (!parsed.is_object() || !is_number("format_version")) {
    return invalid(fmt::format("{} is damaged: it is no marker of dorsal", file));
  }
  int format = parsed["format_version"];
  if (format > kMarkerFormat) {
    return invalid(
        fmt::format("{} has format {}, and this dorsal knows formats up to {}; use the "
                    "newer dorsal that wrote it",
                    file,
                    format,
                    kMarkerFormat));
  }
  bool is_whole = parsed.contains("cluster") && parsed["cluster"].is_string() &&
                  is_number("nodes") && is_number("port_base");
  if (!is_whole) return invalid(fmt::format("{} is damaged: it is no marker of dorsal", file));
  return Marker{parsed["cluster"], parsed["nodes"], parsed["port_base"]};
}

std::string make_uuid() {
  auto bytes = random_bytes(16);
  // Version 4, variant 1 (RFC 4122): made of random bits.
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  std::string text = to_hex(bytes);
  for (const std::size_t place : {20, 16, 12, 8}) text.insert(place, 1, '-');
  return text;
}

std::vector<std::string> leftovers(const LocalCluster& cluster) {
  std::vector<std::string> found;
  add_unfinished(cluster.dir(), false, found);
  for (const auto& folder : {cluster.secrets(), cluster.tls(), cluster.run()}) {
    add_unfinished(folder, true, found);
  }
  return found;
}

std::string node_name(int number) { return fmt::format("node{}", number); }

std::vector<std::string> node_names(int count) {
  std::vector<std::string> names;
  for (int number = 1; number <= count; ++number) names.push_back(node_name(number));
  return names;
}

std::string count_of_nodes(int count) {
  return fmt::format("{} node{}", count, count == 1 ? "" : "s");
}

int node_port(int port_base, int number) { return port_base + 10 + number; }

Result<Dir> look_at(const LocalCluster& cluster) {
  if (!io::exists(cluster.dir())) return Dir{DirState::Missing, std::nullopt};
  if (!std::filesystem::is_directory(cluster.dir())) {
    return invalid(fmt::format("{} is no folder; choose another --dir", cluster.dir()));
  }
  auto text = io::read_file(cluster.marker());
  if (text) {
    DORSAL_TRY(auto marker, decode_marker(*text, cluster.marker()));
    return Dir{DirState::Ours, marker};
  }
  if (text.error().kind != ErrorKind::NotFound) return text.error();
  DORSAL_TRY(bool is_empty, holds_nothing(cluster.dir()));
  if (is_empty) return Dir{DirState::Empty, std::nullopt};
  return invalid(fmt::format("{} is not empty and holds no cluster of dorsal; choose another --dir",
                             cluster.dir()));
}

}  // namespace dorsal::app
