#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "app/commands.h"
#include "app/interrupt.h"
#include "app/read_status.h"
#include "app/status_table.h"

namespace dorsal::app {
namespace {

constexpr const char* kClearScreen = "\x1b[H\x1b[2J";

Result<void> print_once(const Config& config, const StatusOptions& options, bool is_terminal) {
  DORSAL_TRY(auto json, read_status(config));
  std::string text = json;
  if (!options.json) {
    DORSAL_TRY(text, status_table(json, is_terminal));
  }
  fmt::print("{}{}", options.watch && is_terminal ? kClearScreen : "", text);
  std::fflush(stdout);
  return {};
}

}  // namespace

std::string find_config_file(const std::string& config,
                             const std::string& dir,
                             const Environment& environment) {
  if (!config.empty()) return config;
  if (!dir.empty()) return LocalCluster(dir).config();
  auto variable = environment("DORSAL_CONFIG").value_or("");
  return variable.empty() ? LocalCluster(kDefaultDir).config() : variable;
}

Result<void> status(const StatusOptions& options) {
  auto environment = process_environment();
  auto file = find_config_file(options.config, options.dir, environment);
  auto config = load_config(file, environment, {});
  if (!config && config.error().kind == ErrorKind::NotFound) {
    return not_found(
        fmt::format("there is no cluster: {} does not exist; start one with 'dorsal up', "
                    "or name another with --dir or --config",
                    file));
  }
  if (!config) return config.error();
  bool is_terminal = ::isatty(STDOUT_FILENO) != 0;
  if (!options.watch) return print_once(*config, options, is_terminal);
  Interrupt interrupt;
  while (!Interrupt::has_come()) {
    DORSAL_TRY_VOID(print_once(*config, options, is_terminal));
    for (int slice = 0; slice < 10 && !Interrupt::has_come(); ++slice) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  return {};
}

}  // namespace dorsal::app
