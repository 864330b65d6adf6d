#include "app/up_checks.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "app/find_mysqld.h"
#include "app/peer_api.h"
#include "edge/io/endpoint.h"
#include "edge/io/files.h"
#include "edge/io/port_holder.h"

namespace dorsal::app {
namespace {

constexpr std::uint64_t kMebi = std::uint64_t{1} << 20;
constexpr std::uint64_t kDiskPerNode = 1024 * kMebi;
// A server with its default buffer pool, its agent, and what a clone needs for a moment.
constexpr std::uint64_t kMemoryPerNode = 600 * kMebi;
constexpr std::uint64_t kUsualBufferPool = 128 * kMebi;
// What was killed a moment ago may not have let go of its port yet.
constexpr auto kPortPatience = std::chrono::seconds(5);

struct Port {
  std::string role;
  std::uint16_t number = 0;
};

Result<std::vector<Port>> needed_ports(const UpPlan& plan) {
  std::vector<Port> ports;
  for (const auto& node : plan.nodes) {
    DORSAL_TRY(auto endpoint, io::parse_endpoint(node.config.node.address));
    ports.push_back({node.role.name, endpoint.port});
    DORSAL_TRY(auto agent, agent_endpoint(node.config.node));
    ports.push_back({node.role.name, agent.port});
  }
  for (auto number : {plan.proxy.config.proxy.split_port,
                      plan.proxy.config.proxy.primary_port,
                      plan.proxy.config.proxy.replicas_port,
                      plan.proxy.config.admin.http_port}) {
    ports.push_back({plan.proxy.role.name, number});
  }
  std::set<std::uint16_t> seen;
  for (const auto& port : ports) {
    if (seen.insert(port.number).second) continue;
    return invalid(
        fmt::format("port {} is configured twice, the second time for {}; give each its own",
                    port.number,
                    port.role));
  }
  return ports;
}

bool runs(const UpPlan& plan, const std::string& role) {
  if (role == plan.proxy.role.name) return plan.proxy.runs;
  return std::any_of(plan.nodes.begin(), plan.nodes.end(), [&](const PlannedRole& node) {
    return node.role.name == role && node.runs;
  });
}

Result<void> check_port(const Port& port, std::chrono::steady_clock::time_point patience) {
  for (;;) {
    auto holder = io::process_listening_on({"", port.number});
    if (!holder) return {};
    if (std::chrono::steady_clock::now() >= patience) {
      return unavailable(
          fmt::format("port {}, which {} needs, is in use by {}; stop that or choose "
                      "another --port-base",
                      port.number,
                      port.role,
                      *holder));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

Result<void> check_ports(const UpPlan& plan) {
  DORSAL_TRY(auto ports, needed_ports(plan));
  bool is_new = !io::exists(plan.cluster.marker());
  auto patience = std::chrono::steady_clock::now();
  if (!is_new) patience += kPortPatience;
  for (const auto& port : ports) {
    if (!runs(plan, port.role)) DORSAL_TRY_VOID(check_port(port, patience));
  }
  return {};
}

std::string nearest_existing_folder(std::string path) {
  while (path.size() > 1 && !io::exists(path)) {
    path = std::filesystem::path(path).parent_path().string();
  }
  return path;
}

Result<void> check_disk(const UpPlan& plan) {
  std::uint64_t needed = 0;
  for (const auto& node : plan.nodes) {
    if (!io::exists(node.config.node.dir + "/data")) needed += kDiskPerNode;
  }
  if (needed == 0) return {};
  DORSAL_TRY(auto free, io::free_disk_bytes(nearest_existing_folder(plan.cluster.dir())));
  if (free >= needed) return {};
  return unavailable(
      fmt::format("the disk of {} has {} MiB left and the new nodes need {} MiB; free "
                  "some, or choose fewer --nodes or another --dir",
                  plan.cluster.dir(),
                  free / kMebi,
                  needed / kMebi));
}

std::uint64_t memory_of(const Config& config) {
  auto buffer_pool = size_in_bytes(config.node.buffer_pool);
  return kMemoryPerNode + (buffer_pool > kUsualBufferPool ? buffer_pool - kUsualBufferPool : 0);
}

Result<void> check_memory(const UpPlan& plan) {
  std::uint64_t needed = 0;
  for (const auto& node : plan.nodes) {
    if (!node.runs) needed += memory_of(node.config);
  }
  auto meminfo = io::read_file("/proc/meminfo");
  auto available = meminfo ? available_memory(*meminfo) : std::nullopt;
  if (!available || *available >= needed) return {};
  return unavailable(
      fmt::format("{} MiB of memory are free and the nodes to start need {} MiB; stop "
                  "something, or choose fewer --nodes or a smaller --buffer-pool",
                  *available / kMebi,
                  needed / kMebi));
}

Result<void> check_mysqld(const UpPlan& plan, const Environment& environment) {
  std::set<std::string> asked;
  for (const auto& node : plan.nodes) {
    if (node.runs || !asked.insert(node.config.node.mysqld).second) continue;
    DORSAL_TRY_VOID(find_mysqld(node.config.node.mysqld, environment));
  }
  return {};
}

}  // namespace

std::uint64_t size_in_bytes(const std::string& text) {
  std::uint64_t number = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ptr == text.data() + text.size()) return number;
  auto unit = std::string_view("kmgt").find(static_cast<char>(*parsed.ptr | 0x20));
  DORSAL_CHECK(unit != std::string_view::npos);
  return number << (10 * (unit + 1));
}

std::optional<std::uint64_t> available_memory(const std::string& meminfo) {
  constexpr std::string_view kName = "MemAvailable:";
  auto at = meminfo.find(kName);
  if (at == std::string::npos) return std::nullopt;
  at = meminfo.find_first_not_of(' ', at + kName.size());
  if (at == std::string::npos) return std::nullopt;
  std::uint64_t kibi = 0;
  auto parsed = std::from_chars(meminfo.data() + at, meminfo.data() + meminfo.size(), kibi);
  if (parsed.ec != std::errc()) return std::nullopt;
  return kibi * 1024;
}

Result<void> check_machine(const UpPlan& plan, const Environment& environment) {
  DORSAL_TRY_VOID(check_mysqld(plan, environment));
  DORSAL_TRY_VOID(check_disk(plan));
  DORSAL_TRY_VOID(check_memory(plan));
  return check_ports(plan);
}

}  // namespace dorsal::app
