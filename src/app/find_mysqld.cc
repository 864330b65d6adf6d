#include "app/find_mysqld.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "edge/instance/mysqld_version.h"
#include "edge/io/loop.h"
#include "edge/io/process.h"
#include "edge/io/scope.h"

namespace dorsal::app {
namespace {

constexpr auto kVersionLimit = std::chrono::seconds(20);

// False also for what lies in a folder that we may not enter.
bool is_program(const std::string& path) {
  std::error_code failed;
  return std::filesystem::is_regular_file(path, failed) && ::access(path.c_str(), X_OK) == 0;
}

std::vector<std::string> on_path(const std::string& name, const Environment& environment) {
  std::vector<std::string> found;
  auto rest = environment("PATH").value_or("");
  while (!rest.empty()) {
    auto colon = rest.find(':');
    auto folder = rest.substr(0, colon);
    auto program = fmt::format("{}/{}", folder, name);
    if (!folder.empty() && is_program(program)) found.push_back(std::move(program));
    rest = colon == std::string::npos ? std::string() : rest.substr(colon + 1);
  }
  return found;
}

// Where scripts/mysql puts the server that it downloads; empty without a home.
std::string private_folder(const Environment& environment) {
  auto cache = environment("XDG_CACHE_HOME").value_or("");
  if (!cache.starts_with("/")) {
    auto home = environment("HOME").value_or("");
    if (!home.starts_with("/")) return {};
    cache = home + "/.cache";
  }
  return cache + "/dorsal/mysql/current/bin";
}

Result<Mysqld> ask(const std::string& path) {
  io::Loop loop;
  auto deadline = loop.after(kVersionLimit);
  DORSAL_TRY(auto version, io::block_on(loop, instance::ask_mysqld_version(loop, path, deadline)));
  return Mysqld{path, version};
}

Result<Mysqld> ask_named(const std::string& named, const Environment& environment) {
  std::string path = named;
  if (named.find('/') == std::string::npos) {
    auto found = on_path(named, environment);
    if (!found.empty()) path = found.front();
  }
  if (!is_program(path)) return not_found(fmt::format("{} is no program", named));
  return ask(std::filesystem::absolute(path).lexically_normal().string());
}

// MariaDB's client comes under the same name and cannot log in with caching_sha2_password
// everywhere.
bool is_mariadb(const std::string& client) {
  io::Loop loop;
  std::vector<std::string> arguments = {"--no-defaults", "--version"};
  auto run = io::run_to_end(loop, client, std::move(arguments), loop.after(kVersionLimit));
  auto output = io::block_on(loop, std::move(run));
  return !output || output->text.find("MariaDB") != std::string::npos;
}

}  // namespace

Result<Mysqld> find_mysqld(const std::string& chosen, const Environment& environment) {
  if (!chosen.empty()) return ask_named(chosen, environment);
  auto variable = environment("DORSAL_MYSQLD").value_or("");
  if (!variable.empty()) return ask_named(variable, environment).in("DORSAL_MYSQLD");

  auto candidates = on_path("mysqld", environment);
  candidates.push_back("/usr/sbin/mysqld");
  auto folder = private_folder(environment);
  if (!folder.empty()) candidates.push_back(folder + "/mysqld");
  std::string refused;
  for (const auto& candidate : candidates) {
    if (!is_program(candidate)) continue;
    auto mysqld = ask(candidate);
    if (mysqld) return mysqld;
    refused += "; " + mysqld.error().message;
  }
  return not_found(fmt::format(
      "there is no mysqld; install MySQL 8.0.26 or newer, run 'scripts/mysql fetch', or name one "
      "with --mysqld or DORSAL_MYSQLD{}",
      refused));
}

std::string find_mysql_client(const Environment& environment) {
  for (const auto& candidate : on_path("mysql", environment)) {
    if (!is_mariadb(candidate)) return "mysql";
  }
  auto folder = private_folder(environment);
  if (!folder.empty() && is_program(folder + "/mysql")) return folder + "/mysql";
  return {};
}

}  // namespace dorsal::app
