#include "service/proxy/frontier.h"

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

// Makes the set's source the one that fast_position() knows.
void Frontier::remember(std::string_view gtids) {
  auto name = gtids.substr(0, kUuidLength);
  std::lock_guard lock(mutex_);
  const auto& names = sources_.names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != name) continue;
    for (const auto& known : known_) {
      if (known.index == i) return newest_source_.store(&known, std::memory_order_release);
    }
    newest_source_.store(&known_.emplace_back(KnownSource{names[i], i}), std::memory_order_release);
    return;
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
  for (std::size_t i = 0; i < position.sources; ++i) raise(told_[i], position.newest[i]);
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

Result<void> Frontier::executed(std::size_t server, std::string_view gtids) {
  DORSAL_TRY(auto set, mysql::parse_gtid_set(gtids));
  routing::Position position;
  {
    std::lock_guard lock(mutex_);
    position = routing::executed_position(set, sources_);
    source_count_.store(sources_.names().size(), std::memory_order_release);
  }
  executed(server, position);
  return {};
}

void Frontier::executed(std::size_t server, const routing::Position& position) {
  DORSAL_CHECK(server < kMaxServers);
  for (std::size_t i = 0; i < position.sources; ++i) {
    raise(executed_[server][i], position.newest[i]);
  }
}

void Frontier::forget(std::size_t server) {
  DORSAL_CHECK(server < kMaxServers);
  for (auto& number : executed_[server]) number.store(0, std::memory_order_release);
}

bool Frontier::covers(std::size_t server, const routing::Position& position) const {
  for (std::size_t i = 0; i < position.sources; ++i) {
    if (executed_[server][i].load(std::memory_order_acquire) < position.newest[i]) return false;
  }
  return true;
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
