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

void add_config(CLI::App& command, std::string& config) {
  command.add_option("--config", config, "Configuration file [$DORSAL_CONFIG]")->type_name("FILE");
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
  add_config(*command, options.config);
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal reload --config /etc/dorsal/dorsal.yaml");
  command->callback([&] { chosen = [&] { return reload(options); }; });
}

void add_upgrade(CLI::App& cli, UpgradeOptions& options, Chosen& chosen) {
  auto* command =
      cli.add_subcommand("upgrade", "Replace a running proxy by a new process, dropping no client");
  auto* dir = add_dir(*command, options.dir)->capture_default_str();
  command
      ->add_option("--config", options.config, "Configuration of a proxy that 'up' has not started")
      ->type_name("FILE")
      ->excludes(dir);
  add_json(*command, options.json);
  command->footer(
      "Of a proxy that a service manager keeps running, --config names the configuration; the\n"
      "new process is of the program that is where that proxy was started from.\n\n"
      "Example:\n  dorsal upgrade --dir /srv/dorsal");
  command->callback([&] { chosen = [&] { return upgrade(options); }; });
}

void add_status(CLI::App& cli, StatusOptions& options, Chosen& chosen) {
  auto* command = cli.add_subcommand("status", "Show the cluster: nodes, roles, lag, term");
  add_dir(*command, options.dir);
  add_config(*command, options.config);
  command->add_flag("--watch", options.watch, "Show it every second until Ctrl-C");
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal status --watch");
  command->callback([&] { chosen = [&] { return status(options); }; });
}

void add_pause(CLI::App& cli, PauseOptions& options, Chosen& chosen) {
  auto* command = cli.add_subcommand("pause", "Let no fail-over happen by itself, for maintenance");
  add_dir(*command, options.dir);
  add_config(*command, options.config);
  command->add_option("--reason", options.reason, "Shown to whoever asks")->type_name("TEXT");
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal pause --reason 'new switches'");
  command->callback([&] { chosen = [&] { return pause(options); }; });
}

void add_resume(CLI::App& cli, PauseOptions& options, Chosen& chosen) {
  auto* command = cli.add_subcommand("resume", "End a pause");
  add_dir(*command, options.dir);
  add_config(*command, options.config);
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal resume");
  command->callback([&] { chosen = [&] { return resume(options); }; });
}

void add_protection(CLI::App& cli, ProtectionOptions& options, Chosen& chosen) {
  auto* command =
      cli.add_subcommand("protection", "Show how many replicas acknowledge a write, or change it");
  add_dir(*command, options.dir);
  add_config(*command, options.config);
  command->add_option("--mode", options.mode, "semi-sync, available or async; see cluster.mode")
      ->check(CLI::IsMember({"semi-sync", "available", "async"}))
      ->type_name("MODE");
  command->add_option("--acks", options.acks, "How many replicas acknowledge each write")
      ->check(CLI::Range(1, 8))
      ->type_name("NUMBER");
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal protection --acks 2");
  command->callback([&] { chosen = [&] { return protection(options); }; });
}

void add_switchover(CLI::App& cli, SwitchoverOptions& options, Chosen& chosen) {
  auto* command = cli.add_subcommand("switchover", "Make another node the primary, losing nothing");
  add_dir(*command, options.dir);
  add_config(*command, options.config);
  command->add_option("--to", options.to, "The node to lead [the fittest]")->type_name("NODE");
  command->add_option("--drain", options.drain_ms, "How long open transactions may take to end")
      ->check(CLI::Range(0, 600'000))
      ->type_name("MILLISECONDS")
      ->capture_default_str();
  command->add_option("--reason", options.reason, "Shown to whoever asks")->type_name("TEXT");
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal switchover --to node2");
  command->callback([&] { chosen = [&] { return switchover(options); }; });
}

void add_failover(CLI::App& cli, FailoverOptions& options, Chosen& chosen) {
  auto* command =
      cli.add_subcommand("failover",
                         "Replace a primary that is lost, where nothing does by itself");
  add_dir(*command, options.dir);
  add_config(*command, options.config);
  command->add_option("--to", options.to, "The node to lead [the one with the most]")
      ->type_name("NODE");
  command->add_flag("--allow-data-loss",
                    options.may_lose_writes,
                    "Even if acknowledged writes are lost; without it they are only listed");
  command->add_option("--reason", options.reason, "Shown to whoever asks")->type_name("TEXT");
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal failover --to node2 --allow-data-loss");
  command->callback([&] { chosen = [&] { return failover(options); }; });
}

template <typename Options>
CLI::App* add_member_command(CLI::App& cli,
                             const char* name,
                             const char* help,
                             Options& options,
                             Result<void> (*run_it)(const Options&),
                             Chosen& chosen) {
  auto* command = cli.add_subcommand(name, help);
  command->add_option("NODE", options.node, "Its name")->required();
  add_dir(*command, options.dir);
  add_config(*command, options.config);
  add_json(*command, options.json);
  command->footer(fmt::format("Example:\n  dorsal {} node3", name));
  command->callback([&, run_it] { chosen = [&, run_it] { return run_it(options); }; });
  return command;
}

void add_remove(CLI::App& cli, RemoveOptions& options, Chosen& chosen) {
  auto* command =
      add_member_command(cli, "remove", "Take a node out of the cluster", options, remove, chosen);
  command->add_flag("--gone",
                    options.is_gone,
                    "It is down for good: its mysqld does not run, and never will with its data");
}

void add_rolling_restart(CLI::App& cli, RollingRestartOptions& options, Chosen& chosen) {
  auto* command = cli.add_subcommand(
      "rolling-restart",
      "Start every mysqld anew, one after the other, while the cluster stays at work");
  add_dir(*command, options.dir);
  add_config(*command, options.config);
  command->add_option("--reason", options.reason, "Shown to whoever asks")->type_name("TEXT");
  add_json(*command, options.json);
  command->footer("Example:\n  dorsal rolling-restart --reason 'new settings'");
  command->callback([&] { chosen = [&] { return rolling_restart(options); }; });
}

void add_events(CLI::App& cli, EventsOptions& options, Chosen& chosen) {
  auto* command =
      cli.add_subcommand("events", "Show what was decided, by which rule, and how long it took");
  add_dir(*command, options.dir);
  add_config(*command, options.config);
  command->add_option("--limit", options.limit, "The newest so many")
      ->check(CLI::Range(1, 100'000))
      ->type_name("N")
      ->capture_default_str();
  command->add_flag("--follow", options.follow, "Go on with new ones until Ctrl-C");
  command->add_flag("--json", options.json, "Print a JSON object per line instead of text");
  command->footer("Example:\n  dorsal events --follow");
  command->callback([&] { chosen = [&] { return events(options); }; });
}

// What `certificates create`, `issue` and `list` have in common.
CLI::App* add_certificates_action(CLI::App& command,
                                  const char* name,
                                  const char* help,
                                  CertificatesOptions::Action action,
                                  CertificatesOptions& options,
                                  Chosen& chosen) {
  auto* added = command.add_subcommand(name, help);
  added->add_option("--dir", options.dir, "Folder of the authority")
      ->type_name("DIR")
      ->capture_default_str();
  add_json(*added, options.json);
  added->callback([&options, &chosen, action] {
    options.action = action;
    chosen = [&options] { return certificates(options); };
  });
  return added;
}

void add_certificates(CLI::App& cli, CertificatesOptions& options, Chosen& chosen) {
  using Action = CertificatesOptions::Action;
  auto* command =
      cli.add_subcommand("certificates",
                         "Make the certificates and passwords of a cluster on several machines");
  command->require_subcommand(1);
  command->footer(
      "Example:\n  dorsal certificates create\n  dorsal certificates issue node1 db1.example.org "
      "10.0.0.1");

  auto* create = add_certificates_action(*command,
                                         "create",
                                         "Make an authority and the passwords of a new cluster",
                                         Action::Create,
                                         options,
                                         chosen);
  create->add_option("--cluster", options.cluster, "UUID of a cluster that exists [a new one]")
      ->type_name("UUID");
  create->footer("Example:\n  dorsal certificates create --dir /srv/dorsal-authority");

  auto* issue = add_certificates_action(*command,
                                        "issue",
                                        "Issue what one node, or a proxy, needs",
                                        Action::Issue,
                                        options,
                                        chosen);
  issue->add_option("NAME", options.role, "The node's name, or 'proxy'")->required();
  issue
      ->add_option("ADDRESS",
                   options.addresses,
                   "Host names and IP addresses at which it is reached")
      ->required();
  issue->add_option("--into", options.into, "Folder for it [DIR/bundles/NAME]")->type_name("DIR");
  issue->add_option("--days", options.days, "How long it is valid")
      ->check(CLI::Range(1, 7300))
      ->type_name("N")
      ->capture_default_str();
  issue->add_flag("--replace", options.may_replace, "Even if it has been issued before");
  issue->footer("Example:\n  dorsal certificates issue node1 db1.example.org 10.0.0.1");

  auto* list = add_certificates_action(*command,
                                       "list",
                                       "Show what has been issued, and until when it is valid",
                                       Action::List,
                                       options,
                                       chosen);
  list->footer("Example:\n  dorsal certificates list --json");
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
  std::string words = "dorsal";
  auto chosen = cli.get_subcommands();
  while (!chosen.empty()) {
    words += " " + chosen.front()->get_name();
    chosen = chosen.front()->get_subcommands();
  }
  return words;
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
  PauseOptions pause_options;
  PauseOptions resume_options;
  ProtectionOptions protection_options;
  SwitchoverOptions switchover_options;
  FailoverOptions failover_options;
  MemberOptions member_options;
  RemoveOptions remove_options;
  RollingRestartOptions rolling_restart_options;
  EventsOptions events_options;
  ReloadOptions reload_options;
  UpgradeOptions upgrade_options;
  StatusOptions status_options;
  CertificatesOptions certificates_options;
  VersionOptions version_options;
  add_up(cli, up_options, chosen);
  add_down(cli, down_options, chosen);
  add_role(cli, "node", "Run one node: the agent and its MySQL server", role_options, node, chosen);
  add_role(cli, "proxy", "Run the proxy and the admin page", role_options, proxy, chosen);
  add_role(cli, "admin", "Run the admin page alone", role_options, admin, chosen);
  add_reload(cli, reload_options, chosen);
  add_pause(cli, pause_options, chosen);
  add_resume(cli, resume_options, chosen);
  add_protection(cli, protection_options, chosen);
  add_switchover(cli, switchover_options, chosen);
  add_failover(cli, failover_options, chosen);
  add_rolling_restart(cli, rolling_restart_options, chosen);
  add_member_command(cli,
                     "restart",
                     "Start the mysqld of one replica anew",
                     member_options,
                     restart,
                     chosen);
  add_member_command(cli,
                     "rebuild",
                     "Drop the data of one replica and clone it anew",
                     member_options,
                     rebuild,
                     chosen);
  add_remove(cli, remove_options, chosen);
  add_upgrade(cli, upgrade_options, chosen);
  add_status(cli, status_options, chosen);
  add_events(cli, events_options, chosen);
  add_certificates(cli, certificates_options, chosen);
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
