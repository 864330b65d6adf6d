#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "app/commands.h"
#include "app/interrupt.h"
#include "app/open_cluster.h"
#include "app/status_table.h"
#include "edge/coord/records.h"

namespace dorsal::app {
namespace {

using cluster::Event;

constexpr auto kStoreLimit = std::chrono::seconds(5);
constexpr auto kLookEvery = std::chrono::milliseconds(500);

// "2026-11-21T20:15:00.123Z"
std::string time_of(std::int64_t wall_ms) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(wall_ms / 1000), wall_ms % 1000);
}

// Text of other programs may hold line ends.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(),
      text.end(),
      [](char c) { return c >= 0 && c < ' '; },
      ' ');
  return text;
}

void print(const Event& event, bool as_json) {
  if (as_json) {
    const nlohmann::ordered_json json{{"time", time_of(event.at_ms)},
                                      {"by", event.by},
                                      {"rule", event.rule},
                                      {"what", event.what},
                                      {"term", event.term.value()},
                                      {"gtids", event.gtids},
                                      {"took_ms", event.took_ms},
                                      {"failed", event.failed}};
    fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    return;
  }
  constexpr std::size_t kGtidsWidth = 60;
  const std::string gtids = short_gtid_set(event.gtids, kGtidsWidth);
  fmt::print("{}  term {:<4} {:<10} {:<30} {}{}{}{}\n",
             time_of(event.at_ms),
             event.term.value(),
             one_line(event.by),
             one_line(event.rule),
             one_line(event.what),
             event.took_ms > 0 ? fmt::format(" ({} ms)", event.took_ms) : "",
             event.failed.empty() ? "" : "; failed: " + one_line(event.failed),
             gtids.empty() ? "" : "  at " + gtids);
}

// One may be written late, before others by its time; and the oldest are given up now and then.
class Reader {
 public:
  explicit Reader(const EventsOptions& options) : options_(options) {}

  Result<void> print_new(OpenCluster& open) {
    DORSAL_TRY(const auto events, open.run(open.events().read(open.deadline())));
    const auto most = static_cast<std::size_t>(options_.limit);
    const std::size_t left_out = is_first_ && events.size() > most ? events.size() - most : 0;
    is_first_ = false;
    std::set<std::string> present;
    for (std::size_t i = 0; i < events.size(); ++i) {
      std::string text = coord::encode(events[i]);
      if (i >= left_out && !shown_.contains(text)) print(events[i], options_.json);
      present.insert(std::move(text));
    }
    shown_ = std::move(present);
    std::fflush(stdout);
    return {};
  }

 private:
  const EventsOptions& options_;
  bool is_first_ = true;
  std::set<std::string> shown_;
};

}  // namespace

Result<void> events(const EventsOptions& options) {
  const Interrupt interrupt;
  DORSAL_TRY(auto open, OpenCluster::open(options.config, options.dir, kStoreLimit));
  Reader reader(options);
  DORSAL_TRY_VOID(reader.print_new(*open));
  while (options.follow && !Interrupt::has_come()) {
    (void)open->run(open->loop().sleep_until(open->loop().after(kLookEvery)));
    DORSAL_TRY_VOID(reader.print_new(*open));
  }
  return {};
}

}  // namespace dorsal::app
