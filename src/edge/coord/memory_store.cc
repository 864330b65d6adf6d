#include "edge/coord/memory_store.h"

#include <fmt/format.h>

#include <utility>

namespace dorsal::coord {

void MemoryStore::fail_next(int calls, Error error) {
  failures_ = calls;
  failure_ = std::move(error);
}

Result<void> MemoryStore::fault() {
  if (failures_ == 0) return {};
  --failures_;
  return failure_;
}

Result<void> MemoryStore::check_revision(const std::string& key, Revision expected) const {
  auto found = entries_.find(key);
  auto revision = found == entries_.end() ? Revision() : found->second.revision;
  if (revision == expected) return {};
  return conflict(
      fmt::format("'{}' is at revision {}, not {}", key, revision.value(), expected.value()));
}

Result<Revision> MemoryStore::finish_write() {
  changed_.notify_all();
  if (lost_answers_ == 0) return newest_;
  --lost_answers_;
  return timeout("the store's answer was lost");
}

io::Task<Result<std::optional<Entry>>> MemoryStore::get(std::string key, Deadline) {
  DORSAL_CO_TRY_VOID(fault());
  auto found = entries_.find(key);
  if (found == entries_.end()) co_return std::optional<Entry>();
  co_return std::optional<Entry>(found->second);
}

io::Task<Result<std::vector<Entry>>> MemoryStore::list(std::string prefix, Deadline) {
  DORSAL_CO_TRY_VOID(fault());
  std::vector<Entry> entries;
  for (auto at = entries_.lower_bound(prefix);
       at != entries_.end() && at->first.starts_with(prefix);
       ++at) {
    if (prefix.empty() && at->first.front() == kAside) break;
    entries.push_back(at->second);
  }
  co_return entries;
}

io::Task<Result<Revision>> MemoryStore::put(std::string key,
                                            std::string value,
                                            Revision expected,
                                            Deadline) {
  DORSAL_CO_TRY_VOID(fault());
  DORSAL_CO_TRY_VOID(check_revision(key, expected));
  newest_ = Revision(newest_.value() + 1);
  entries_[key] = Entry{key, std::move(value), newest_};
  co_return finish_write();
}

io::Task<Result<void>> MemoryStore::erase(std::string key, Revision expected, Deadline) {
  DORSAL_CO_TRY_VOID(fault());
  DORSAL_CO_TRY_VOID(check_revision(key, expected));
  newest_ = Revision(newest_.value() + 1);
  entries_.erase(key);
  DORSAL_CO_TRY_VOID(finish_write());
  co_return Result<void>();
}

io::Task<Result<Revision>> MemoryStore::changed_since(Revision seen, Deadline deadline) {
  DORSAL_CO_TRY_VOID(fault());
  while (newest_ <= seen) {
    if (!co_await changed_.wait(deadline)) co_return timeout("nothing changed in the store");
  }
  co_return newest_;
}

}  // namespace dorsal::coord
