#include "app/proxy_succession.h"

#include <fmt/format.h>

#include <utility>

#include "app/role.h"
#include "base/log.h"
#include "edge/io/scope.h"

namespace dorsal::app {
namespace {

constexpr auto kReachPatience = std::chrono::seconds(20);
constexpr auto kLookForPrimary = std::chrono::milliseconds(20);
constexpr auto kLookForClients = std::chrono::milliseconds(100);
constexpr auto kSayWhatIsLeft = std::chrono::minutes(1);

}  // namespace

ProxySuccession::ProxySuccession(io::Loop& loop, const Config& config)
    : loop_(loop), run_(config.run), listen_(config.proxy.listen) {}

Result<void> ProxySuccession::ask() {
  DORSAL_TRY(predecessor_, Takeover::ask(loop_, run_, kProxyRole));
  DORSAL_TRY(handed_, io::block_on(loop_, predecessor_->receive()));
  return {};
}

Result<std::unique_ptr<proxy::Proxy>> ProxySuccession::start(
    proxy::Options options,
    const cluster::SharedTopology& topology,
    Counters& counters) {
  proxy::HandedPorts ports;
  if (handed_) ports = std::move(handed_->ports);
  return proxy::Proxy::take_over(std::move(options), topology, counters, std::move(ports));
}

io::Task<bool> ProxySuccession::reaches_primary_soon(const proxy::Proxy& proxy) {
  const Deadline patience = loop_.after(kReachPatience);
  while (!proxy.reaches_primary() && !patience.has_passed(loop_.now())) {
    const Deadline next = loop_.after(kLookForPrimary);
    co_await loop_.sleep_until(next);
  }
  co_return proxy.reaches_primary();
}

Result<io::FileLock> ProxySuccession::go_live(proxy::Proxy& proxy,
                                              std::optional<io::FileLock> lock) {
  if (!predecessor_) {
    proxy.accept();
    return *std::move(lock);
  }
  const bool reaches_primary = io::block_on(loop_, reaches_primary_soon(proxy));
  if (!reaches_primary && handed_->reaches_primary) {
    return unavailable(
        fmt::format("this process cannot reach the primary within {} s, which the proxy that runs "
                    "can; that one goes on",
                    kReachPatience.count()));
  }
  DORSAL_TRY(const auto left, io::block_on(loop_, predecessor_->finish()));
  proxy.accept(left.next_session);
  DORSAL_TRY_VOID(handed_->lock.sign());
  log_info("proxy", "handover=taken_over predecessor_clients={}", left.clients);
  return std::move(handed_->lock);
}

io::Task<> ProxySuccession::watch_predecessor() {
  co_await predecessor_->ends();
  const bool is_over = co_await io::cancelled();
  if (is_over) co_return;
  log_info("proxy", "handover=finished; the predecessor has ended");
  predecessor_.reset();
}

io::Task<> ProxySuccession::obey_successor(io::PassingSocket& successor, const Hooks& hooks) {
  for (;;) {
    auto message = co_await successor.receive(Deadline::never());
    if (!message) co_return;  // it crashed, say; the clients here have done nothing wrong
    if (asks_to_end(*message)) hooks.end("reason=\"its successor ends\"");
  }
}

// A predecessor is told to end through this process, so this one stays for as long as there is one.
io::Task<> ProxySuccession::drain(const proxy::Proxy& proxy, const Hooks& hooks) {
  const Milliseconds most = hooks.drain_limit();
  const Deadline limit = most > Milliseconds(0) ? loop_.after(most) : Deadline::never();
  Deadline next_word = loop_.after(kSayWhatIsLeft);
  while (proxy.clients() > 0 || predecessor_) {
    if (limit.has_passed(loop_.now())) {
      log_warn("proxy", "state=draining clients={} limit=passed", proxy.clients());
      co_return hooks.end("reason=\"proxy.drain_limit_ms has passed\"");
    }
    if (next_word.has_passed(loop_.now())) {
      log_info("proxy", "state=draining clients={}", proxy.clients());
      next_word = loop_.after(kSayWhatIsLeft);
    }
    const Deadline next = loop_.after(kLookForClients);
    const bool goes_on = co_await loop_.sleep_until(next);
    if (!goes_on) co_return;
  }
  hooks.end("reason=\"its last client has left\"");
}

io::Task<> ProxySuccession::pass_on(proxy::Proxy& proxy,
                                    std::optional<io::FileLock>& lock,
                                    Hooks hooks) {
  io::Scope watching(loop_);
  if (predecessor_) watching.spawn(watch_predecessor());
  auto opened = io::PassingListener::open(loop_, handover_socket(run_, kProxyRole));
  if (!opened) {
    log_error("proxy", "handover=impossible reason=\"{}\"", opened.error().message);
    co_await watching.join();
    co_return;
  }
  std::optional<io::PassingListener> listener = *std::move(opened);
  Giver giver(loop_, proxy, lock, listen_, [&] {
    proxy.leave_ports();
    hooks.leave();
  });
  auto successor = co_await giver.give(*listener);
  listener.reset();
  if (successor) {
    log_info("proxy", "state=draining clients={}", proxy.clients());
    watching.spawn(obey_successor(*successor, hooks));
    co_await drain(proxy, hooks);
  }
  co_await watching.cancel_and_join();
}

io::Task<> ProxySuccession::end() {
  if (predecessor_) co_await predecessor_->end();
}

}  // namespace dorsal::app
