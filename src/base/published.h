// The newest of a series of immutable values: one thread publishes, any thread reads.
//
// A reader keeps what it has got for as long as it likes. Asking for version() first makes looking
// for news nearly free. (std::atomic<std::shared_ptr> would do, but libstdc++ 12 has a data race in
// it: https://github.com/google/sanitizers/issues/1558.)
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace dorsal {

template <class T>
class Published {
 public:
  void store(std::shared_ptr<const T> value) {
    std::lock_guard lock(mutex_);
    value_ = std::move(value);
    version_.fetch_add(1, std::memory_order_release);
  }

  // Null until the first store().
  std::shared_ptr<const T> load() const {
    std::lock_guard lock(mutex_);
    return value_;
  }

  // 0 at first, and more after each store(). A load() after it returns that version or a newer one.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;  // guards value_
  std::shared_ptr<const T> value_;
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace dorsal
