// Watches the deadlines of operations that begin and end all the time, with one timer for a loop.
//
// An operation is an Entry that links itself in when it starts to wait and out when it is done;
// both cost a few nanoseconds and no system call. Deadlines are noticed by looking at the list:
//
//   fresh   entries since the last tick; at the next one each is probed once and moves on
//   near    due within two seconds; looked at every tick, that is every 50 ms
//   far     due later; looked at every second
//   exact   sorted by deadline; the timer is set for the first one
//
// An entry without a deadline is only probed. The probe is for operations that rely on epoll's
// edges: it lets them look for themselves, once per wait, whether an edge told them everything.
#pragma once

#include "base/deadline.h"
#include "edge/io/timer.h"

namespace dorsal::io {

enum class Precision;

class Watchdog {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(50);

  class Entry {
   public:
    Entry() = default;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    // The deadline has passed. The entry is no longer linked. Must not resume a task directly.
    virtual void expired() = 0;
    // It has waited for a tick. Must not resume a task directly either.
    virtual void probe() {}

   protected:
    virtual ~Entry() = default;

   private:
    friend class Watchdog;
    Entry* previous_ = nullptr;
    Entry* next_ = nullptr;
    TimePoint when_ = TimePoint::max();
  };

  explicit Watchdog(const Executor& executor) : timer_(executor) {}
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // The entry is not linked; it is disarmed before it is destroyed.
  void arm(Entry& entry, Deadline deadline, Precision precision);

  // Also for an entry that is not linked.
  void disarm(Entry& entry) {
    if (entry.next_ != nullptr) unlink(entry);
  }

 private:
  // The head of a circular list.
  struct List : Entry {
    List() {
      previous_ = this;
      next_ = this;
    }
    void expired() override {}
    bool empty() const { return next_ == this; }
    Entry* first() const { return next_; }
    Entry* last() const { return previous_; }
    using Entry::next_;
    using Entry::previous_;
  };

  static void insert_after(Entry& position, Entry& entry);
  static void unlink(Entry& entry);
  void arm_exactly(Entry& entry);
  void start_ticking();
  void wake_at(TimePoint when);
  void woken();
  void look_at_exact();
  void look_at_fresh();
  void look_at_near();
  void look_at_far();

  Timer timer_;
  TimePoint now_;  // as of the last tick
  TimePoint next_wake_ = TimePoint::max();
  TimePoint next_tick_ = TimePoint::max();
  TimePoint next_far_ = TimePoint::max();
  List fresh_;
  List near_;
  List far_;
  List exact_;
};

}  // namespace dorsal::io
