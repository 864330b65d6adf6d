#include "app/successor.h"

#include <fmt/format.h>

#include <utility>

#include "app/outcome.h"
#include "app/role.h"
#include "base/log.h"
#include "edge/io/service_manager.h"

namespace dorsal::app {

Successor::Successor(io::Loop& loop, io::Scope& scope, RoleOptions options, std::string run_folder)
    : loop_(loop),
      scope_(scope),
      options_(std::move(options)),
      outcome_file_(upgrade_file(run_folder, kProxyRole)) {}

void Successor::refuse(const std::string& why) const {
  log_error("proxy", "upgrade=refused reason=\"{}\"; this process goes on", why);
  auto written = write_outcome(outcome_file_, Outcome{steady_ns(), true, why});
  if (!written) log_warn("proxy", "{}", written.error().message);
}

void Successor::start() {
  if (is_followed_) return refuse("another process has taken its place");
  if (process_) return;  // whoever asked again hears what becomes of that one
  io::SpawnOptions spawn;
  auto program = own_program();
  if (!program) return refuse(program.error().message);
  spawn.program = *std::move(program);
  spawn.arguments = {kProxyRole, "--take-over"};
  if (!options_.config.empty()) {
    spawn.arguments.insert(spawn.arguments.end(), {"--config", options_.config});
  }
  for (const auto& each : options_.overrides) {
    spawn.arguments.insert(spawn.arguments.end(), {"--set", each});
  }
  spawn.keeps_output = true;
  auto process = io::ChildProcess::spawn(loop_, std::move(spawn));
  if (!process) return refuse(process.error().message);
  process_ = std::make_unique<io::ChildProcess>(*std::move(process));
  log_info("proxy", "upgrade=started pid={}", process_->pid());
  scope_.spawn(watch());
}

io::Task<> Successor::watch() {
  const auto status = co_await process_->wait(Deadline::never());
  if (!status) co_return;
  if (!is_followed_) {
    refuse(fmt::format("the new process {}; its log says why", io::to_string(*status)));
  }
  process_.reset();
}

void Successor::has_taken_over() {
  is_followed_ = true;
  if (!process_) return;
  auto told = io::tell_service_manager(fmt::format("MAINPID={}", process_->pid()));
  if (!told) log_warn("proxy", "the service manager was not told: {}", told.error().message);
}

}  // namespace dorsal::app
