#include "core/admission/failed_logins.h"

#include <algorithm>

namespace dorsal::admission {
namespace {

struct Policy {
  int free;          // failures without consequence
  Duration first;    // what the next one costs; each further one twice as much
  Duration longest;  // and never more
};

constexpr Policy kStrangers = {5, std::chrono::milliseconds(100), std::chrono::seconds(5)};
constexpr Policy kLoopback = {20, std::chrono::milliseconds(5), std::chrono::milliseconds(100)};

// Failures beyond these change nothing, and would only take longer to be forgotten.
constexpr int kMostCounted = 30;

// One failure is forgotten after so long without another.
constexpr Duration kForgetOne = std::chrono::seconds(10);

const Policy& policy_of(const IpAddress& from) {
  return from.is_loopback() ? kLoopback : kStrangers;
}

IpAddress key_of(const IpAddress& from) {
  constexpr unsigned kSubnetBits = 64;
  return from.is_v4() || from.is_loopback() ? from : from.masked(kSubnetBits);
}

int left_of(int failures, TimePoint last, TimePoint now) {
  const auto forgotten = now > last ? (now - last) / kForgetOne : 0;
  return static_cast<int>(std::max<Duration::rep>(failures - forgotten, 0));
}

}  // namespace

Duration FailedLogins::delay(const IpAddress& from, TimePoint now) const {
  auto found = entries_.find(key_of(from));
  if (found == entries_.end()) return Duration::zero();
  const Policy& policy = policy_of(from);
  const int beyond = left_of(found->second.failures, found->second.last, now) - policy.free;
  if (beyond <= 0) return Duration::zero();
  Duration delay = policy.first;
  for (int i = 1; i < beyond && delay < policy.longest; ++i) delay *= 2;
  return std::min(delay, policy.longest);
}

void FailedLogins::failed(const IpAddress& from, TimePoint now) {
  const IpAddress key = key_of(from);
  auto [place, is_new] = entries_.try_emplace(key);
  Entry& entry = place->second;
  if (is_new) {
    entry.place = order_.insert(order_.end(), key);
  } else {
    order_.splice(order_.end(), order_, entry.place);
  }
  entry.failures = std::min(left_of(entry.failures, entry.last, now) + 1, kMostCounted);
  entry.last = now;
  if (entries_.size() <= kMostAddresses) return;
  entries_.erase(order_.front());
  order_.pop_front();
}

void FailedLogins::succeeded(const IpAddress& from) {
  auto found = entries_.find(key_of(from));
  if (found == entries_.end()) return;
  order_.erase(found->second.place);
  entries_.erase(found);
}

}  // namespace dorsal::admission
