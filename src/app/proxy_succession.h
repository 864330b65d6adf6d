// How a proxy's process follows another one, and is followed by the next.
//
// Calls in this order: ask() when it is to take over, start(), go_live(), pass_on(), end().
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "app/config.h"
#include "app/handover.h"
#include "base/counters.h"
#include "base/result.h"
#include "core/cluster/topology.h"
#include "edge/io/files.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"
#include "service/proxy/proxy.h"

namespace dorsal::app {

class ProxySuccession {
 public:
  ProxySuccession(io::Loop& loop, const Config& config);

  // Asks the proxy that runs for its ports. It goes on as before until go_live().
  Result<void> ask();

  // A proxy on the ports that were handed over, or on ports of its own.
  Result<std::unique_ptr<proxy::Proxy>> start(proxy::Options options,
                                              const cluster::SharedTopology& topology,
                                              Counters& counters);

  // Accepts clients; after ask() once the primary can be reached and the predecessor has left the
  // ports. Returns the role's lock, which is `lock` unless it was handed over.
  Result<io::FileLock> go_live(proxy::Proxy& proxy, std::optional<io::FileLock> lock);

  struct Hooks {
    std::function<void()> leave;  // a successor is ready: what goes on there, ends here
    std::function<Milliseconds()> drain_limit;  // from then on; zero: none
    std::function<void(const char*)> end;       // the process has nothing to do any more, since …
  };

  // Waits for a successor, leaves the ports and the lock to it, and serves the clients that are
  // left. The proxy and the lock outlive the task.
  io::Task<> pass_on(proxy::Proxy& proxy, std::optional<io::FileLock>& lock, Hooks hooks);

  // Has a predecessor end that still serves clients, and waits for it: when this process is told to
  // end. Not when it ends since it was followed by another one.
  io::Task<> end();

 private:
  io::Task<bool> reaches_primary_soon(const proxy::Proxy& proxy);
  io::Task<> watch_predecessor();
  io::Task<> obey_successor(io::PassingSocket& successor, const Hooks& hooks);
  io::Task<> drain(const proxy::Proxy& proxy, const Hooks& hooks);

  io::Loop& loop_;
  const std::string run_;
  const std::string listen_;
  std::optional<Takeover> predecessor_;  // while it lives
  std::optional<Takeover::Handed> handed_;
};

}  // namespace dorsal::app
