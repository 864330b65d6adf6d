#include "app/peer_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "app/commands.h"
#include "app/file_stamp.h"
#include "app/role_certificates.h"
#include "base/log.h"
#include "edge/io/certificates.h"
#include "edge/io/clock.h"
#include "edge/io/files.h"
#include "edge/io/socket.h"
#include "service/admin/metrics.h"
#include "service/agent/peer_answers.h"

namespace dorsal::app {
namespace {

constexpr auto kLookAtCertificates = std::chrono::seconds(2);
constexpr auto kLookAtPeers = std::chrono::seconds(5);
constexpr std::uint16_t kPortsAboveMysqld = 10;
constexpr std::int64_t kSecondsPerDay = 86400;
// The log warns when so many days are left, and again each time when fewer of these are.
constexpr int kDaysOfWarnings[] = {0, 1, 7, 30};  // 0: it has ended
constexpr std::string_view kIssueAnother =
    "; issue a new one with 'dorsal certificates issue --replace'";

struct Files {
  explicit Files(const Config& config)
      : authority(io::AuthorityFiles::in(config.tls).certificate),
        certificate(certificate_file(config.tls, config.node.name)),
        key(key_file(config.tls, config.node.name)) {}
  std::string authority;
  std::string certificate;
  std::string key;
};

std::string stamp_of_files(const Config& config) {
  const Files files(config);
  return stamp_of({files.authority, files.certificate, files.key});
}

// On every address where the host is a name: which one others mean by it, only they know.
io::Endpoint listening_endpoint(io::Endpoint endpoint) {
  io::Address address;
  if (endpoint.host != "localhost" && !io::parse_address(endpoint.host, 0, address)) {
    endpoint.host.clear();
  }
  return endpoint;
}

void say_off(const std::string& reason) {
  log_warn("node",
           "api=off reason=\"{}\"; other agents cannot be asked without it, see 'dorsal "
           "certificates --help'",
           reason);
}

struct Contexts {
  io::TlsContext server;
  io::TlsContext client;
};

Result<Contexts> load_contexts(const Config& config) {
  const Files files(config);
  DORSAL_TRY(auto server,
             io::TlsContext::mutual_server(files.certificate, files.key, files.authority));
  DORSAL_TRY(
      auto client,
      io::TlsContext::client(io::TlsVerify::CaOnly, files.authority, files.certificate, files.key));
  return Contexts{std::move(server), std::move(client)};
}

}  // namespace

Result<io::Endpoint> agent_endpoint(const NodeConfig& node) {
  if (!node.agent_address.empty()) return io::parse_endpoint(node.agent_address);
  DORSAL_TRY(auto endpoint, io::parse_endpoint(node.address));
  if (endpoint.port > 65535 - kPortsAboveMysqld) {
    return invalid(
        fmt::format("'node.agent_address' must be given: the port {} above that of "
                    "'node.address' is none",
                    kPortsAboveMysqld));
  }
  endpoint.port = static_cast<std::uint16_t>(endpoint.port + kPortsAboveMysqld);
  return endpoint;
}

Result<std::optional<NodeCertificate>> load_node_certificate(const Config& config) {
  const Files files(config);
  if (!io::exists(files.certificate)) {
    say_off(files.certificate + " is missing");
    return std::optional<NodeCertificate>();
  }
  DORSAL_TRY(auto facts, io::read_certificate(files.certificate));
  auto identity = peers::parse_identity(facts.uris);
  if (!identity && identity.error().kind == ErrorKind::NotFound) {
    say_off(files.certificate + " does not say whose it is");
    return std::optional<NodeCertificate>();
  }
  if (!identity) return identity.error().in(files.certificate);
  if (identity->kind != peers::Identity::Kind::Node || identity->node != config.node.name) {
    return invalid(
        fmt::format("{} is the certificate of {}, and this node is {}; put its own there",
                    files.certificate,
                    peers::to_string(*identity),
                    config.node.name));
  }
  DORSAL_TRY_VOID(io::check_issuer(files.certificate, files.authority));
  NodeCertificate certificate{*std::move(identity), facts.valid_until_s};
  return std::optional<NodeCertificate>(std::move(certificate));
}

Result<void> refuse_expired(const Config& config,
                            const NodeCertificate& certificate,
                            std::int64_t now_s) {
  if (certificate.valid_until_s >= now_s) return {};
  return invalid(fmt::format("{} expired on {}{}",
                             Files(config).certificate,
                             date_of(certificate.valid_until_s),
                             kIssueAnother));
}

PeerApi::PeerApi(const Config& config, io::Loop& loop, Counters& counters)
    : config_(config), loop_(loop), counters_(counters), stamp_(stamp_of_files(config)) {}

Result<std::unique_ptr<PeerApi>> PeerApi::start(const Config& config,
                                                const NodeCertificate& certificate,
                                                agent::Agent& agent,
                                                io::Loop& loop,
                                                Counters& counters) {
  std::unique_ptr<PeerApi> api(new PeerApi(config, loop, counters));
  DORSAL_TRY(auto endpoint, agent_endpoint(config.node));
  DORSAL_TRY(auto contexts, load_contexts(config));
  const auto& cluster = certificate.identity.cluster;
  api->peers_ = std::make_unique<peers::HttpPeers>(loop, cluster, std::move(contexts.client));
  auto metrics = [&agent, &counters] {
    return admin::metrics_page(counters.read(), agent.topology());
  };
  agent::PeerServerOptions options{listening_endpoint(std::move(endpoint)),
                                   config.node.name,
                                   cluster,
                                   std::move(contexts.server)};
  DORSAL_TRY(api->server_,
             agent::PeerServer::start(std::move(options),
                                      make_answers(agent, version_line(), std::move(metrics)),
                                      loop,
                                      counters));
  auto topology = [&agent]() -> const cluster::Topology& { return agent.topology(); };
  api->watch_ = std::make_unique<agent::PeerWatch>(loop,
                                                   *api->peers_,
                                                   counters,
                                                   cluster::NodeName(config.node.name),
                                                   std::move(topology));
  api->valid_until_s_ = certificate.valid_until_s;
  api->tell_end(io::wall_ms() / 1000);
  log_info("node",
           "api=on address={} certificate_until={}",
           io::to_string(api->server_->local_endpoint()),
           date_of(certificate.valid_until_s));
  return api;
}

Result<void> PeerApi::take_up(const NodeCertificate& certificate) {
  DORSAL_TRY_VOID(refuse_expired(config_, certificate, io::wall_ms() / 1000));
  DORSAL_TRY(auto contexts, load_contexts(config_));
  server_->change(std::move(contexts.server));
  peers_->change(std::move(contexts.client));
  valid_until_s_ = certificate.valid_until_s;
  warnings_ = 0;
  tell_end(io::wall_ms() / 1000);
  return {};
}

void PeerApi::reload() {
  stamp_ = stamp_of_files(config_);
  auto certificate = load_node_certificate(config_);
  if (certificate && !*certificate) return;  // why not is in the log
  auto taken = certificate ? take_up(**certificate) : Result<void>(certificate.error());
  if (taken) {
    log_info("node", "certificates=reloaded certificate_until={}", date_of(valid_until_s_));
    if (listener_) listener_();
  } else {
    log_error("node",
              "certificates=refused reason=\"{}\"; those from before stay",
              taken.error().message);
  }
}

// A certificate that runs out cuts this node off, so it is said in time, more than once.
void PeerApi::tell_end(std::int64_t now_s) {
  counters_
      .gauge("dorsal_agent_certificate_expiry_timestamp_seconds",
             "When the certificate of this node ends, in seconds since 1970.",
             {{"node", config_.node.name}})
      .set(valid_until_s_);
  const std::int64_t left_s = valid_until_s_ - now_s;
  const auto* due = std::find_if(std::begin(kDaysOfWarnings),
                                 std::end(kDaysOfWarnings),
                                 [&](int days) { return left_s < days * kSecondsPerDay; });
  if (due == std::end(kDaysOfWarnings)) return;
  const int step = static_cast<int>(std::end(kDaysOfWarnings) - due);
  if (step <= warnings_) return;
  warnings_ = step;
  if (left_s < 0) {
    log_error("node", "certificate=expired since={}{}", date_of(valid_until_s_), kIssueAnother);
  } else {
    log_warn("node", "certificate=ending until={}{}", date_of(valid_until_s_), kIssueAnother);
  }
}

io::Task<> PeerApi::watch_certificates() {
  for (;;) {
    const bool goes_on = co_await loop_.sleep_until(loop_.after(kLookAtCertificates));
    if (!goes_on) co_return;
    if (stamp_of_files(config_) != stamp_) reload();
    tell_end(io::wall_ms() / 1000);
  }
}

io::Task<> PeerApi::watch_peers() { return watch_->watch_for_ever(kLookAtPeers); }

}  // namespace dorsal::app
