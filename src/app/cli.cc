#include "app/cli.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>

#include "app/commands.h"
#include "app/suggest.h"

namespace dorsal::app {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

// Set by the subcommand that was chosen; run once the whole line is known to be right.
using Chosen = std::function<Result<void>()>;

void add_json(CLI::App& command, bool& json) {
  command.add_flag("--json", json, "Print JSON instead of text");
}

CLI::Option* add_dir(CLI::App& command, std::string& dir) {
  return command.add_option("--dir", dir, "Folder of the cluster")->type_name("DIR");
}

void add_up(CLI::App& cli, UpOptions& options, Chosen& chosen) {
  auto* command =
      cli.add_subcommand("up", "Start a whole cluster on this machine, or what is down of it");
  add_dir(*command, options.dir)->capture_default_str();
  command->add_option("--nodes", options.nodes, "How many MySQL servers [3]")
      ->check(CLI::Range(1, kMostNodes))
      ->type_name("N");
  command
      ->add_option("--port-base", options.port_base, "First of the ports: base + 3 splits [6030]")
      ->check(CLI::Range(1024, 65500))
      ->type_name("PORT");
  command->add_flag("--detach", options.detach, "Return when the cluster is healthy");
  command->add_option("--mysqld", options.mysqld, "The MySQL server to run")->type_name("PATH");
  command
      ->add_option("--buffer-pool", options.buffer_pool, "InnoDB buffer pool of each server [128M]")
      ->type_name("SIZE");
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal up --dir /srv/dorsal --nodes 3 --detach");
  command->callback([&] { chosen = [&] { return up(options); }; });
}

void add_down(CLI::App& cli, DownOptions& options, Chosen& chosen) {
  auto* command = cli.add_subcommand("down", "Stop that cluster and keep its data");
  add_dir(*command, options.dir)->capture_default_str();
  command->add_flag("--destroy", options.destroy, "Also remove the data, after asking");
  command->add_flag("--yes", options.yes, "Do not ask");
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal down --dir /srv/dorsal");
  command->callback([&] { chosen = [&] { return down(options); }; });
}

void add_role(CLI::App& cli,
              const char* name,
              const char* help,
              RoleOptions& options,
              Result<void> (*run_role)(const RoleOptions&),
              Chosen& chosen) {
  auto* command = cli.add_subcommand(name, help);
  if (run_role == proxy) {
    command->add_flag("--take-over",
                      options.takes_over,
                      "Take the place of the proxy that runs, which keeps the clients it has");
  }
  command->add_option("--config", options.config, "Configuration file [$DORSAL_CONFIG]")
      ->type_name("FILE");
  command->add_option("--set", options.overrides, "Override a key of the file; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->footer(fmt::format("Example:\n  dorsal {} --config /etc/dorsal/dorsal.yaml", name));
  command->callback([&, run_role] { chosen = [&, run_role] { return run_role(options); }; });
}

void add_reload(CLI::App& cli, ReloadOptions& options, Chosen& chosen) {
  auto* command =
      cli.add_subcommand("reload",
                         "Make a running proxy read its configuration and certificates again");
  add_dir(*command, options.dir);
  command->add_option("--config", options.config, "Configuration file [$DORSAL_CONFIG]")
      ->type_name("FILE");
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal reload --config /etc/dorsal/dorsal.yaml");
  command->callback([&] { chosen = [&] { return reload(options); }; });
}

void add_upgrade(CLI::App& cli, UpgradeOptions& options, Chosen& chosen) {
  auto* command =
      cli.add_subcommand("upgrade", "Replace a running proxy by this program, dropping no client");
  add_dir(*command, options.dir)->capture_default_str();
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal upgrade --dir /srv/dorsal");
  command->callback([&] { chosen = [&] { return upgrade(options); }; });
}

void add_status(CLI::App& cli, StatusOptions& options, Chosen& chosen) {
  auto* command = cli.add_subcommand("status", "Show the cluster: nodes, roles, lag, term");
  add_dir(*command, options.dir);
  command->add_option("--config", options.config, "Configuration file [$DORSAL_CONFIG]")
      ->type_name("FILE");
  command->add_flag("--watch", options.watch, "Show it every second until Ctrl-C");
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal status --watch");
  command->callback([&] { chosen = [&] { return status(options); }; });
}

void add_version(CLI::App& cli, VersionOptions& options, Chosen& chosen) {
  auto* command = cli.add_subcommand("version", "Print the version");
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal version --json");
  command->callback([&] { chosen = [&] { return version(options); }; });
}

std::vector<std::string> command_names(const CLI::App& cli) {
  std::vector<std::string> names;
  for (const auto* command : cli.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

// CLI11 reports an unknown subcommand as a stray argument; people want to know what they mistyped.
std::string describe(const CLI::ParseError& error,
                     const CLI::App& cli,
                     int argc,
                     const char* const* argv) {
  bool names_a_command = argc > 1 && argv[1][0] != '-';
  auto names = command_names(cli);
  if (!names_a_command || std::find(names.begin(), names.end(), argv[1]) != names.end()) {
    return error.what();
  }
  auto nearest = nearest_name(argv[1], names);
  return fmt::format("there is no command '{}'{}",
                     argv[1],
                     nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
}

// Words of other programs may come in several lines, and an error is one.
std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string program_of(const CLI::App& cli) {
  auto chosen = cli.get_subcommands();
  return chosen.empty() ? "dorsal" : "dorsal " + chosen.front()->get_name();
}

}  // namespace

int run(int argc, const char* const* argv) {
  CLI::App cli("Dorsal keeps a MySQL cluster upright.", "dorsal");
  cli.set_version_flag("--version", version_line());
  cli.require_subcommand(1);
  cli.footer(
      "Example:\n  dorsal up --detach\n  dorsal status\n\n'dorsal COMMAND --help' says more.");

  Chosen chosen;
  UpOptions up_options;
  DownOptions down_options;
  RoleOptions role_options;
  ReloadOptions reload_options;
  UpgradeOptions upgrade_options;
  StatusOptions status_options;
  VersionOptions version_options;
  add_up(cli, up_options, chosen);
  add_down(cli, down_options, chosen);
  add_role(cli, "node", "Run one node: the agent and its MySQL server", role_options, node, chosen);
  add_role(cli, "proxy", "Run the proxy and the admin page", role_options, proxy, chosen);
  add_role(cli, "admin", "Run the admin page alone", role_options, admin, chosen);
  add_reload(cli, reload_options, chosen);
  add_upgrade(cli, upgrade_options, chosen);
  add_status(cli, status_options, chosen);
  add_version(cli, version_options, chosen);

  try {
    cli.parse(argc, argv);
  } catch (const CLI::Success& done) {
    return cli.exit(done);  // --help, --version
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr,
               "{}: {}; see '{} --help'\n",
               program_of(cli),
               one_line(describe(error, cli, argc, argv)),
               program_of(cli));
    return kWrongUsage;
  }
  auto outcome = chosen();
  if (outcome) return 0;
  std::fflush(stdout);
  fmt::print(stderr, "{}: {}\n", program_of(cli), one_line(outcome.error().message));
  return kFailed;
}

}  // namespace dorsal::app
