#include "service/proxy/proxy.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "base/log.h"
#include "edge/io/listener.h"
#include "edge/io/port_holder.h"
#include "service/proxy/monitor.h"
#include "service/proxy/probe.h"
#include "service/proxy/session.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {
namespace {

constexpr auto kLookForServers = std::chrono::milliseconds(100);

struct Port {
  std::uint16_t number;
  routing::Listener kind;
};

std::vector<Port> ports_of(const Options& options) {
  return {{options.split_port, routing::Listener::Split},
          {options.primary_port, routing::Listener::Primary},
          {options.replicas_port, routing::Listener::Replicas}};
}

std::uint16_t port_of(const Options& options, routing::Listener kind) {
  for (const Port& port : ports_of(options)) {
    if (port.kind == kind) return port.number;
  }
  return 0;
}

}  // namespace

// One loop with its thread, its listeners and its sessions.
class LoopThread {
 public:
  LoopThread(Shared& shared, bool watches_servers)
      : context_(shared, loop_),
        scope_(loop_),
        accepting_(loop_),
        watches_servers_(watches_servers) {}

  ~LoopThread() {
    if (!thread_.joinable()) return;
    loop_.post([this] {
      accepting_.cancel();
      scope_.cancel();
    });
    thread_.join();
  }

  Result<void> listen(const std::string& host, Port port) {
    io::ListenOptions options;
    options.reuse_port = true;
    auto listener = io::Listener::open(loop_, io::Endpoint(host, port.number), options);
    if (!listener) return listener.error();
    listeners_.push_back({std::make_unique<io::Listener>(*std::move(listener)), port.kind});
    return {};
  }

  // Unless it is another port than the configuration has by now.
  Result<void> adopt(HandedPorts::Socket handed, std::uint16_t port) {
    DORSAL_TRY(auto listener, io::Listener::adopt(loop_, std::move(handed.socket)));
    if (listener.local_endpoint().port != port) {
      listener.leave_to_other_process();
      return {};
    }
    listeners_.push_back({std::make_unique<io::Listener>(std::move(listener)), handed.kind});
    return {};
  }

  bool listens(routing::Listener kind) const {
    return std::any_of(listeners_.begin(), listeners_.end(), [&](const auto& each) {
      return each.second == kind;
    });
  }

  void add_sockets(std::vector<Proxy::PassedSocket>& sockets) const {
    for (const auto& [listener, kind] : listeners_) {
      sockets.push_back({kind, listener->native_handle()});
    }
  }

  // From any thread: takes the newest options up, soon.
  void refresh_options() {
    loop_.post([this] { context_.refresh_options(); });
  }

  void start() {
    scope_.spawn(watch_topology());
    scope_.spawn(context_.pools->tend_all());
    thread_ = std::thread([this] { io::block_on(loop_, until_cancelled()); });
  }

  void accept() {
    loop_.post([this] {
      for (auto& [listener, kind] : listeners_) accepting_.spawn(accept_at(*listener, kind));
    });
  }

  // Fulfilled once the ports are left.
  std::future<void> leave_ports() {
    std::promise<void> left;
    auto future = left.get_future();
    loop_.post([this, promise = std::make_shared<std::promise<void>>(std::move(left))]() mutable {
      scope_.spawn(stop_accepting(std::move(promise)));
    });
    return future;
  }

 private:
  io::Task<> accept_at(io::Listener& listener, routing::Listener kind) {
    for (;;) {
      auto client = co_await listener.accept(Deadline::never());
      if (!client) co_return;
      scope_.spawn(serve(*std::move(client), kind));
    }
  }

  io::Task<> stop_accepting(std::shared_ptr<std::promise<void>> left) {
    co_await accepting_.cancel_and_join();
    for (auto& [listener, kind] : listeners_) listener->leave_to_other_process();
    left->set_value();
  }

  io::Task<> serve(io::Stream client, routing::Listener kind) {
    auto session = std::make_unique<Session>(context_, std::move(client), kind);
    co_await session->run();
  }

  // Also while no statement begins on this loop: those that run may be at a primary of the past.
  io::Task<> watch_topology() {
    std::vector<const Server*> watched;
    for (bool goes_on = true; goes_on;) {
      context_.refresh_view();
      if (watches_servers_) start_monitors(watched);
      goes_on = co_await loop_.sleep_until(loop_.after(kLookForServers));
    }
  }

  // One for each server as it first appears in the topology.
  void start_monitors(std::vector<const Server*>& watched) {
    for (Server* server : context_.view->all) {
      if (std::find(watched.begin(), watched.end(), server) != watched.end()) continue;
      watched.push_back(server);
      scope_.spawn(monitor(context_, *server));
    }
  }

  io::Task<> until_cancelled() {
    co_await scope_.join();
    co_await accepting_.cancel_and_join();
    co_await context_.stop();
  }

  io::Loop loop_;
  LoopContext context_;
  io::Scope scope_;
  io::Scope accepting_;
  std::vector<std::pair<std::unique_ptr<io::Listener>, routing::Listener>> listeners_;
  bool watches_servers_;
  std::thread thread_;
};

struct Proxy::Impl {
  Impl(Options options, const cluster::SharedTopology& topology, Counters& counters)
      : shared(std::move(options), topology, counters) {}

  Result<void> open_ports(const Options& options, HandedPorts handed);

  Shared shared;
  std::vector<std::unique_ptr<LoopThread>> loops;
};

Proxy::Proxy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Proxy::~Proxy() = default;

void Proxy::change(Options options) {
  impl_->shared.pool_limits.change(options.pools.maximum, options.pools.reserve);
  impl_->shared.options.store(std::make_shared<const Options>(std::move(options)));
  for (auto& loop : impl_->loops) loop->refresh_options();
}

// Ports that were handed over go to the loops in turn; what a loop has not got it opens itself.
Result<void> Proxy::Impl::open_ports(const Options& options, HandedPorts handed) {
  std::size_t next = 0;
  for (auto& socket : handed.sockets) {
    const std::uint16_t port = port_of(options, socket.kind);
    DORSAL_TRY_VOID(loops[next++ % loops.size()]->adopt(std::move(socket), port));
  }
  for (const Port& port : ports_of(options)) {
    const bool is_handed = std::any_of(loops.begin(), loops.end(), [&](const auto& loop) {
      return loop->listens(port.kind);
    });
    // SO_REUSEPORT would let a second proxy of the same user share a port with the first unnoticed.
    const io::Endpoint endpoint(options.listen, port.number);
    auto holder = is_handed ? std::nullopt : io::process_listening_on(endpoint);
    if (holder) return conflict(fmt::format("port {} is in use by {}", port.number, *holder));
    for (auto& loop : loops) {
      if (!loop->listens(port.kind)) DORSAL_TRY_VOID(loop->listen(options.listen, port));
    }
  }
  return {};
}

Result<std::unique_ptr<Proxy>> Proxy::start(Options options,
                                            const cluster::SharedTopology& topology,
                                            Counters& counters) {
  DORSAL_TRY(auto proxy, take_over(std::move(options), topology, counters, HandedPorts()));
  proxy->accept();
  return proxy;
}

Result<std::unique_ptr<Proxy>> Proxy::take_over(Options options,
                                                const cluster::SharedTopology& topology,
                                                Counters& counters,
                                                HandedPorts handed) {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned count = options.loops != 0 ? options.loops : cores;
  auto impl = std::make_unique<Impl>(options, topology, counters);
  for (unsigned i = 0; i < count; ++i) {
    impl->loops.push_back(std::make_unique<LoopThread>(impl->shared, i == 0));
  }
  if (handed.listen != options.listen) handed.sockets.clear();
  DORSAL_TRY_VOID(impl->open_ports(options, std::move(handed)));
  for (auto& loop : impl->loops) loop->start();
  return std::unique_ptr<Proxy>(new Proxy(std::move(impl)));
}

void Proxy::accept(std::uint32_t first_session) {
  impl_->shared.sessions.begin_with(first_session);
  for (auto& loop : impl_->loops) loop->accept();
}

bool Proxy::reaches_primary() const {
  auto topology = impl_->shared.topology.load();
  if (!topology) return false;
  const auto view = impl_->shared.servers.view(std::move(topology));
  return view->primary != nullptr && view->primary->reachable;
}

std::vector<Proxy::PassedSocket> Proxy::sockets() const {
  std::vector<PassedSocket> sockets;
  for (const auto& loop : impl_->loops) loop->add_sockets(sockets);
  return sockets;
}

std::uint32_t Proxy::next_session() const { return impl_->shared.sessions.next(); }

void Proxy::leave_ports() {
  std::vector<std::future<void>> left;
  for (auto& loop : impl_->loops) left.push_back(loop->leave_ports());
  for (auto& each : left) each.wait();
}

std::size_t Proxy::clients() const { return impl_->shared.sessions.size(); }

}  // namespace dorsal::proxy
