// The folder of a cluster that `dorsal up` keeps on this machine, and the names in it.
//
//   DIR/dorsal.json         marker: this folder is ours, which cluster, how many nodes, which ports
//   DIR/dorsal.yaml         configuration of the proxy and of the commands
//   DIR/client.cnf          option file for MySQL's clients
//   DIR/store.db            coordination store
//   DIR/secrets, DIR/tls    passwords; authority and certificates
//   DIR/node1, …            a node's configuration and everything that its agent keeps
//   DIR/log, DIR/run        a log for each role; a lock that each role holds while it lives
//
// The marker is written first and removed last, so a folder with it is ours, however little else
// is there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace dorsal::app {

inline constexpr int kMarkerFormat = 1;
inline constexpr int kDefaultNodes = 3;
inline constexpr int kMostNodes = 9;
inline constexpr int kDefaultPortBase = 6030;
inline constexpr const char* kDefaultDir = "dorsal-data";

struct Marker {
  std::string cluster;  // UUID
  int nodes = kDefaultNodes;
  int port_base = kDefaultPortBase;
};

std::string encode(const Marker& marker);

// Invalid, in a sentence, for a newer format and for what is no marker; `file` is named in it.
Result<Marker> decode_marker(const std::string& json, const std::string& file);

// A random UUID, as in "3f0c9a52-6f0e-4c5e-9d2b-1f2e3d4c5b6a".
std::string make_uuid();

// Where things are; nothing here touches the disk.
class LocalCluster {
 public:
  explicit LocalCluster(std::string dir) : dir_(std::move(dir)) {}  // an absolute path

  const std::string& dir() const { return dir_; }
  std::string marker() const { return dir_ + "/dorsal.json"; }
  std::string config() const { return dir_ + "/dorsal.yaml"; }
  std::string client_options() const { return dir_ + "/client.cnf"; }
  std::string store() const { return dir_ + "/store.db"; }
  std::string secrets() const { return dir_ + "/secrets"; }
  std::string tls() const { return dir_ + "/tls"; }
  std::string run() const { return dir_ + "/run"; }
  std::string logs() const { return dir_ + "/log"; }
  std::string log(const std::string& role) const { return logs() + "/" + role + ".log"; }
  std::string node_dir(const std::string& node) const { return dir_ + "/" + node; }
  std::string node_config(const std::string& node) const { return node_dir(node) + "/dorsal.yaml"; }

  // Held by `up` and `down` while they change something.
  std::string work_lock() const { return dir_ + "/up.lock"; }
  // "up" or "down": what was asked for last, for an `up` in the foreground to see.
  std::string wish() const { return run() + "/wish"; }

 private:
  std::string dir_;
};

// What kills in the middle of atomic writes have left behind. Nobody else writes such files while
// the work lock is held.
std::vector<std::string> leftovers(const LocalCluster& cluster);

// "node1", …
std::string node_name(int number);
std::vector<std::string> node_names(int count);
int node_port(int port_base, int number);

// "1 node", "3 nodes".
std::string count_of_nodes(int count);

// Whose folder it is.
enum class DirState { Missing, Empty, Ours };

struct Dir {
  DirState state = DirState::Missing;
  std::optional<Marker> marker;  // when Ours
};

// Invalid, in a sentence, when the folder belongs to somebody else or to a newer version.
Result<Dir> look_at(const LocalCluster& cluster);

}  // namespace dorsal::app
