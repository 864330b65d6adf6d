#include "service/proxy/shared.h"

#include "service/proxy/probe.h"

namespace dorsal::proxy {
namespace {

constexpr std::size_t kMaxSpareBuffers = 64;

Number& read_path(Counters& counters, const char* path) {
  return counters.counter("dorsal_proxy_reads_total",
                          "Reads that were free to leave the primary, by the way they took.",
                          {{"path", path}});
}

}  // namespace

ProxyNumbers::ProxyNumbers(Counters& counters)
    : sessions(counters.gauge("dorsal_proxy_sessions", "Clients that are logged in.")),
      logins(counters.counter("dorsal_proxy_logins_total", "Log-ins that succeeded.")),
      logins_refused(
          counters.counter("dorsal_proxy_logins_refused_total", "Log-ins that did not succeed.")),
      protocol_errors(counters.counter("dorsal_proxy_protocol_errors_total",
                                       "Clients dropped since they broke the protocol.")),
      on_primary(counters.counter("dorsal_proxy_primary_statements_total",
                                  "Statements that only the primary may run.")),
      reads_at_once(read_path(counters, "replica")),
      reads_waited(read_path(counters, "replica_after_wait")),
      reads_timed_out(read_path(counters, "primary_after_wait")),
      reads_no_replica(read_path(counters, "primary_no_replica")),
      reads_refused(read_path(counters, "refused")),
      reads_retried(counters.counter("dorsal_proxy_reads_retried_total",
                                     "Reads repeated since their replica failed.")),
      probes(counters.counter("dorsal_proxy_position_probes_total",
                              "Times that the primary was asked for its position.")) {}

Shared::Shared(Options options_, const cluster::SharedTopology& topology_, Counters& counters_)
    : topology(topology_),
      counters(counters_),
      numbers(counters_),
      servers(counters_),
      rsa_key(RsaKey::generate()) {
  options.store(std::make_shared<const Options>(std::move(options_)));
}

LoopContext::LoopContext(Shared& shared_, io::Loop& loop_)
    : shared(shared_),
      loop(loop_),
      view(std::make_shared<ServerView>()),
      probe(std::make_unique<PrimaryProbe>(*this)) {
  refresh_options();
  refresh_view();
}

LoopContext::~LoopContext() = default;

void LoopContext::refresh_options() { options = shared.options.load(); }

void LoopContext::refresh_view() {
  const std::uint64_t version = shared.topology.version();
  if (version == seen_version_) return;
  seen_version_ = version;
  auto newest = shared.topology.load();
  if (newest) view = shared.servers.view(std::move(newest));
}

std::unique_ptr<char[]> LoopContext::take_buffer() {
  if (spare_buffers_.empty()) return std::unique_ptr<char[]>(new char[kBufferBytes]);
  auto buffer = std::move(spare_buffers_.back());
  spare_buffers_.pop_back();
  return buffer;
}

void LoopContext::give_buffer(std::unique_ptr<char[]> buffer) {
  if (spare_buffers_.size() < kMaxSpareBuffers) spare_buffers_.push_back(std::move(buffer));
}

}  // namespace dorsal::proxy
