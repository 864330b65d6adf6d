// Preloaded into the processes of a host: its wall clock is the machine's, off by what a file says.
// The clocks that never jump are left alone. No locks and no allocations, because whoever calls may
// be killed or frozen at any point, and the file is mapped, so a jump is seen at once.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

using Nanoseconds = std::int64_t;
constexpr Nanoseconds kSecond = 1'000'000'000;

// Who waits for a time of day looks at the clock again after so long, as it may have jumped.
constexpr Nanoseconds kLook = kSecond;

// Earlier deadlines are of a clock that starts with the machine, or else have passed already.
constexpr time_t kFirstTimeOfDay = 1'000'000'000;

// Later ones mean never, and their nanoseconds would be too many.
constexpr time_t kLastTimeOfDay = 9'000'000'000;

const std::atomic<Nanoseconds>* offset = nullptr;

__attribute__((constructor)) void map_offset() {
  const char* path = std::getenv("DORSAL_CHAOS_CLOCK");
  const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  void* mapped = mmap(nullptr, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) {
    std::perror("DORSAL_CHAOS_CLOCK names no clock");
    std::abort();
  }
  close(file);
  offset = static_cast<const std::atomic<Nanoseconds>*>(mapped);
}

Nanoseconds count_of(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }

timespec timespec_of(Nanoseconds count) {
  timespec time{count / kSecond, count % kSecond};
  if (time.tv_nsec < 0) {
    time.tv_sec -= 1;
    time.tv_nsec += kSecond;
  }
  return time;
}

Nanoseconds steady_now() {
  timespec now{};
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  return count_of(now);
}

Nanoseconds wall_now() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return count_of(now);
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const auto failed = syscall(SYS_clock_gettime, clock, now);
  const bool jumps =
      clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
  if (failed == 0 && jumps && offset != nullptr) {
    *now = timespec_of(count_of(*now) + offset->load(std::memory_order_relaxed));
  }
  return static_cast<int>(failed);
}

int gettimeofday(timeval* now, void* /*zone*/) noexcept {
  const Nanoseconds count = wall_now();
  *now = timeval{count / kSecond, count % kSecond / 1000};
  return 0;
}

time_t time(time_t* now) noexcept {
  const time_t seconds = wall_now() / kSecond;
  if (now != nullptr) *now = seconds;
  return seconds;
}

int timespec_get(timespec* now, int base) noexcept {
  if (base != TIME_UTC) return 0;
  *now = timespec_of(wall_now());
  return base;
}

// The only way in which mysqld and dorsal wait for a time of day. The kernel knows nothing of the
// offset, so it waits by the steady clock. Who is woken up early is woken up for nothing, which
// every caller has to expect.
int pthread_cond_timedwait(pthread_cond_t* condition,
                           pthread_mutex_t* mutex,
                           const timespec* deadline) {
  if (deadline->tv_sec < kFirstTimeOfDay) {
    return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, deadline);
  }
  const Nanoseconds due = count_of({std::min(deadline->tv_sec, kLastTimeOfDay), deadline->tv_nsec});
  const Nanoseconds left = std::clamp<Nanoseconds>(due - wall_now(), 0, kLook);
  const timespec next = timespec_of(steady_now() + left);
  const int result = pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &next);
  return result == ETIMEDOUT && wall_now() < due ? 0 : result;
}

}  // extern "C"
