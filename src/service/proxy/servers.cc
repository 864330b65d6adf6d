#include "service/proxy/servers.h"

#include <algorithm>

#include "base/log.h"

namespace dorsal::proxy {
namespace {

constexpr int kMissesBeforePause = 3;
constexpr auto kPause = std::chrono::milliseconds(50);

}  // namespace

Server::Server(std::size_t index_,
               cluster::NodeName name_,
               io::Endpoint endpoint_,
               Counters& counters)
    : index(index_),
      name(std::move(name_)),
      endpoint(std::move(endpoint_)),
      statements(counters.counter("dorsal_proxy_server_statements_total",
                                  "Statements of clients sent to a server.",
                                  {{"server", name.value()}})),
      connections(counters.gauge("dorsal_proxy_server_connections",
                                 "Connections that clients' sessions hold to a server.",
                                 {{"server", name.value()}})),
      others(counters.gauge("dorsal_proxy_server_other_proxies",
                            "Other proxies that have connections to a server; -1: not known.",
                            {{"server", name.value()}})) {
  others.set(-1);
}

bool Server::may_serve_reads(Duration max_lag) const {
  if (!reachable.load(std::memory_order_relaxed)) return false;
  if (max_lag == Duration::zero()) return true;
  const std::int64_t lag = lag_ms.load(std::memory_order_relaxed);
  return lag >= 0 && std::chrono::milliseconds(lag) <= max_lag;
}

void Server::said_closed(std::uint64_t version, cluster::Term term, TimePoint now) {
  const bool goes_on = closed_in_.load() != 0 && closed_term_.load() == term.value();
  if (!goes_on) closed_since_ns_.store(now.time_since_epoch().count());
  closed_term_.store(term.value());
  closed_in_.store(version);
}

void Server::took_a_write() {
  if (closed_in_.load(std::memory_order_relaxed) != 0) closed_in_.store(0);
}

bool Server::is_closed_on_purpose(cluster::Term term, TimePoint now, Duration patience) const {
  if (closed_in_.load(std::memory_order_relaxed) == 0) return false;
  const Duration since(now.time_since_epoch().count() - closed_since_ns_.load());
  return closed_term_.load() == term.value() && since >= patience;
}

bool Server::is_closed_for_now(std::uint64_t version,
                               cluster::Term term,
                               TimePoint now,
                               Duration patience) const {
  const bool is_closed = closed_in_.load(std::memory_order_relaxed) == version;
  return is_closed && !is_closed_on_purpose(term, now, patience);
}

bool Server::worth_waiting(TimePoint now) const {
  if (missed_.load(std::memory_order_relaxed) < kMissesBeforePause) return true;
  const std::int64_t now_ns = now.time_since_epoch().count();
  auto next = next_try_ns_.load(std::memory_order_relaxed);
  // One reader per pause tries; the others go to the primary at once.
  return now_ns >= next &&
         next_try_ns_.compare_exchange_strong(next, now_ns + Duration(kPause).count());
}

bool Server::is_keeping_up(TimePoint now) const {
  return missed_.load(std::memory_order_relaxed) < kMissesBeforePause ||
         now.time_since_epoch().count() >= next_try_ns_.load(std::memory_order_relaxed);
}

void Server::wait_succeeded() { missed_.store(0, std::memory_order_relaxed); }

void Server::wait_timed_out(TimePoint now) {
  missed_.fetch_add(1, std::memory_order_relaxed);
  next_try_ns_.store((now + kPause).time_since_epoch().count(), std::memory_order_relaxed);
}

bool ServerView::excludes_other_proxies(TimePoint now) const {
  return std::all_of(all.begin(), all.end(), [&](const Server* server) {
    return server->other_proxies.are_excluded(now);
  });
}

Server* Servers::find_or_make(const cluster::Member& member) {
  auto endpoint = io::parse_endpoint(member.address);
  if (!endpoint) {
    log_error("proxy",
              "node={} address is not usable: {}",
              member.name.value(),
              endpoint.error().message);
    return nullptr;
  }
  std::lock_guard lock(mutex_);
  for (Server& server : servers_) {
    if (server.name == member.name && server.endpoint == *endpoint) return &server;
  }
  if (servers_.size() == kMaxServers) return nullptr;
  return &servers_.emplace_back(servers_.size(), member.name, *std::move(endpoint), counters_);
}

std::shared_ptr<const ServerView> Servers::view(std::shared_ptr<const cluster::Topology> topology) {
  auto view = std::make_shared<ServerView>();
  const cluster::Node* primary = topology->primary();
  for (const cluster::Node& node : topology->nodes) {
    Server* server = find_or_make(node.member);
    if (server == nullptr) continue;
    server->lag_ms.store(node.state.lag_ms.value_or(-1), std::memory_order_relaxed);
    server->read_weight.store(node.state.read_weight, std::memory_order_relaxed);
    server->is_near.store(!zone_.empty() && node.state.zone == zone_, std::memory_order_relaxed);
    view->all.push_back(server);
    if (&node == primary) {
      view->primary = server;
      view->primary_says_open = node.state.role == cluster::Role::Primary;
    } else if (node.state.role == cluster::Role::Replica && node.state.healthy) {
      view->replicas.push_back(server);
    }
  }
  view->is_held = topology->holds_statements();
  const auto& switchover = topology->leadership.switchover;
  for (Server* server : view->all) {
    const bool is_meant =
        switchover && switchover->is_under_way() && server->name == switchover->to;
    if (is_meant) view->successor = server;
  }
  view->topology = std::move(topology);
  return view;
}

}  // namespace dorsal::proxy
