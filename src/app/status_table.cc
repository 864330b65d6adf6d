#include "app/status_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace dorsal::app {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kWidth = 100;
// With these, the last column keeps room for its name at least.
constexpr std::size_t kLongestName = 15;
constexpr std::size_t kLongestAddress = 21;
constexpr std::size_t kLongestCell = 10;
constexpr const char* kUnknown = "-";

enum class Colour { None, Good, Warn, Bad };

struct Cell {
  std::string text;
  Colour colour = Colour::None;
};

// Fields may be missing or null.
std::string text_of(const Json& json, const char* name) {
  auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}
bool flag_of(const Json& json, const char* name) {
  auto found = json.find(name);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}
std::string number_of(const Json& json, const char* name, const char* unit) {
  auto found = json.find(name);
  if (found == json.end() || !found->is_number_integer()) return kUnknown;
  return fmt::format("{}{}", found->get<std::int64_t>(), unit);
}
std::string or_unknown(const std::string& text) { return text.empty() ? kUnknown : text; }

// What other programs wrote must neither break the table nor reach the terminal as a command.
std::string clean(std::string text, std::size_t longest) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  if (text.size() <= longest) return text;
  auto end = longest - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "~";
}

// How many columns the UTF-8 text takes.
std::size_t columns(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string painted(const Cell& cell, bool with_colours) {
  if (!with_colours || cell.colour == Colour::None) return cell.text;
  int code = cell.colour == Colour::Good ? 32 : cell.colour == Colour::Warn ? 33 : 31;
  return fmt::format("\x1b[{}m{}\x1b[0m", code, cell.text);
}

Cell state_cell(const Json& node) {
  if (flag_of(node, "healthy")) return {"healthy", Colour::Good};
  bool is_joining = text_of(node, "role") == "joining";
  return {is_joining ? "joining" : "not healthy", is_joining ? Colour::Warn : Colour::Bad};
}

std::vector<Cell> row_of(const Json& node) {
  return {{clean(text_of(node, "name"), kLongestName)},
          {clean(or_unknown(text_of(node, "role")), kLongestCell)},
          state_cell(node),
          {clean(number_of(node, "lag_ms", " ms"), kLongestCell)},
          {flag_of(node, "semi_sync") ? "on" : "off"},
          {flag_of(node, "voter") ? "yes" : "no"},
          {clean(text_of(node, "address"), kLongestAddress)},
          {text_of(node, "gtid_executed")}};
}

std::vector<std::size_t> widths_of(const std::vector<std::vector<Cell>>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const auto& row : rows) {
    // The last column takes what the others leave.
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      widths[i] = std::max(widths[i], columns(row[i].text));
    }
  }
  std::size_t used = 0;
  for (auto width : widths) used += width + 2;
  widths.back() = used < kWidth ? kWidth - used : 0;
  return widths;
}

std::string line_of(const std::vector<Cell>& row,
                    const std::vector<std::size_t>& widths,
                    bool with_colours) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    line += painted(row[i], with_colours);
    if (i + 1 < row.size()) line += std::string(widths[i] - columns(row[i].text) + 2, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string node_table(const Json& nodes, bool with_colours) {
  std::vector<std::vector<Cell>> rows = {{{"node"},
                                          {"role"},
                                          {"state"},
                                          {"lag"},
                                          {"semi-sync"},
                                          {"voter"},
                                          {"address"},
                                          {"executed"}}};
  for (const auto& node : nodes) rows.push_back(row_of(node));
  auto widths = widths_of(rows);
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& gtid = rows[i].back().text;
    if (i > 0) gtid = or_unknown(short_gtid_set(gtid, widths.back()));
    text += line_of(rows[i], widths, with_colours);
  }
  return text;
}

// What nodes are busy with does not fit into the table.
std::string remarks(const Json& nodes) {
  std::string text;
  for (const auto& node : nodes) {
    auto activity = text_of(node, "activity");
    if (activity.empty()) continue;
    auto line = fmt::format("{}: {}", text_of(node, "name"), activity);
    text += clean(std::move(line), kWidth) + "\n";
  }
  return text.empty() ? text : "\n" + text;
}

// As in the middle of an upgrade.
std::string versions_line(const Json& nodes) {
  std::map<std::string, std::vector<std::string>> names;  // by version
  for (const auto& node : nodes) {
    const std::string version = text_of(node, "version");
    if (!version.empty()) names[version].push_back(text_of(node, "name"));
  }
  if (names.size() < 2) return {};
  std::vector<std::string> parts;
  for (const auto& [version, of] : names) {
    parts.push_back(fmt::format("{} on {}", version, fmt::join(of, ", ")));
  }
  return "versions differ   " + clean(fmt::format("{}", fmt::join(parts, "; ")), kWidth) + "\n";
}

// Nothing is decided by what clocks show, but logs, backups and certificates go by it. An agent
// says how it is every second or so.
std::string clocks_line(const Json& nodes) {
  constexpr std::int64_t kSeconds = 1000;
  constexpr std::int64_t kBearable = 10 * kSeconds;
  std::map<std::int64_t, std::string> names;  // by what the clock showed
  for (const auto& node : nodes) {
    const auto found = node.find("reported_at_ms");
    const bool is_said = found != node.end() && found->is_number_integer();
    if (is_said && text_of(node, "role") != "down") {
      names[found->get<std::int64_t>()] = text_of(node, "name");
    }
  }
  if (names.empty()) return {};
  const auto& [first_ms, behind] = *names.begin();
  const auto& [last_ms, ahead] = *names.rbegin();
  if (last_ms - first_ms < kBearable) return {};
  return clean(fmt::format("clocks differ   that of {} is {} s ahead of that of {}",
                           ahead,
                           (last_ms - first_ms) / kSeconds,
                           behind),
               kWidth) +
         "\n";
}

std::string headline(const Json& json, bool with_colours) {
  auto mode = text_of(json, "mode");
  const auto acks = number_of(json, "acks", "");
  const auto in_force = number_of(json, "acks_in_force", "");
  if (mode != "async") mode += ", acks " + acks;
  if (mode != "async" && in_force != acks && in_force != kUnknown) {
    mode += fmt::format(" ({} so far)", in_force);
  }
  auto primary = clean(text_of(json, "primary"), kLongestName);
  bool is_proxy_running = text_of(json, "proxy") == "running";
  Cell primary_cell{primary.empty() ? "none" : primary,
                    primary.empty() ? Colour::Bad : Colour::None};
  Cell proxy_cell{is_proxy_running ? "running" : "down",
                  is_proxy_running ? Colour::Good : Colour::Bad};
  const Cell pause_cell{flag_of(json, "paused") ? "   paused" : "", Colour::Warn};
  return fmt::format("cluster {}   term {}   primary {}   {}   proxy {}{}\n",
                     clean(text_of(json, "cluster"), kLongestName),
                     number_of(json, "term", ""),
                     painted(primary_cell, with_colours),
                     mode,
                     painted(proxy_cell, with_colours),
                     painted(pause_cell, with_colours));
}

std::string endpoints_line(const Json& json) {
  auto found = json.find("endpoints");
  if (found == json.end() || !found->is_object()) return {};
  return fmt::format("split {}   primary {}   replicas {}   http {}\n",
                     text_of(*found, "split"),
                     text_of(*found, "primary"),
                     text_of(*found, "replicas"),
                     text_of(*found, "http"));
}

std::string seconds_of(const Json& json, const char* field) {
  const auto found = json.find(field);
  const bool is_number = found != json.end() && found->is_number_integer();
  return is_number ? fmt::format("{:.1f} s", static_cast<double>(found->get<std::int64_t>()) / 1000)
                   : "?";
}

// Who takes over when the primary is lost, or why nobody does.
std::string readiness_line(const Json& json, bool with_colours) {
  const auto found = json.find("failover");
  if (found == json.end() || !found->is_object()) return {};
  const Json& ready = *found;
  const bool may_lose = flag_of(ready, "may_lose_writes");
  if (!flag_of(ready, "ready")) {
    const Cell none{"nobody would take over", Colour::Bad};
    return fmt::format("fail-over   {}: {}{}\n",
                       painted(none, with_colours),
                       clean(text_of(ready, "blocked_by"), kWidth),
                       may_lose ? "; writes may be on the primary alone" : "");
  }
  const Cell loss{may_lose ? "may lose writes" : "loses nothing",
                  may_lose ? Colour::Bad : Colour::Good};
  const std::string most = number_of(ready, "survives_now", "");
  const std::string bears = most == "0"   ? "losing a replica as well would stop writes"
                            : most == "1" ? "any one node may be lost"
                                          : "any " + most + " nodes may be lost";
  return fmt::format(
      "fail-over   {} takes over within {} of its mysqld's death, {} of its host's; {}; {}\n",
      clean(text_of(ready, "candidate"), kLongestName),
      seconds_of(ready, "mysqld_lost_ms"),
      seconds_of(ready, "host_lost_ms"),
      painted(loss, with_colours),
      bears);
}

// A change of primary that is under way.
std::string change_line(const Json& json) {
  const auto switchover = json.find("switchover");
  const bool is_asked = switchover != json.end() && switchover->is_object() &&
                        text_of(*switchover, "given_up").empty();
  if (is_asked) {
    return fmt::format("switchover to {} is under way{}\n",
                       clean(text_of(*switchover, "to"), kLongestName),
                       flag_of(*switchover, "holding") ? ", new statements are held back" : "");
  }
  const auto election = json.find("election");
  if (election == json.end() || !election->is_object()) return {};
  return fmt::format("election of term {}: {}\n",
                     number_of(*election, "term", ""),
                     clean(text_of(*election, "reason"), kWidth));
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size() && text[at] != separator) continue;
    auto part = text.substr(start, at - start);
    part.erase(0, part.find_first_not_of(" \n\t"));
    if (!part.empty()) parts.push_back(part);
    start = at + 1;
  }
  return parts;
}

// "3e11fa47-71ca-…:1-9:11" as "3e11fa47:1-9:11".
std::string short_source(const std::string& source) {
  auto colon = source.find(':');
  return source.substr(0, std::min<std::size_t>(8, colon)) +
         (colon == std::string::npos ? "" : source.substr(colon));
}

}  // namespace

std::string short_gtid_set(const std::string& gtid_set, std::size_t width) {
  auto sources = split(gtid_set, ',');
  std::string text;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    auto next = (i == 0 ? "" : ",") + short_source(sources[i]);
    auto rest = sources.size() - i - 1;
    auto after = rest == 0 ? std::string() : fmt::format(" +{}", rest);
    if (text.size() + next.size() + after.size() > width) {
      // The newest interval of the first source says more than a count alone.
      if (i == 0) return clean(next, std::max<std::size_t>(width, 1));
      return text + fmt::format(" +{}", sources.size() - i);
    }
    text += next;
  }
  return text;
}

Result<std::string> status_table(const std::string& json_text, bool with_colours) {
  auto json = Json::parse(json_text, nullptr, false);
  if (!json.is_object() || !json.contains("nodes") || !json["nodes"].is_array()) {
    return corrupt("the status is not in the form that this dorsal knows");
  }
  const auto& nodes = json["nodes"];
  return headline(json, with_colours) + endpoints_line(json) + readiness_line(json, with_colours) +
         change_line(json) + versions_line(nodes) + clocks_line(nodes) + "\n" +
         node_table(nodes, with_colours) + remarks(nodes);
}

}  // namespace dorsal::app
