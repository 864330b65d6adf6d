// One event loop: the tasks, sockets and timers of one thread.
//
// Everything that belongs to a loop is used on its thread only; post() and stop() are the two
// exceptions. Whatever belongs to a loop is destroyed before it.
#pragma once

#include <functional>
#include <memory>

#include "base/deadline.h"
#include "edge/io/task.h"

namespace dorsal::io {

class Watchdog;
class Resolver;
class Refusals;
class Compressors;

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs tasks on the calling thread until stop(); without anything to do it waits.
  void run();

  // Makes run() return after the handler at hand, or return at once when it is called later. From
  // any thread. A stopped loop stays stopped.
  void stop();

  // Calls the function on the loop's thread, soon. From any thread.
  void post(std::function<void()> function);

  // The steady clock.
  TimePoint now() const { return std::chrono::steady_clock::now(); }
  Deadline after(Duration span) const { return Deadline::after(now(), span); }

  // Exact to what the kernel's timers give. True: the moment has come; false: cancelled before it.
  Task<bool> sleep_until(Deadline deadline);

  asio::io_context& context();
  Executor executor();

  // For the other classes of this folder.
  Watchdog& watchdog();
  Resolver& resolver();
  Refusals& refusals();
  Compressors& compressors();
  bool is_running() const;  // inside run(), on any thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dorsal::io
