// Something that happens, and tasks of the same loop that wait for it.
#pragma once

#include "base/deadline.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::io {

class Event {
 public:
  // The loop outlives the Event. Nobody waits when it is destroyed.
  explicit Event(Loop& loop) : loop_(loop) {}
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Wakes all who wait; until reset(), others do not wait at all.
  void set();
  void reset() { is_set_ = false; }
  bool is_set() const { return is_set_; }

  // Wakes all who wait now and leaves no trace: a broadcast.
  void notify_all();

  // True: it happened, even if the deadline passed at the same moment. False: the deadline passed,
  // or the task was cancelled. Exact, with a timer of its own for each wait. The waiters resume at
  // the loop's next turn, in the order in which they came.
  Task<bool> wait(Deadline deadline);

 private:
  struct Waiter;

  Loop& loop_;
  bool is_set_ = false;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace dorsal::io
