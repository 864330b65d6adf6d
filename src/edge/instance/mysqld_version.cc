#include "edge/instance/mysqld_version.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "edge/io/process.h"

namespace dorsal::instance {

namespace {

using Version = std::array<int, 3>;
constexpr Version kOldest = {8, 0, 26};

// Reads "9.7.4" off the front of the text.
bool read_version(std::string_view text, Version& version) {
  for (std::size_t i = 0; i < version.size(); ++i) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version[i]);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (i + 1 == version.size()) return true;
    if (text.empty() || text.front() != '.') return false;
    text.remove_prefix(1);
  }
  return true;
}

}  // namespace

Result<std::string> parse_mysqld_version(std::string_view line) {
  const std::size_t at = line.find("Ver ");
  Version version{};
  if (at == std::string_view::npos || !read_version(line.substr(at + 4), version)) {
    return invalid(fmt::format("it does not say that it is a MySQL server: '{}'", line));
  }
  if (line.find("MariaDB") != std::string_view::npos) {
    return invalid("it is MariaDB; Dorsal needs MySQL or Percona Server 8.0.26 or newer");
  }
  const std::string text = fmt::format("{}.{}.{}", version[0], version[1], version[2]);
  if (version < kOldest)
    return invalid(fmt::format("it is {}; Dorsal needs 8.0.26 or newer", text));
  return text;
}

io::Task<Result<std::string>> ask_mysqld_version(io::Loop& loop,
                                                 std::string mysqld,
                                                 Deadline deadline) {
  std::vector<std::string> arguments;
  arguments.emplace_back("--no-defaults");
  arguments.emplace_back("--version");
  auto run = co_await io::run_to_end(loop, mysqld, std::move(arguments), deadline);
  if (!run) co_return run.error().in("the mysqld to use does not run");
  if (!run->status.ok()) {
    co_return invalid(
        fmt::format("{} --version {}: {}", mysqld, io::to_string(run->status), run->text));
  }
  co_return parse_mysqld_version(run->text).in(mysqld + " cannot be used");
}

}  // namespace dorsal::instance
