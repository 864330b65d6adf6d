#include "edge/coord/event_store.h"

#include <fmt/format.h>

#include <utility>

#include "edge/coord/records.h"

namespace dorsal::coord {
namespace {

using io::Task;

constexpr const char* kEvents = "~event/";

// Of one writer in one millisecond.
constexpr int kMostAtOnce = 100;

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
  for (std::size_t i = 0; i + keep < entries.size(); ++i) {
    auto erased = co_await store_.erase(entries[i].key, entries[i].revision, deadline);
    if (!erased && erased.error().kind != ErrorKind::Conflict) co_return erased;
  }
  co_return Result<void>();
}

}  // namespace dorsal::coord
