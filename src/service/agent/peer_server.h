// The agent's API: answers the other agents over HTTPS, and nobody without the cluster's
// certificate.
//
//   GET /v1/state    what this agent knows, for every node and proxy of the cluster
//   POST /v1/agree   whether this agent still agrees that the asking node leads
//   GET /metrics     the numbers that this process counts, in Prometheus' text format
//
// Connections are served on a thread of its own; only the answers are made on the agent's loop,
// each from what the agent knows at that moment. So neither a flood of handshakes nor a slow or
// hostile peer holds the agent up. When the agent itself does not get round to an answer, that is
// what the asker is told.
//
// Who shows no certificate of the cluster's authority, an expired one, or one of another cluster is
// refused: counted by the reason, and written to the log, each reason once in ten seconds.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/counters.h"
#include "base/deadline.h"
#include "base/result.h"
#include "core/cluster/peer.h"
#include "edge/io/endpoint.h"
#include "edge/io/loop.h"
#include "edge/io/tls.h"

namespace dorsal::agent {

// Each is called on the agent's loop and returns at once.
struct PeerAnswers {
  std::function<cluster::PeerState()> state;
  std::function<cluster::Agreement(const cluster::Claim& claim)> agree;
  std::function<std::string()> metrics;
};

struct PeerLimits {
  Duration handshake = std::chrono::seconds(5);    // to come in
  Duration request = std::chrono::seconds(5);      // for all of a request that has begun
  Duration answer = std::chrono::seconds(2);       // for the agent to get round to it
  Duration sending = std::chrono::seconds(5);      // for the asker to take the answer
  Duration idle = std::chrono::minutes(1);         // between two requests
  Duration connection = std::chrono::minutes(10);  // in all; then the certificate is looked at anew
  std::size_t handshakes = 64;  // at a time; of more, the oldest of the busiest address is dropped
  std::size_t connections = 128;  // that have come in
  std::size_t per_name = 16;      // of them, with certificates of one name
};

struct PeerServerOptions {
  io::Endpoint listen;  // an IP address, "localhost" or empty
  std::string node;
  std::string cluster;  // UUID that the certificates of the others must carry
  io::TlsContext tls;   // as TlsContext::mutual_server() makes it
  PeerLimits limits = {};
};

class PeerServer {
 public:
  // Answers from its return on. Conflict, with the name of the process, when the port is taken. The
  // loop is the agent's, on whose thread this is called and destroyed; loop and counters outlive
  // it.
  static Result<std::unique_ptr<PeerServer>> start(PeerServerOptions options,
                                                   PeerAnswers answers,
                                                   io::Loop& loop,
                                                   Counters& counters);
  ~PeerServer();
  PeerServer(const PeerServer&) = delete;
  PeerServer& operator=(const PeerServer&) = delete;

  // Who comes from now on is judged by another authority and shown another certificate. Connections
  // that are there end after the request at hand.
  void change(io::TlsContext tls);

  // With the port that was really opened.
  const io::Endpoint& local_endpoint() const;

 private:
  class Impl;
  explicit PeerServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dorsal::agent
