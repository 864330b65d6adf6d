#include "edge/coord/event_store.h"

#include <fmt/format.h>

#include <ranges>
#include <string_view>
#include <utility>

#include "edge/coord/records.h"

namespace dorsal::coord {
namespace {

using io::Task;

constexpr const char* kEvents = "~event/";

// Of one writer in one millisecond.
constexpr int kMostAtOnce = 100;

bool is_of_operator(const std::string& key) {
  constexpr std::string_view kWho = "-operator-";
  constexpr std::size_t kDigits = 20;
  const std::size_t at = std::string_view(kEvents).size() + kDigits;
  return key.size() > at && std::string_view(key).substr(at).starts_with(kWho);
}

}  // namespace

Task<Result<void>> EventStore::append(cluster::Event event, Deadline deadline) {
  const std::string value = encode(event);
  for (int number = 0; number < kMostAtOnce; ++number) {
    auto key = fmt::format("{}{:020}-{}-{:02}", kEvents, event.at_ms, event.by, number);
    auto written = co_await store_.put(std::move(key), value, Revision(), deadline);
    if (written) co_return Result<void>();
    if (written.error().kind != ErrorKind::Conflict) co_return written.error();
  }
  co_return unavailable("too many events at one moment");
}

Task<Result<std::vector<cluster::Event>>> EventStore::read(Deadline deadline) {
  DORSAL_CO_TRY(const auto entries, co_await store_.list(kEvents, deadline));
  std::vector<cluster::Event> events;
  for (const Entry& entry : entries) {
    auto event = decode_event(entry.value);
    if (event) events.push_back(*std::move(event));
  }
  co_return events;
}

Task<Result<void>> EventStore::prune(std::size_t keep, Deadline deadline) {
  DORSAL_CO_TRY(const auto entries, co_await store_.list(kEvents, deadline));
  std::size_t of_nodes = 0;
  std::size_t of_operators = 0;
  for (const Entry& entry : std::views::reverse(entries)) {
    std::size_t& newer = is_of_operator(entry.key) ? of_operators : of_nodes;
    if (newer++ < keep) continue;
    auto erased = co_await store_.erase(entry.key, entry.revision, deadline);
    if (!erased && erased.error().kind != ErrorKind::Conflict) co_return erased;
  }
  co_return Result<void>();
}

}  // namespace dorsal::coord
