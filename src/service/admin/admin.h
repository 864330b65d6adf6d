// The admin service: HTTP for people, probes and Prometheus.
//
//   GET /                              a page that shows the cluster
//   GET /api/status                    status_json()
//   GET /metrics                       metrics_page()
//   GET /health/live                   200 while this process answers at all
//   GET /health/ready                  200 when some server can answer statements
//   GET /health/primary                200 when there is a primary that takes writes
//   GET /health/replica?max_lag_ms=N   200 when a healthy replica is at most that far behind
//
// A probe that fails answers 503; every probe's body is one line that says why. The server runs on
// threads of its own and only reads snapshots, so a slow client cannot hold the proxy up.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/counters.h"
#include "base/result.h"
#include "core/cluster/topology.h"
#include "service/admin/status_json.h"

namespace dorsal::admin {

struct Options {
  std::string listen = "127.0.0.1";
  std::uint16_t http_port = 6038;
  Endpoints endpoints;            // shown in the status
  bool is_proxy_running = false;  // in this process
};

class Admin {
 public:
  // Answers from its return on. Fails, with the name of the process that holds the port, when the
  // port is taken. topology and counters must outlive the Admin.
  static Result<std::unique_ptr<Admin>> start(Options options,
                                              const cluster::SharedTopology& topology,
                                              const Counters& counters);

  // Leaves the port at once, to another process; answers under way are finished.
  void leave_port();

  // Finishes the answers under way and joins the threads.
  ~Admin();

 private:
  struct Impl;
  explicit Admin(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dorsal::admin
