#include "app/wait_healthy.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "app/interrupt.h"
#include "app/open_store.h"
#include "app/read_status.h"
#include "app/work_lock.h"
#include "edge/coord/cluster_store.h"
#include "edge/io/clock.h"
#include "edge/io/process.h"
#include "edge/io/scope.h"

namespace dorsal::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kLook = std::chrono::milliseconds(100);
constexpr auto kQuietLimit = std::chrono::minutes(3);
constexpr auto kLongestWait = std::chrono::hours(2);
constexpr auto kStoreLimit = std::chrono::seconds(10);
constexpr int kMostEnds = 3;

bool serves(const cluster::NodeState& state) {
  return state.healthy &&
         (state.role == cluster::Role::Primary || state.role == cluster::Role::Replica);
}

std::string describe(const cluster::NodeState& state) {
  auto role = std::string(to_string(state.role));
  if (serves(state)) return role + ", healthy";
  return state.activity.empty() ? role : fmt::format("{}: {}", role, state.activity);
}

class Waiter {
 public:
  Waiter(const UpPlan& plan, RoleKeeper& keeper, const RoleKeeper::Say& say)
      : plan_(plan), keeper_(keeper), say_(say) {}

  Result<void> run() {
    DORSAL_TRY(store_, open_store(loop_, plan_.proxy.config));
    coord::ClusterStore cluster(*store_);
    for (;;) {
      if (Interrupt::has_come() || is_wished_down(plan_.cluster)) return unavailable("interrupted");
      DORSAL_TRY_VOID(keeper_.start_missing(kMostEnds));
      auto load = cluster.load(loop_.after(kStoreLimit));
      DORSAL_TRY(auto snapshot, io::block_on(loop_, std::move(load)));
      disbelieve_the_dead(snapshot.topology);
      show(snapshot.topology);
      if (all_serve(snapshot.topology) && proxy_sees(snapshot.topology)) return {};
      if (has_waited_enough()) return give_up(snapshot.topology);
      std::this_thread::sleep_for(kLook);
    }
  }

 private:
  bool has_waited_enough() const {
    auto now = Clock::now();
    return now - last_move_ > kQuietLimit || now - begin_ > kLongestWait;
  }

  // The last words of an agent from before its start now are no news.
  bool is_current(const std::string& name, const cluster::NodeState& state) const {
    auto oldest_ms = io::wall_ms() - cluster::kStateExpires_ms;
    return state.published_ms > std::max(keeper_.started_ms(name), oldest_ms);
  }

  // A server that was killed a moment ago is healthy in the store until its agent has noticed.
  static void disbelieve_the_dead(cluster::Topology& topology) {
    for (auto& node : topology.nodes) {
      const auto pid = node.state.pid;
      if (!pid || io::is_running(static_cast<pid_t>(*pid))) continue;
      node.state.healthy = false;
      node.state.activity = "its mysqld has ended";
    }
  }

  void show(const cluster::Topology& topology) {
    for (const auto& planned : plan_.nodes) {
      const auto& name = planned.role.name;
      const auto* node = topology.find(cluster::NodeName(name));
      bool is_known = node != nullptr && is_current(name, node->state);
      bool is_on_its_way = is_known && !serves(node->state);
      note(name,
           is_known ? describe(node->state) : "its agent is starting",
           is_on_its_way ? node->state.gtid_executed : std::string());
    }
  }

  // Only what was never said before is a move: a node that fails in circles stands still. So does
  // the position of one that serves, which grows for ever.
  void note(const std::string& name, const std::string& words, const std::string& position) {
    bool is_new = said_[name].insert(words).second;
    if (is_new || positions_[name] != position) last_move_ = Clock::now();
    positions_[name] = position;
    if (shown_[name] == words) return;
    shown_[name] = words;
    say_(fmt::format("{}: {}", name, words));
  }

  const PlannedRole* laggard(const cluster::Topology& topology) const {
    for (const auto& planned : plan_.nodes) {
      const auto* node = topology.find(cluster::NodeName(planned.role.name));
      bool is_good =
          node != nullptr && is_current(planned.role.name, node->state) && serves(node->state);
      if (!is_good) return &planned;
    }
    return nullptr;
  }

  bool all_serve(const cluster::Topology& topology) const {
    return topology.primary() != nullptr && laggard(topology) == nullptr;
  }

  // The same servers as the store says now, not those of a moment ago.
  bool proxy_sees(const cluster::Topology& topology) {
    auto status = fetch_status(plan_.proxy.config);
    if (!status) {
      note(plan_.proxy.role.name, "starting", "");
      return false;
    }
    auto json = nlohmann::json::parse(*status, nullptr, false);
    if (json["primary"].is_null() || json["nodes"].size() < plan_.nodes.size()) return false;
    for (const auto& node : json["nodes"]) {
      const auto* stored = topology.find(cluster::NodeName(node.value("name", "")));
      const bool is_same = stored != nullptr && stored->state.pid && node["pid"].is_number() &&
                           node["pid"].get<std::int64_t>() == *stored->state.pid;
      if (!is_same || !node.value("healthy", false)) return false;
    }
    note(plan_.proxy.role.name, "serves", "");
    return true;
  }

  Error give_up(const cluster::Topology& topology) {
    const auto* late = laggard(topology);
    const auto& role = late == nullptr ? plan_.proxy.role : late->role;
    return timeout(
        fmt::format("{} is not healthy ({}), and this waits no longer; its log is {}, and "
                    "'dorsal status --watch' shows how it goes on",
                    role.name,
                    shown_[role.name],
                    role.log));
  }

  const UpPlan& plan_;
  RoleKeeper& keeper_;
  const RoleKeeper::Say& say_;
  io::Loop loop_;
  std::unique_ptr<coord::CoordStore> store_;
  std::map<std::string, std::string> shown_;
  std::map<std::string, std::string> positions_;
  std::map<std::string, std::set<std::string>> said_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_move_ = begin_;
};

}  // namespace

Result<void> wait_until_healthy(const UpPlan& plan,
                                RoleKeeper& keeper,
                                const RoleKeeper::Say& say) {
  return Waiter(plan, keeper, say).run();
}

}  // namespace dorsal::app
