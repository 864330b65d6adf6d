// The agents' API in the process of a node: its certificate, the server, and the client to the
// other agents.
//
// It runs when the folder `tls` holds a certificate that the cluster's authority has issued for
// this node. Its files are looked at every two seconds, and taken up when they have changed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "app/config.h"
#include "base/counters.h"
#include "base/result.h"
#include "edge/io/endpoint.h"
#include "edge/io/loop.h"
#include "edge/io/scope.h"
#include "edge/io/tls.h"
#include "edge/peers/http_peers.h"
#include "edge/peers/identity.h"
#include "service/agent/agent.h"
#include "service/agent/peer_server.h"
#include "service/agent/peer_watch.h"

namespace dorsal::app {

// Where the node's agent listens: as configured, or the host of its mysqld and the port 10 above.
Result<io::Endpoint> agent_endpoint(const NodeConfig& node);

struct NodeCertificate {
  peers::Identity identity;
  std::int64_t valid_until_s = 0;  // seconds since 1970
};

// Empty, with a line in the log that says why, when there is none, or none that names a node: the
// agent's API is off then. Invalid when it is another node's, or no certificate of the authority
// beside it. One that has expired is still one: others refuse it, and the log says so.
Result<std::optional<NodeCertificate>> load_node_certificate(const Config& config);

// Invalid when it has expired at that time, in seconds since 1970. For a node that starts for the
// first time, and for one that has a better certificate: to one that has always run with it, its
// database is worth more than its API.
Result<void> refuse_expired(const Config& config,
                            const NodeCertificate& certificate,
                            std::int64_t now_s);

class PeerApi {
 public:
  // Answers from its return on, and asks the others. All but the configuration outlive it.
  static Result<std::unique_ptr<PeerApi>> start(const Config& config,
                                                const NodeCertificate& certificate,
                                                agent::Agent& agent,
                                                io::Loop& loop,
                                                Counters& counters);

  // For questions to the other agents.
  peers::Peers& peers() { return *peers_; }

  // Reads the certificate again, whether or not it has changed. What is wrong with it, also that it
  // has expired, is logged, and the one from before stays.
  void reload();

  // Is called each time when another certificate was taken up.
  void tell_when_taken_up(std::function<void()> listener) { listener_ = std::move(listener); }

  // Ends when cancelled.
  io::Task<> watch_certificates();
  io::Task<> watch_peers();

 private:
  PeerApi(const Config& config, io::Loop& loop, Counters& counters);
  Result<void> take_up(const NodeCertificate& certificate);
  void tell_end(std::int64_t now_s);

  const Config config_;
  io::Loop& loop_;
  Counters& counters_;
  std::function<void()> listener_;
  std::string stamp_;
  std::int64_t valid_until_s_ = 0;
  int warnings_ = 0;  // how far the log has come with warning that it ends
  std::unique_ptr<peers::HttpPeers> peers_;
  std::unique_ptr<agent::PeerServer> server_;
  std::unique_ptr<agent::PeerWatch> watch_;
};

}  // namespace dorsal::app
