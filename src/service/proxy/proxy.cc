#include "service/proxy/proxy.h"

#include <fmt/format.h>

#include <algorithm>
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

}  // namespace

// One loop with its thread, its listeners and its sessions.
class LoopThread {
 public:
  LoopThread(Shared& shared, bool watches_servers)
      : context_(shared, loop_), scope_(loop_), watches_servers_(watches_servers) {}

  ~LoopThread() {
    if (!thread_.joinable()) return;
    loop_.post([this] { scope_.cancel(); });
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

  // From any thread: takes the newest options up, soon.
  void refresh_options() {
    loop_.post([this] { context_.refresh_options(); });
  }

  void start() {
    for (auto& [listener, kind] : listeners_) scope_.spawn(accept(*listener, kind));
    if (watches_servers_) scope_.spawn(watch_servers());
    scope_.spawn(context_.pools->tend_all());
    thread_ = std::thread([this] { io::block_on(loop_, until_cancelled()); });
  }

 private:
  io::Task<> accept(io::Listener& listener, routing::Listener kind) {
    for (;;) {
      auto client = co_await listener.accept(Deadline::never());
      if (!client) co_return;
      scope_.spawn(serve(*std::move(client), kind));
    }
  }

  io::Task<> serve(io::Stream client, routing::Listener kind) {
    auto session = std::make_unique<Session>(context_, std::move(client), kind);
    co_await session->run();
  }

  // Starts a monitor for each server as it first appears in the topology.
  io::Task<> watch_servers() {
    std::vector<const Server*> watched;
    for (bool goes_on = true; goes_on;) {
      context_.refresh_view();
      for (Server* server : context_.view->all) {
        if (std::find(watched.begin(), watched.end(), server) != watched.end()) continue;
        watched.push_back(server);
        scope_.spawn(monitor(context_, *server));
      }
      goes_on = co_await loop_.sleep_until(loop_.after(kLookForServers));
    }
  }

  io::Task<> until_cancelled() {
    co_await scope_.join();
    co_await context_.stop();
  }

  io::Loop loop_;
  LoopContext context_;
  io::Scope scope_;
  std::vector<std::pair<std::unique_ptr<io::Listener>, routing::Listener>> listeners_;
  bool watches_servers_;
  std::thread thread_;
};

struct Proxy::Impl {
  Impl(Options options, const cluster::SharedTopology& topology, Counters& counters)
      : shared(std::move(options), topology, counters) {}

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

Result<std::unique_ptr<Proxy>> Proxy::start(Options options,
                                            const cluster::SharedTopology& topology,
                                            Counters& counters) {
  const std::vector<Port> ports = {{options.split_port, routing::Listener::Split},
                                   {options.primary_port, routing::Listener::Primary},
                                   {options.replicas_port, routing::Listener::Replicas}};
  // SO_REUSEPORT would let a second proxy of the same user share a port with the first unnoticed.
  for (const Port& port : ports) {
    if (auto holder = io::process_listening_on(port.number)) {
      return conflict(fmt::format("port {} is in use by {}", port.number, *holder));
    }
  }
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned count = options.loops != 0 ? options.loops : cores;
  const std::string listen = options.listen;
  auto impl = std::make_unique<Impl>(std::move(options), topology, counters);
  for (unsigned i = 0; i < count; ++i) {
    auto loop = std::make_unique<LoopThread>(impl->shared, i == 0);
    for (const Port& port : ports) {
      DORSAL_TRY_VOID(loop->listen(listen, port));
    }
    impl->loops.push_back(std::move(loop));
  }
  for (auto& loop : impl->loops) loop->start();
  return std::unique_ptr<Proxy>(new Proxy(std::move(impl)));
}

}  // namespace dorsal::proxy
