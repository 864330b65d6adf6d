#include "core/routing/other_proxies.h"

namespace dorsal::routing {
namespace {

std::int64_t to_ns(Duration duration) { return duration.count(); }

}  // namespace

static_assert(OtherProxies::kIntroduction > OtherProxies::kFresh);
static_assert(OtherProxies::kSettled > OtherProxies::kGap);
static_assert(OtherProxies::kQuiet >
              OtherProxies::kRemembered + OtherProxies::kGap + OtherProxies::kFresh);

void OtherProxies::saw_none(TimePoint sent) {
  const std::int64_t sent_ns = to_ns(sent.time_since_epoch());
  const bool goes_on = quiet_since_ns_ != kNever && sent_ns - looked_at_ns_ <= to_ns(kGap);
  if (!goes_on) quiet_since_ns_ = sent_ns;
  looked_at_ns_ = sent_ns;
  const bool is_quiet = sent_ns - quiet_since_ns_ >= to_ns(kQuiet);
  excluded_until_ns_.store(is_quiet ? sent_ns + to_ns(kFresh) : kNever, std::memory_order_relaxed);
}

void OtherProxies::saw_some() {
  quiet_since_ns_ = kNever;
  excluded_until_ns_.store(kNever, std::memory_order_relaxed);
}

void OtherProxies::lost() {
  const bool is_excluded =
      quiet_since_ns_ != kNever && looked_at_ns_ - quiet_since_ns_ >= to_ns(kQuiet);
  excluded_until_ns_.store(is_excluded ? kForever : kNever, std::memory_order_relaxed);
}

bool OtherProxies::are_excluded(TimePoint now) const {
  return to_ns(now.time_since_epoch()) <= excluded_until_ns_.load(std::memory_order_relaxed);
}

void Introduction::arrived(TimePoint now) {
  is_known_ = was_settled_ && now - left_at_ <= OtherProxies::kRemembered;
  is_there_ = true;
  since_ = now;
}

void Introduction::left(TimePoint now) {
  if (!is_there_) return;
  is_there_ = false;
  // Known from before it is as good as settled, if it has not been away for long since.
  const bool is_settled = now - since_ >= OtherProxies::kSettled;
  if (is_settled || !is_known_) {
    was_settled_ = is_settled;
    left_at_ = now;
  }
}

Duration Introduction::wait(TimePoint now) const {
  if (is_known_) return Duration::zero();
  const auto until = since_ + OtherProxies::kIntroduction;
  return until > now ? Duration(until - now) : Duration::zero();
}

}  // namespace dorsal::routing
