#include "edge/instance/storage_probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace dorsal::instance {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPause = std::chrono::seconds(1);

// A write that takes so long holds up every commit, too.
constexpr auto kStalled = std::chrono::seconds(2);

// Less room than this does not last for the next commits.
constexpr ::off_t kRoom = 1 << 20;

// The number of the error; 0: it went well.
int write_file(const std::string& file) {
  constexpr std::array<char, 4096> kBytes{};
  const int descriptor =
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) return errno;
  int error = ::posix_fallocate(descriptor, 0, kRoom);
  const bool cannot_reserve = error == EOPNOTSUPP || error == EINVAL || error == ENODEV;
  if (cannot_reserve) error = 0;
  if (error == 0 && ::pwrite(descriptor, kBytes.data(), kBytes.size(), 0) < 0) error = errno;
  if (error == 0 && ::fdatasync(descriptor) != 0) error = errno;
  (void)::ftruncate(descriptor, 0);
  ::close(descriptor);
  return error;
}

}  // namespace

struct StorageProbe::State {
  std::string file;
  mutable std::mutex mutex;  // guards what follows
  std::condition_variable ended;
  bool is_over = false;
  bool is_writing = false;
  Clock::time_point begun;
  int error = 0;
};

StorageProbe::StorageProbe(std::string file) : state_(std::make_shared<State>()) {
  state_->file = std::move(file);
  std::thread([state = state_] { probe_for_ever(state); }).detach();
}

StorageProbe::~StorageProbe() {
  std::unique_lock lock(state_->mutex);
  state_->is_over = true;
  state_->ended.notify_all();
}

void StorageProbe::probe_for_ever(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (!state->is_over) {
    state->is_writing = true;
    state->begun = Clock::now();
    lock.unlock();
    const int error = write_file(state->file);
    lock.lock();
    state->is_writing = false;
    state->error = error;
    state->ended.wait_for(lock, kPause, [&] { return state->is_over; });
  }
}

std::string StorageProbe::trouble() const {
  const std::lock_guard lock(state_->mutex);
  const auto busy = Clock::now() - state_->begun;
  if (state_->is_writing && busy > kStalled) {
    return fmt::format("a write to its folder has taken {} s so far",
                       std::chrono::duration_cast<std::chrono::seconds>(busy).count());
  }
  if (state_->error == 0) return {};
  return "its folder cannot be written to: " + std::generic_category().message(state_->error);
}

}  // namespace dorsal::instance
