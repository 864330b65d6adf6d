#include "edge/io/watchdog.h"

#include <algorithm>

#include "edge/io/stream.h"

namespace dorsal::io {
namespace {

constexpr Duration kNear = std::chrono::seconds(2);
constexpr Duration kFarTick = std::chrono::seconds(1);

}  // namespace

void Watchdog::insert_after(Entry& position, Entry& entry) {
  entry.previous_ = &position;
  entry.next_ = position.next_;
  position.next_->previous_ = &entry;
  position.next_ = &entry;
}

void Watchdog::unlink(Entry& entry) {
  entry.previous_->next_ = entry.next_;
  entry.next_->previous_ = entry.previous_;
  entry.previous_ = nullptr;
  entry.next_ = nullptr;
}

void Watchdog::arm(Entry& entry, Deadline deadline, Precision precision) {
  entry.when_ = deadline.when();
  if (precision == Precision::Exact && !deadline.is_never()) {
    arm_exactly(entry);
  } else {
    insert_after(fresh_, entry);
    if (next_tick_ == TimePoint::max()) start_ticking();
  }
}

void Watchdog::arm_exactly(Entry& entry) {
  // Limits of one kind come in the order of their deadlines, so the place is near the end.
  Entry* before = exact_.last();
  while (before != &exact_ && before->when_ > entry.when_) before = before->previous_;
  insert_after(*before, entry);
  wake_at(exact_.first()->when_);
}

void Watchdog::start_ticking() {
  now_ = std::chrono::steady_clock::now();
  next_tick_ = now_ + kTick;
  wake_at(next_tick_);
}

void Watchdog::wake_at(TimePoint when) {
  if (when >= next_wake_) return;
  next_wake_ = when;
  timer_.expires_at(when);
  timer_.async_wait([this](const asio::error_code& error) {
    if (!error) woken();
  });
}

void Watchdog::woken() {
  next_wake_ = TimePoint::max();
  now_ = std::chrono::steady_clock::now();
  look_at_exact();
  if (now_ >= next_far_) look_at_far();
  if (now_ >= next_tick_) {
    look_at_near();
    look_at_fresh();
    next_tick_ = near_.empty() && fresh_.empty() ? TimePoint::max() : now_ + kTick;
  }
  auto next = std::min(next_tick_, next_far_);
  if (!exact_.empty()) next = std::min(next, exact_.first()->when_);
  if (next != TimePoint::max()) wake_at(next);
}

void Watchdog::look_at_exact() {
  while (!exact_.empty() && exact_.first()->when_ <= now_) {
    Entry& entry = *exact_.first();
    unlink(entry);
    entry.expired();
  }
}

void Watchdog::look_at_fresh() {
  while (!fresh_.empty()) {
    Entry& entry = *fresh_.first();
    unlink(entry);
    if (entry.when_ <= now_) {
      entry.expired();
      continue;
    }
    if (entry.when_ <= now_ + kNear) {
      insert_after(near_, entry);
    } else if (entry.when_ != TimePoint::max()) {
      insert_after(far_, entry);
      if (next_far_ == TimePoint::max()) next_far_ = now_ + kFarTick;
    }
    entry.probe();
  }
}

void Watchdog::look_at_near() {
  for (Entry* entry = near_.first(); entry != &near_;) {
    Entry* next = entry->next_;
    if (entry->when_ <= now_) {
      unlink(*entry);
      entry->expired();
    }
    entry = next;
  }
}

void Watchdog::look_at_far() {
  for (Entry* entry = far_.first(); entry != &far_;) {
    Entry* next = entry->next_;
    if (entry->when_ <= now_ + kNear) {
      unlink(*entry);
      insert_after(near_, *entry);
      if (next_tick_ == TimePoint::max()) next_tick_ = now_ + kTick;
    }
    entry = next;
  }
  next_far_ = far_.empty() ? TimePoint::max() : now_ + kFarTick;
}

}  // namespace dorsal::io
