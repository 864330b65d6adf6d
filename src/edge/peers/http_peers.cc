#include "edge/peers/http_peers.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "edge/io/connect.h"
#include "edge/peers/identity.h"
#include "edge/peers/messages.h"

namespace dorsal::peers {
namespace {

using io::Task;

constexpr std::size_t kMostKept = 2;  // connections to one node
constexpr HttpLimits kLimits{std::size_t{8} << 10, std::size_t{4} << 20};

std::string key_of(const PeerAddress& peer) {
  return peer.node.value() + "@" + io::to_string(peer.endpoint);
}

// Nothing has come since the last answer, and the other side has not closed.
bool is_quiet(io::Stream& stream) {
  char byte = 0;
  auto read = stream.try_read(&byte, 1);
  return read && *read == 0;
}

Result<void> check_identity(const io::TlsPeer& shown, const Identity& expected) {
  DORSAL_TRY(auto identity, parse_identity(shown.uris));
  if (identity == expected) return {};
  if (identity.cluster != expected.cluster) {
    return invalid(fmt::format("its certificate is of another cluster, {}", identity.cluster));
  }
  return invalid(fmt::format("its certificate is that of {}", to_string(identity)));
}

Error failure_of(const HttpResponse& response) {
  auto sentence = decode_failure(response.body);
  if (sentence.empty()) sentence = fmt::format("it answers with status {}", response.status);
  switch (response.status) {
    case 409:
      return conflict(std::move(sentence));
    case 400:
    case 403:
    case 404:
    case 405:
    case 413:
      return invalid(std::move(sentence));
    default:
      return unavailable(std::move(sentence));
  }
}

}  // namespace

HttpPeers::HttpPeers(io::Loop& loop, std::string cluster, io::TlsContext tls)
    : loop_(loop), cluster_(std::move(cluster)), tls_(std::move(tls)) {}

void HttpPeers::change(io::TlsContext tls) {
  tls_ = std::move(tls);
  ++generation_;
  kept_.clear();
}

Task<Result<cluster::PeerState>> HttpPeers::state(PeerAddress peer, Deadline deadline) {
  HttpRequest request{"GET", "/v1/state", "", true};
  const auto who = peer.node.value() + " at " + io::to_string(peer.endpoint);
  auto body = co_await call(std::move(peer), std::move(request), deadline);
  if (!body) co_return body.error();
  co_return decode_state(*body).in(who);
}

Task<Result<cluster::Agreement>> HttpPeers::agree(PeerAddress peer,
                                                  cluster::Claim claim,
                                                  Deadline deadline) {
  // Who agrees waits anew for this node, also if the answer never arrives. So a host that can send
  // and hears nothing must not get that far: another question, which asks for nothing, comes first.
  auto heard = co_await state(peer, deadline);
  if (!heard) co_return heard.error();
  HttpRequest request{"POST", "/v1/agree", encode(claim), true};
  const auto who = peer.node.value() + " at " + io::to_string(peer.endpoint);
  auto body = co_await call(std::move(peer), std::move(request), deadline);
  if (!body) co_return body.error();
  co_return decode_agreement(*body).in(who);
}

Task<Result<std::string>> HttpPeers::call(PeerAddress peer,
                                          HttpRequest request,
                                          Deadline deadline) {
  const auto where = io::to_string(peer.endpoint);
  const std::string bytes = encode(request, where);
  auto response = co_await ask(peer, bytes, deadline);
  const auto who = peer.node.value() + " at " + where;
  if (!response) co_return response.error().in(who);
  if (response->status != 200) co_return failure_of(*response).in(who);
  co_return std::move(response->body);
}

// The question changes nothing, so it may be asked again whatever has become of it.
Task<Result<HttpResponse>> HttpPeers::ask(const PeerAddress& peer,
                                          const std::string& bytes,
                                          Deadline deadline) {
  const auto key = key_of(peer);
  for (auto& connection : take_kept(key)) {
    auto response = co_await exchange(connection, bytes, deadline);
    if (response || response.error().kind != ErrorKind::Unavailable) {
      if (response && response->keeps_open) keep(key, std::move(connection));
      co_return response;
    }
    if (co_await io::cancelled()) co_return response;
  }
  auto connection = co_await open(peer, deadline);
  if (!connection) co_return connection.error();
  auto response = co_await exchange(*connection, bytes, deadline);
  if (response && response->keeps_open) keep(key, *std::move(connection));
  co_return response;
}

Task<Result<HttpPeers::Connection>> HttpPeers::open(const PeerAddress& peer, Deadline deadline) {
  Connection connection;
  connection.generation = generation_;
  // change() may come while this waits.
  const io::TlsContext tls = tls_;
  auto stream = co_await io::connect(loop_, peer.endpoint, deadline);
  if (!stream) co_return stream.error();
  connection.stream = *std::move(stream);
  ++connections_;
  const std::string no_name;
  DORSAL_CO_TRY_VOID(co_await connection.stream.start_tls_client(tls, no_name, deadline));
  const auto expected = Identity::of_node(cluster_, peer.node.value());
  DORSAL_CO_TRY_VOID(check_identity(connection.stream.tls_peer(), expected));
  co_return connection;
}

Task<Result<HttpResponse>> HttpPeers::exchange(Connection& connection,
                                               const std::string& bytes,
                                               Deadline deadline) {
  DORSAL_CO_TRY_VOID(co_await connection.stream.write_all(bytes, deadline));
  std::string received;
  std::array<char, 4096> part;
  for (;;) {
    auto count = co_await connection.stream.read_some(part.data(), part.size(), deadline);
    // With TLS 1.3 the other side judges our certificate after its own part is done.
    if (!count && connection.stream.tls_refusal() == io::TlsRefusal::ByOtherSide) {
      co_return invalid("it refuses this node's certificate: " + count.error().message);
    }
    if (!count) co_return count.error();
    received.append(part.data(), *count);
    DORSAL_CO_TRY(auto parsed, parse_response(received, kLimits));
    if (!parsed) continue;
    if (parsed->bytes != received.size()) co_return corrupt("more came than the answer");
    co_return std::move(parsed->message);
  }
}

// At most one that is still good; the rest stays.
std::vector<HttpPeers::Connection> HttpPeers::take_kept(const Key& key) {
  std::vector<Connection> taken;
  auto& kept = kept_[key];
  while (!kept.empty() && taken.empty()) {
    if (is_quiet(kept.back().stream)) taken.push_back(std::move(kept.back()));
    kept.pop_back();
  }
  return taken;
}

void HttpPeers::keep(const Key& key, Connection connection) {
  auto& kept = kept_[key];
  if (connection.generation == generation_ && kept.size() < kMostKept) {
    kept.push_back(std::move(connection));
  }
}

}  // namespace dorsal::peers
