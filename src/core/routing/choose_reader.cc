#include "core/routing/choose_reader.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace dorsal::routing {
namespace {

// More replicas than a cluster can have are not looked at.
constexpr std::size_t kMaxCandidates = 64;

// Positions of replicas are known with different delay, so a few transactions say nothing about
// which will be there first; taking them at their word would send every read to the replica that
// was asked last.
constexpr std::uint64_t kCloseTransactions = 256;

// Below this, latencies differ by nothing that a client could notice.
constexpr std::int64_t kNoticeable_ns = 250'000;

// A replica in the own zone that seems to have so many statements running is no longer preferred.
constexpr std::int64_t kTooSlowForItsZone = 7;

class Pool {
 public:
  explicit Pool(std::span<const Candidate> candidates) : candidates_(candidates) {
    for (std::size_t i = 0; i < std::min(candidates.size(), kMaxCandidates); ++i) {
      const Candidate& candidate = candidates[i];
      const bool may_serve = candidate.usable && (candidate.covers || candidate.worth_waiting);
      if (!may_serve) continue;
      drawn_[size_++] = i;
      if (candidate.latency_ns > 0) fastest_ns_ = std::min(fastest_ns_, candidate.latency_ns);
    }
  }

  bool is_empty() const { return size_ == 0; }

  // Leaves only those of which `is_kept` is true, unless that would leave none.
  template <typename IsKept>
  void prefer(const IsKept& is_kept) {
    auto begin = drawn_.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(size_);
    const bool has_some = std::any_of(begin, end, [&](auto i) { return is_kept(candidates_[i]); });
    if (!has_some) return;
    auto kept = std::stable_partition(begin, end, [&](auto i) { return is_kept(candidates_[i]); });
    size_ = static_cast<std::size_t>(kept - begin);
  }

  template <typename Value>
  auto largest(const Value& value) const {
    auto found = value(candidates_[drawn_[0]]);
    for (std::size_t i = 1; i < size_; ++i) found = std::max(found, value(candidates_[drawn_[i]]));
    return found;
  }

  std::int64_t slowness_of(const Candidate& candidate) const {
    return slowness(candidate.latency_ns, fastest_ns_);
  }

  // Takes one out, by weight.
  std::size_t draw(std::uint32_t dice) {
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < size_; ++i) all += weight_at(i);
    std::uint64_t at = dice % all;
    std::size_t i = 0;
    while (at >= weight_at(i)) at -= weight_at(i++);
    const std::size_t drawn = drawn_[i];
    std::copy(drawn_.begin() + static_cast<std::ptrdiff_t>(i + 1),
              drawn_.begin() + static_cast<std::ptrdiff_t>(size_),
              drawn_.begin() + static_cast<std::ptrdiff_t>(i));
    --size_;
    return drawn;
  }

  // True when the second of two that were drawn has clearly less to do, in proportion to its
  // weight.
  bool is_less_busy(std::size_t second, std::size_t first) const {
    auto busy = [&](std::size_t i) {
      return candidates_[i].outstanding + slowness_of(candidates_[i]);
    };
    auto weight = [&](std::size_t i) { return std::max<std::int64_t>(1, candidates_[i].weight); };
    return busy(second) * weight(first) < busy(first) * weight(second);
  }

 private:
  std::uint64_t weight_at(std::size_t i) const {
    return std::max<std::uint64_t>(1, candidates_[drawn_[i]].weight);
  }

  std::span<const Candidate> candidates_;
  std::array<std::size_t, kMaxCandidates> drawn_;
  std::size_t size_ = 0;
  std::int64_t fastest_ns_ = std::numeric_limits<std::int64_t>::max();
};

}  // namespace

std::int64_t slowness(std::int64_t latency_ns, std::int64_t fastest_ns) {
  const std::int64_t base = std::max(fastest_ns, kNoticeable_ns);
  if (latency_ns <= base) return 0;
  const auto times = static_cast<std::uint64_t>(latency_ns / base);
  return static_cast<std::int64_t>(std::bit_floor(times)) - 1;
}

std::optional<Choice> choose_reader(std::span<const Candidate> candidates, std::uint32_t dice) {
  Pool pool(candidates);
  if (pool.is_empty()) return std::nullopt;
  pool.prefer([](const Candidate& candidate) { return candidate.weight > 0; });
  pool.prefer([](const Candidate& candidate) { return candidate.covers; });
  const auto foremost = pool.largest([](const Candidate& candidate) { return candidate.known; });
  pool.prefer([&](const Candidate& candidate) {
    return candidate.covers || foremost - candidate.known <= kCloseTransactions;
  });
  pool.prefer([&](const Candidate& candidate) {
    return candidate.is_near && pool.slowness_of(candidate) < kTooSlowForItsZone;
  });
  std::size_t index = pool.draw(dice);
  if (!pool.is_empty()) {
    // Another number from the same dice (Knuth's multiplicative hash).
    const std::size_t other = pool.draw((dice * 2654435761U) >> 8U);
    if (pool.is_less_busy(other, index)) index = other;
  }
  return Choice{index, !candidates[index].covers};
}

}  // namespace dorsal::routing
