#include "service/proxy/frontier.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace dorsal::proxy {
namespace {

constexpr std::size_t kUuidLength = 36;

void raise(std::atomic<std::uint64_t>& number, std::uint64_t to) {
  auto seen = number.load(std::memory_order_relaxed);
  while (seen < to && !number.compare_exchange_weak(seen, to, std::memory_order_acq_rel)) {
  }
}

}  // namespace

// One transaction of the source of the write before: "uuid:number", all but always.
std::optional<routing::Position> Frontier::fast_position(std::string_view gtids) const {
  const KnownSource* source = newest_source_.load(std::memory_order_acquire);
  if (source == nullptr || gtids.size() <= kUuidLength + 1 || gtids[kUuidLength] != ':' ||
      gtids.substr(0, kUuidLength) != source->name) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  auto digits = gtids.substr(kUuidLength + 1);
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failure != std::errc() || end != digits.data() + digits.size() || number == 0) {
    return std::nullopt;
  }
  routing::Position position;
  position.raise(source->index, number);
  return position;
}

// "uuid:1-7,uuid:1-3", of sources that are known; of several intervals the first counts.
std::optional<routing::Position> Frontier::fast_executed(std::string_view gtids) const {
  routing::Position position;
  const std::size_t count = source_count_.load(std::memory_order_acquire);
  std::size_t next = 0;
  while (!gtids.empty()) {
    auto part = gtids.substr(0, gtids.find(','));
    gtids.remove_prefix(std::min(gtids.size(), part.size() + 1));
    while (!part.empty() && (part.front() == '\n' || part.front() == ' ')) part.remove_prefix(1);
    if (part.size() <= kUuidLength + 1 || part[kUuidLength] != ':') return std::nullopt;
    const KnownSource* source = nullptr;
    for (std::size_t i = 0; i < count && source == nullptr; ++i) {
      const std::size_t index = (next + i) % count;
      const KnownSource* known = known_by_index_[index].load(std::memory_order_acquire);
      if (known != nullptr && part.substr(0, kUuidLength) == known->name) source = known;
    }
    // Servers print their sources in one order, in which most were first seen.
    if (source != nullptr) next = source->index + 1;
    auto digits = part.substr(kUuidLength + 1);
    if (source == nullptr || digits.substr(0, 1) != "1") return std::nullopt;
    std::uint64_t last = 1;
    if (digits.substr(0, 2) == "1-") {
      digits.remove_prefix(2);
      auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), last);
      const bool ends_well = end == digits.data() + digits.size() || *end == ':';
      if (failure != std::errc() || !ends_well) return std::nullopt;
    } else if (digits.size() > 1 && digits[1] != ':') {
      return std::nullopt;  // a tag, or a number such as 17
    }
    position.raise(source->index, last);
  }
  return position;
}

// Under the mutex.
const Frontier::KnownSource* Frontier::know(std::size_t index) {
  auto& place = known_by_index_[index];
  if (const KnownSource* known = place.load(std::memory_order_relaxed)) return known;
  const KnownSource* made = &known_.emplace_back(KnownSource{sources_.names()[index], index});
  place.store(made, std::memory_order_release);
  return made;
}

// Makes the set's source the one that fast_position() knows.
void Frontier::remember(std::string_view gtids) {
  auto name = gtids.substr(0, kUuidLength);
  std::lock_guard lock(mutex_);
  const auto& names = sources_.names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return newest_source_.store(know(i), std::memory_order_release);
  }
}

std::optional<routing::Position> Frontier::position_of(std::string_view gtids) {
  if (auto position = fast_position(gtids)) return position;
  auto set = mysql::parse_gtid_set(gtids);
  if (!set) return std::nullopt;
  std::lock_guard lock(mutex_);
  auto position = routing::required_position(*set, sources_);
  source_count_.store(sources_.names().size(), std::memory_order_release);
  return position;
}

routing::Position Frontier::tell(std::string_view gtids) {
  auto position = fast_position(gtids);
  if (!position) {
    position = position_of(gtids);
    remember(gtids);
  }
  if (!position) {
    incomparable_.store(true, std::memory_order_release);
    return {};
  }
  tell(*position);
  return *position;
}

void Frontier::tell(const routing::Position& position) {
  for (std::size_t i = 0; i < position.sources(); ++i) raise(told_[i], position.of(i));
}

void Frontier::found_track(std::uint64_t losses) { raise(found_, losses); }

routing::Position Frontier::told() const {
  routing::Position position;
  const std::size_t count = source_count_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    auto number = told_[i].load(std::memory_order_acquire);
    if (number != 0) position.raise(i, number);
  }
  return position;
}

Result<routing::Position> Frontier::executed(std::size_t server, std::string_view gtids) {
  auto position = fast_executed(gtids);
  if (!position) {
    DORSAL_TRY(auto set, mysql::parse_gtid_set(gtids));
    std::lock_guard lock(mutex_);
    position = routing::executed_position(set, sources_);
    const std::size_t count = sources_.names().size();
    for (std::size_t i = 0; i < count; ++i) (void)know(i);
    source_count_.store(count, std::memory_order_release);
  }
  executed(server, *position);
  return *position;
}

bool Frontier::repair(const routing::Position& told_before, const routing::Position& reached) {
  bool is_repaired = false;
  for (std::size_t i = 0; i < told_before.sources(); ++i) {
    if (told_before.of(i) <= reached.of(i)) continue;
    repaired_[i].store(reached.of(i) + 1, std::memory_order_release);
    // Nobody can have been told of more of that source meanwhile: its server is gone.
    told_[i].store(reached.of(i), std::memory_order_release);
    is_repaired = true;
  }
  if (is_repaired) repairs_.fetch_add(1, std::memory_order_acq_rel);
  return is_repaired;
}

void Frontier::lower_to_repaired(routing::Position& position) const {
  for (std::size_t i = 0; i < position.sources(); ++i) {
    const std::uint64_t left = repaired_[i].load(std::memory_order_acquire);
    if (left != 0) position.lower(i, left - 1);
  }
}

void Frontier::executed(std::size_t server, const routing::Position& position) {
  DORSAL_CHECK(server < kMaxServers);
  for (std::size_t i = 0; i < position.sources(); ++i) {
    raise(executed_[server][i], position.of(i));
  }
}

void Frontier::forget(std::size_t server) {
  DORSAL_CHECK(server < kMaxServers);
  for (auto& number : executed_[server]) number.store(0, std::memory_order_release);
}

bool Frontier::covers(std::size_t server, const routing::Position& position) const {
  for (std::size_t i = 0; i < position.sources(); ++i) {
    if (executed_[server][i].load(std::memory_order_acquire) < position.of(i)) return false;
  }
  return true;
}

routing::Position Frontier::furthest() const {
  routing::Position position;
  const std::size_t count = source_count_.load(std::memory_order_acquire);
  for (const Row& row : executed_) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t number = row[i].load(std::memory_order_acquire);
      if (number != 0) position.raise(i, number);
    }
  }
  return position;
}

std::uint64_t Frontier::rank(std::size_t server) const {
  std::uint64_t rank = 0;
  const std::size_t count = source_count_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    rank += executed_[server][i].load(std::memory_order_acquire);
  }
  return rank;
}

std::string Frontier::text(const routing::Position& position) const {
  std::lock_guard lock(mutex_);
  return routing::to_gtid_text(position, sources_.names());
}

}  // namespace dorsal::proxy
