// The proxy: accepts MySQL clients and moves their statements to the right server and back.
//
// One event loop per core, each with its own listeners on the same ports (SO_REUSEPORT); a client's
// session lives and dies on the loop that accepted it. The loops share three things: the newest
// Topology, the write frontier (which GTIDs were acknowledged to any client of this process) and
// the counters. Clients are MySQL's own users; the proxy keeps no list of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/deadline.h"
#include "base/result.h"
#include "base/secret.h"
#include "core/admission/ip_address.h"
#include "core/cluster/topology.h"
#include "core/mysql/compression.h"
#include "core/routing/route.h"
#include "core/sql/consistency.h"
#include "edge/io/connect.h"
#include "edge/io/owned_descriptor.h"
#include "edge/io/tls.h"

namespace dorsal::proxy {

// How the sessions of one user share connections to one server.
struct PoolOptions {
  std::uint32_t maximum = 0;  // 0: as many as the server takes
  std::uint32_t minimum = 0;  // stay open once the user has come
  std::uint32_t reserve = 0;  // beyond the maximum, for who has waited for half of `wait`
  Duration wait = std::chrono::seconds(10);  // of a statement for a free connection
  bool debug_swap = false;  // give sessions another connection wherever that is allowed
};

struct Options {
  std::string listen = "127.0.0.1";
  std::uint16_t split_port = 6033;
  std::uint16_t primary_port = 6034;
  std::uint16_t replicas_port = 6035;
  sql::Consistency split_consistency = sql::Consistency::Global;
  sql::Consistency primary_consistency = sql::Consistency::Global;
  sql::Consistency replicas_consistency = sql::Consistency::Global;
  Duration causal_wait =
      std::chrono::milliseconds(10);                 // on a replica, before the primary is asked
  Duration login_limit = std::chrono::seconds(10);   // a client must have logged in by then
  Duration connect_limit = std::chrono::seconds(1);  // for a connection to a server
  std::string zone;                                  // replicas of the same are preferred
  Duration split_max_lag = Duration::zero();  // replicas further behind serve no reads; 0: any may
  Duration replicas_max_lag = Duration::zero();
  Duration primary_limit =
      std::chrono::milliseconds(1500);  // how long a statement waits for a primary
  PoolOptions pools;
  mysql::CompressionOffer client_compression;  // what clients may choose from
  mysql::CompressionMethod server_compression =
      mysql::CompressionMethod::None;        // of sessions' connections, where the server offers it
  unsigned loops = 0;                        // 0: one per core
  std::optional<io::TlsContext> client_tls;  // offered to clients
  bool client_tls_required = false;          // error 3159 for those that do without
  // Demanded of servers on other machines; empty: none is used. On this machine TLS serves only
  // accounts that are refused without it.
  std::optional<io::TlsContext> server_tls;
  // Who connects from there says for whom, by the PROXY protocol.
  std::vector<admission::Network> proxy_protocol_from;
  // How many clients there may be, in all, of one user and from one address; 0: any number.
  std::uint32_t max_clients = 0;
  std::uint32_t max_clients_per_user = 0;
  std::uint32_t max_clients_per_address = 0;
  std::uint32_t max_logins = 1000;  // how many may be logging in at a time
  std::string monitor_user;         // may read positions on every server
  Secret monitor_password;
};

// The ports of a proxy that runs in another process and leaves them to this one.
struct HandedPorts {
  struct Socket {
    routing::Listener kind;
    io::OwnedDescriptor socket;
  };
  std::string listen;  // as the other's Options
  std::vector<Socket> sockets;
};

class Proxy {
 public:
  // Opens the three ports and starts the loops' threads. Fails, with the name of the process that
  // holds the port, when one is taken. topology and counters must outlive the Proxy.
  static Result<std::unique_ptr<Proxy>> start(Options options,
                                              const cluster::SharedTopology& topology,
                                              Counters& counters);

  // The same on ports that were handed over, as far as the options name the same ones. Accepts
  // nobody before accept().
  static Result<std::unique_ptr<Proxy>> take_over(Options options,
                                                  const cluster::SharedTopology& topology,
                                                  Counters& counters,
                                                  HandedPorts handed);
  // Numbers of sessions below `first_session` are the other's.
  void accept(std::uint32_t first_session = 0);

  // Whether statements that need the primary could run now.
  bool reaches_primary() const;

  // What another process takes over with HandedPorts.
  struct PassedSocket {
    routing::Listener kind;
    int descriptor;
  };
  std::vector<PassedSocket> sockets() const;
  std::uint32_t next_session() const;

  // Leaves the ports to whom sockets() was passed; clients that are here stay. Returns when it is
  // done. Not from a loop of the proxy's.
  void leave_ports();

  // How many clients there are, those that are logging in included.
  std::size_t clients() const;

  // Puts these options in the place of those before, as one whole: every loop takes them up within
  // its next turn. Where it listens and on how many loops stays as it was started. Clients that are
  // logged in stay so, with the consistency that their port had when they came. From any thread.
  void change(Options options);

  // Stops accepting, closes every session, joins the threads.
  ~Proxy();

 private:
  struct Impl;
  explicit Proxy(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dorsal::proxy
