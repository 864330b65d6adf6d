#include "service/agent/hooks.h"

#include <fmt/core.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "edge/io/process.h"

namespace dorsal::agent {
namespace {

using io::Task;

constexpr std::size_t kMostUntold = 100;
constexpr auto kProgramLimit = std::chrono::seconds(30);
constexpr auto kPostLimit = std::chrono::seconds(10);
constexpr auto kRetry = std::chrono::seconds(1);
constexpr int kTries = 3;
constexpr int kFirstBadStatus = 300;

}  // namespace

std::vector<std::string> hook_environment(const RoleChange& change) {
  return {
      "DORSAL_CLUSTER=" + change.cluster,
      "DORSAL_NODE=" + change.node.value(),
      fmt::format("DORSAL_ROLE={}", cluster::to_string(change.role)),
      fmt::format("DORSAL_ROLE_BEFORE={}", cluster::to_string(change.before)),
      "DORSAL_PRIMARY=" + change.primary.value(),
      fmt::format("DORSAL_TERM={}", change.term.value()),
      "DORSAL_RULE=" + change.rule,
      "DORSAL_WHY=" + change.why,
      fmt::format("DORSAL_AT_MS={}", change.at_ms),
  };
}

std::string hook_json(const RoleChange& change) {
  const nlohmann::json fields = {
      {"cluster", change.cluster},
      {"node", change.node.value()},
      {"role", cluster::to_string(change.role)},
      {"role_before", cluster::to_string(change.before)},
      {"primary", change.primary.value()},
      {"term", change.term.value()},
      {"rule", change.rule},
      {"why", change.why},
      {"at_ms", change.at_ms},
  };
  return fields.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Hooks::Hooks(io::Loop& loop, HookOptions options, Counters& counters, Counters::Labels labels)
    : loop_(loop),
      options_(std::move(options)),
      counters_(counters),
      labels_(std::move(labels)),
      news_(loop) {
  if (options_.webhook) {
    transfers_ = std::make_unique<coord::HttpTransfers>(loop, coord::HttpTls());
  }
}

Hooks::~Hooks() = default;

void Hooks::note(RoleChange change) {
  // The first may be being told of.
  if (untold_.size() == kMostUntold) untold_.erase(untold_.begin() + 1);
  untold_.push_back(std::move(change));
  news_.set();
}

Task<> Hooks::run_for_ever() {
  for (;;) {
    const Deadline never = Deadline::never();
    const bool goes_on = co_await news_.wait(never);
    if (!goes_on) co_return;
    news_.reset();
    co_await tell(never);
  }
}

Task<> Hooks::finish(Deadline deadline) { co_await tell(deadline); }

// One that is cut short by the end of run_for_ever() is told of again by finish().
Task<> Hooks::tell(Deadline deadline) {
  while (!untold_.empty() && !deadline.has_passed(loop_.now())) {
    const RoleChange change = untold_.front();
    if (!options_.program.empty()) {
      const Deadline limit = deadline.earlier_of(loop_.after(kProgramLimit));
      std::string failure = co_await run_program(change, limit);
      const bool is_over = co_await io::cancelled();
      if (is_over) co_return;
      done(change, "program", failure);
    }
    if (options_.webhook) {
      const Deadline limit = deadline.earlier_of(loop_.after(kTries * (kPostLimit + kRetry)));
      std::string failure = co_await post(change, limit);
      const bool is_over = co_await io::cancelled();
      if (is_over) co_return;
      done(change, "webhook", failure);
    }
    untold_.pop_front();
  }
}

// Why it failed; empty: it did not.
Task<std::string> Hooks::run_program(const RoleChange& change, Deadline deadline) {
  io::SpawnOptions spawn;
  spawn.program = options_.program;
  spawn.environment = hook_environment(change);
  auto child = io::ChildProcess::spawn(loop_, std::move(spawn));
  if (!child) co_return child.error().message;
  auto ended = co_await child->wait(deadline);
  if (!ended) {
    (void)child->kill_and_reap();
    co_return "it was killed, since it did not end in time";
  }
  co_return ended->ok() ? std::string() : "it " + io::to_string(*ended);
}

Task<std::string> Hooks::post(const RoleChange& change, Deadline deadline) {
  std::string failure;
  for (int i = 0; i < kTries && !deadline.has_passed(loop_.now()); ++i) {
    coord::HttpRequest request;
    request.endpoint = options_.webhook->endpoint;
    request.uses_tls = options_.webhook->uses_tls;
    request.path = options_.webhook->path;
    request.headers = {"Content-Type: application/json"};
    request.body = hook_json(change);
    const Deadline limit = deadline.earlier_of(loop_.after(kPostLimit));
    auto outcome = co_await transfers_->post(std::move(request), limit);
    const bool is_accepted = outcome.status != 0 && outcome.status < kFirstBadStatus;
    if (is_accepted) co_return std::string();
    failure = outcome.status == 0 ? outcome.reason
                                  : fmt::format("it answers with status {}", outcome.status);
    const Deadline next = loop_.after(kRetry);
    const bool goes_on = co_await loop_.sleep_until(next);
    if (!goes_on) break;
  }
  co_return failure;
}

void Hooks::done(const RoleChange& change, std::string_view kind, const std::string& failure) {
  Counters::Labels labels = labels_;
  labels.emplace_back("kind", std::string(kind));
  labels.emplace_back("outcome", failure.empty() ? "done" : "failed");
  counters_
      .counter("dorsal_agent_hooks_total",
               "Changes of role that the operator's hooks were told of.",
               std::move(labels))
      .add();
  if (failure.empty()) return;
  log_warn("agent",
           "node={} role={} {} hook failed: {}",
           change.node.value(),
           cluster::to_string(change.role),
           kind,
           failure);
}

}  // namespace dorsal::agent
