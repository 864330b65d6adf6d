#include "service/admin/admin.h"

#include <fmt/format.h>
#include <httplib.h>

#include <charconv>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "edge/io/port_holder.h"
#include "service/admin/health.h"
#include "service/admin/metrics.h"
#include "service/admin/page.h"

namespace dorsal::admin {
namespace {

constexpr const char* kText = "text/plain; charset=utf-8";
constexpr std::size_t kThreads = 8;
constexpr std::size_t kLargestRequest_bytes = std::size_t{64} * 1024;

void answer(httplib::Response& response, const Health& health) {
  response.status = health.is_good ? 200 : 503;
  response.set_content(health.reason + "\n", kText);
}

std::optional<std::int64_t> parse_number(const std::string& text) {
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// The library's own choice is SO_REUSEPORT, with which a second server would take half of the
// requests instead of being told that the port is in use.
void share_no_port(int socket) {
  int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

Error cannot_listen(const Options& options, int reason) {
  auto where = fmt::format("{}:{}", options.listen, options.http_port);
  if (reason != EADDRINUSE) {
    return unavailable(fmt::format("cannot listen on {}: {}", where, std::strerror(reason)));
  }
  auto holder = io::process_listening_on({options.listen, options.http_port});
  return unavailable(fmt::format("port {} is in use{}; stop that or set another admin.http_port",
                                 options.http_port,
                                 holder ? " by " + *holder : std::string()));
}

}  // namespace

struct Admin::Impl {
  Impl(Options chosen, const cluster::SharedTopology& shared, const Counters& counted)
      : options(std::move(chosen)), topology(shared), counters(counted) {
    server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    server.set_socket_options(share_no_port);
    server.set_payload_max_length(kLargestRequest_bytes);
    server.set_keep_alive_timeout(2);
    add_pages();
    add_probes();
  }

  ~Impl() {
    if (!thread.joinable()) return;
    stop();
    thread.join();
  }

  void stop() {
    if (std::exchange(is_stopped, true)) return;
    // A server that has not begun to run ignores stop().
    while (!server.is_running()) std::this_thread::yield();
    server.stop();
  }

  // Nothing was read from the store yet: an empty cluster, in which nobody is healthy.
  std::shared_ptr<const cluster::Topology> now() const {
    auto newest = topology.load();
    return newest ? newest : std::make_shared<const cluster::Topology>();
  }

  void add_pages() {
    server.Get("/", [](const httplib::Request&, httplib::Response& response) {
      response.set_header("Content-Security-Policy",
                          "default-src 'none'; style-src 'unsafe-inline'; "
                          "script-src 'unsafe-inline'; connect-src 'self'");
      auto page = status_page();
      response.set_content(page.data(), page.size(), "text/html; charset=utf-8");
    });
    server.Get("/api/status", [this](const httplib::Request&, httplib::Response& response) {
      Status status{*now(), options.endpoints, options.is_proxy_running};
      response.set_content(status_json(status), "application/json");
    });
    server.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(metrics_page(counters.read(), *now()),
                           "text/plain; version=0.0.4; charset=utf-8");
    });
  }

  void add_probes() {
    server.Get("/health/live", [](const httplib::Request&, httplib::Response& response) {
      answer(response, {true, "alive"});
    });
    server.Get("/health/ready", [this](const httplib::Request&, httplib::Response& response) {
      answer(response, ready_health(*now()));
    });
    server.Get("/health/primary", [this](const httplib::Request&, httplib::Response& response) {
      answer(response, primary_health(*now()));
    });
    server.Get("/health/replica",
               [this](const httplib::Request& request, httplib::Response& response) {
                 answer_replica(request, response);
               });
  }

  void answer_replica(const httplib::Request& request, httplib::Response& response) {
    std::optional<std::int64_t> max_lag_ms;
    if (request.has_param("max_lag_ms")) {
      max_lag_ms = parse_number(request.get_param_value("max_lag_ms"));
      if (!max_lag_ms) {
        response.status = 400;
        response.set_content("max_lag_ms must be a whole number of milliseconds\n", kText);
        return;
      }
    }
    answer(response, replica_health(*now(), max_lag_ms));
  }

  const Options options;
  const cluster::SharedTopology& topology;
  const Counters& counters;
  httplib::Server server;
  std::thread thread;
  bool is_stopped = false;
};

Result<std::unique_ptr<Admin>> Admin::start(Options options,
                                            const cluster::SharedTopology& topology,
                                            const Counters& counters) {
  auto impl = std::make_unique<Impl>(std::move(options), topology, counters);
  errno = 0;
  if (!impl->server.bind_to_port(impl->options.listen, impl->options.http_port)) {
    return cannot_listen(impl->options, errno);
  }
  impl->thread = std::thread([server = &impl->server] { server->listen_after_bind(); });
  return std::unique_ptr<Admin>(new Admin(std::move(impl)));
}

Admin::Admin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Admin::~Admin() = default;
void Admin::leave_port() { impl_->stop(); }

}  // namespace dorsal::admin
