// Asks the other agents over HTTPS, each side showing a certificate of the cluster's authority.
//
// A connection is kept after an answer and used for the next question to that node, so that a round
// of questions costs one way there and back. A question whose kept connection turns out to be
// closed is asked once more over a new one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "edge/io/stream.h"
#include "edge/io/tls.h"
#include "edge/peers/http_message.h"
#include "edge/peers/peers.h"

namespace dorsal::peers {

class HttpPeers final : public Peers {
 public:
  // The cluster's UUID, which the certificates of the others must carry. TLS verifies them by the
  // cluster's authority alone (CaOnly) and shows this node's own. The loop outlives it.
  HttpPeers(io::Loop& loop, std::string cluster, io::TlsContext tls);

  // Questions from now on show another certificate, or trust another authority.
  void change(io::TlsContext tls);

  io::Task<Result<cluster::PeerState>> state(PeerAddress peer, Deadline deadline) override;
  io::Task<Result<cluster::Agreement>> agree(PeerAddress peer,
                                             cluster::Claim claim,
                                             Deadline deadline) override;

  // How many connections it has opened so far.
  std::uint64_t connections() const { return connections_; }

 private:
  struct Connection {
    io::Stream stream;
    std::uint64_t generation = 0;  // of the certificates
  };
  using Key = std::string;  // node and endpoint

  io::Task<Result<std::string>> call(PeerAddress peer, HttpRequest request, Deadline deadline);
  io::Task<Result<HttpResponse>> ask(const PeerAddress& peer,
                                     const std::string& bytes,
                                     Deadline deadline);
  io::Task<Result<Connection>> open(const PeerAddress& peer, Deadline deadline);
  io::Task<Result<HttpResponse>> exchange(Connection& connection,
                                          const std::string& bytes,
                                          Deadline deadline);
  std::vector<Connection> take_kept(const Key& key);
  void keep(const Key& key, Connection connection);

  io::Loop& loop_;
  const std::string cluster_;
  io::TlsContext tls_;
  std::uint64_t generation_ = 0;
  std::uint64_t connections_ = 0;
  std::map<Key, std::vector<Connection>> kept_;
};

}  // namespace dorsal::peers
