// The configuration: one YAML file, in which every key has a default.
//
// A later source wins: default, file, environment (DORSAL_PROXY_SPLIT_PORT for proxy.split_port),
// command line (--set proxy.split_port=7033). Relative paths are relative to the folder of the file
// they stand in, or to the working folder when they come from elsewhere; a loaded Config holds
// absolute ones. Every key is described in docs/configuration.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "core/admission/ip_address.h"
#include "core/cluster/topology.h"
#include "core/mysql/compression.h"
#include "core/sql/consistency.h"

namespace dorsal::app {

using Milliseconds = std::chrono::milliseconds;

struct ClusterConfig {
  std::string name;
  std::string
      store;  // the absolute path of an SQLite file, or an address that etcd_address.h reads
  std::string store_user;           // for etcd; empty: none
  std::string store_password_file;  // empty: the one in the folder `secrets`
  std::string store_ca;             // these files are empty when not set
  std::string store_certificate;
  std::string store_key;
  cluster::Mode mode = cluster::Mode::SemiSync;
  std::uint32_t acks = 1;
};

struct NodeConfig {
  std::string name;
  std::string address;        // host:port of the mysqld
  std::string agent_address;  // host:port of the agent's API; empty: see agent_endpoint()
  std::optional<cluster::ServerId> server_id;  // empty: the store gives one
  std::string dir;
  std::string mysqld;  // empty: searched for
  std::string buffer_pool;
  std::map<std::string, std::string> settings;  // further options of the mysqld
  Milliseconds heartbeat{0};
  Milliseconds lease{0};
  std::string zone;
  std::uint32_t read_weight = 0;
  std::uint32_t priority = 0;
  std::uint32_t clone_limit = 0;  // MiB per second; 0: none
  std::string hook;               // program to run at each change of role; empty: none
  std::string webhook;            // URL that is told of it; empty: none
};

// Whether clients may, must or cannot use TLS.
enum class ClientTls { Preferred, Required, Off };

// How the proxy speaks to servers on other machines.
enum class ServerTls { Verified, Unverified, Off };

struct ProxyConfig {
  std::string listen;
  std::uint16_t split_port = 0;
  std::uint16_t primary_port = 0;
  std::uint16_t replicas_port = 0;
  sql::Consistency consistency = sql::Consistency::Global;
  std::optional<sql::Consistency> split_consistency;  // empty: `consistency`
  std::optional<sql::Consistency> primary_consistency;
  std::optional<sql::Consistency> replicas_consistency;
  Milliseconds causal_wait{0};
  std::string zone;
  Milliseconds split_max_lag{0};  // 0: any
  Milliseconds replicas_max_lag{0};
  Milliseconds login_limit{0};
  Milliseconds connect_limit{0};
  Milliseconds primary_limit{0};
  std::uint32_t pool_max = 0;  // 0: no limit but the server's
  std::uint32_t pool_min = 0;
  std::uint32_t pool_reserve = 0;
  Milliseconds pool_wait{0};
  Milliseconds drain_limit{0};  // 0: none
  bool debug_swap_connections = false;
  mysql::CompressionOffer compression;
  mysql::CompressionMethod server_compression = mysql::CompressionMethod::None;
  std::uint32_t loops = 0;  // 0: one per core
  bool core_dumps = false;
  std::vector<admission::Network> proxy_protocol_from;
  std::uint32_t max_clients = 0;  // 0: as many as files can be open
  std::uint32_t max_clients_per_user = 0;
  std::uint32_t max_clients_per_address = 0;
  std::uint32_t max_logins = 0;
  ClientTls tls_mode = ClientTls::Preferred;
  std::string tls_certificate;  // these files are empty when not set: those of the folder `tls`
  std::string tls_key;
  std::string tls_client_ca;
  ServerTls server_tls = ServerTls::Verified;
  std::string server_tls_ca;
  std::string server_tls_certificate;
  std::string server_tls_key;
};

struct AdminConfig {
  std::string listen;
  std::uint16_t http_port = 0;
  std::uint16_t sql_port = 0;
};

struct LogConfig {
  LogLevel level = LogLevel::Info;
  std::string file;  // empty: standard error
};

// Where the value of a key comes from.
struct Origin {
  std::string text;  // as it was written
  int line = 0;      // in the file; 0 when it comes from elsewhere
};

struct Config {
  ClusterConfig cluster;
  NodeConfig node;
  ProxyConfig proxy;
  AdminConfig admin;
  LogConfig log;
  std::string secrets;                    // folder
  std::string tls;                        // folder
  std::string run;                        // folder
  std::map<std::string, Origin> origins;  // of every key
};

// Text of an environment variable; empty when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// The environment of this process.
Environment process_environment();

// What the command line sets, as "section.key=value".
using Overrides = std::vector<std::string>;

// NotFound when there is no such file; Invalid, beginning with "file:line: " or the name of the
// variable or flag, when something in it is wrong.
Result<Config> load_config(const std::string& file,
                           const Environment& environment,
                           const Overrides& overrides);

// The same from a text that stands, or will stand, in that file.
Result<Config> parse_config(const std::string& text,
                            const std::string& file,
                            const Environment& environment,
                            const Overrides& overrides);

// The configuration that consists of defaults alone, with relative paths below `folder`.
Config default_config(const std::string& folder);

}  // namespace dorsal::app
