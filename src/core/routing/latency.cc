#include "core/routing/latency.h"

#include <algorithm>

namespace dorsal::routing {
namespace {

// A sample counts by the time since the last one, in proportion to this.
constexpr double kMemory_ns = 500e6;

constexpr std::int64_t kHalvesAfter_ns = 1'000'000'000;

// Far slower than any server in use, so that all others come first for some seconds.
constexpr std::int64_t kFailure_ns = 1'000'000'000;

std::int64_t ns_of(TimePoint time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

}  // namespace

void Latency::note(Duration sample, TimePoint now) {
  const auto sample_ns =
      std::max<std::int64_t>(1,
                             std::chrono::duration_cast<std::chrono::nanoseconds>(sample).count());
  const std::int64_t before = value_ns_.load(std::memory_order_relaxed);
  if (before == 0) return set(sample_ns, now);
  const auto idle = static_cast<double>(
      std::max<std::int64_t>(0, ns_of(now) - noted_ns_.load(std::memory_order_relaxed)));
  // A single sample that comes alone still counts for a hundredth.
  const double share = std::max(0.01, idle / (idle + kMemory_ns));
  const auto change = share * static_cast<double>(sample_ns - before);
  set(std::max<std::int64_t>(1, before + static_cast<std::int64_t>(change)), now);
}

void Latency::note_failure(TimePoint now) { set(kFailure_ns, now); }

std::int64_t Latency::ns(TimePoint now) const {
  const std::int64_t idle = ns_of(now) - noted_ns_.load(std::memory_order_relaxed);
  const auto halvings = std::clamp<std::int64_t>(idle / kHalvesAfter_ns, 0, 62);
  return value_ns_.load(std::memory_order_relaxed) >> halvings;
}

void Latency::set(std::int64_t value_ns, TimePoint now) {
  value_ns_.store(value_ns, std::memory_order_relaxed);
  noted_ns_.store(ns_of(now), std::memory_order_relaxed);
}

}  // namespace dorsal::routing
