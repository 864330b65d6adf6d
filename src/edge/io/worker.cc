#include "edge/io/worker.h"

#include <asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "edge/io/suspend.h"
#include "edge/io/thread.h"

namespace dorsal::io {

struct Worker::Impl {
  struct Job {
    std::function<void()> call;
    Resume resume;
  };

  void push(Job job) {
    {
      std::lock_guard lock(mutex);
      jobs.push_back(std::move(job));
    }
    changed.notify_one();
  }

  void work() noexcept {
    while (auto job = next()) {
      job->call();
      auto executor = job->resume.get_executor();
      auto resume = [resume = std::move(job->resume)]() mutable { resume(); };
      asio::post(executor, std::move(resume));
    }
  }

  // Waits for a job; empty when there is none and there will be none.
  std::optional<Job> next() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return is_stopping || !jobs.empty(); });
    if (jobs.empty()) return std::nullopt;
    std::optional<Job> job(std::move(jobs.front()));
    jobs.pop_front();
    return job;
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> jobs;
  bool is_stopping = false;
  std::thread thread;
};

Worker::Worker() : impl_(std::make_unique<Impl>()) {
  impl_->thread = start_quiet_thread([impl = impl_.get()] { impl->work(); });
}

Worker::~Worker() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->is_stopping = true;
  }
  impl_->changed.notify_one();
  impl_->thread.join();
}

Task<> Worker::run(std::function<void()> call) {
  auto start = [impl = impl_.get(), &call](Resume resume) {
    impl->push(Impl::Job{std::move(call), std::move(resume)});
  };
  co_await suspend(std::move(start));
}

}  // namespace dorsal::io
