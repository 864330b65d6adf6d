#include "edge/io/scope.h"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <cstdio>
#include <cstdlib>

#include "base/check.h"
#include "edge/io/refusals.h"
#include "edge/io/suspend.h"

namespace dorsal::io {
namespace {

[[noreturn]] void task_failed(const char* what) {
  std::fprintf(stderr, "a task ended with an exception: %s\n", what);
  std::abort();
}

Task<> run_guarded(Task<> task) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await asio::post(use_task);
  if (co_await cancelled()) co_return;
  bool is_aborted = false;
  try {
    co_await std::move(task);
  } catch (const asio::system_error& error) {
    if (error.code() != asio::error::operation_aborted) task_failed(error.what());
    is_aborted = true;
  } catch (const std::exception& exception) {
    task_failed(exception.what());
  } catch (...) {
    task_failed("not a std::exception");
  }
  if (is_aborted && !co_await cancelled()) task_failed("operation aborted, but not cancelled");
}

}  // namespace

struct Scope::Impl {
  struct Node {
    Node* previous = nullptr;
    Node* next = nullptr;
    asio::cancellation_signal signal;
  };

  explicit Impl(Loop& loop_) : loop(loop_) {}

  void link(Node* node) {
    node->next = first;
    if (first != nullptr) first->previous = node;
    first = node;
    ++size;
  }

  void ended(Node* node) {
    if (node->previous != nullptr) node->previous->next = node->next;
    if (node->next != nullptr) node->next->previous = node->previous;
    if (first == node) first = node->next;
    delete node;
    --size;
    loop.refusals().reset();
    if (size == 0 && joiner) {
      auto resume = [joined = std::move(*joiner)]() mutable { joined(); };
      joiner.reset();
      asio::post(loop.executor(), std::move(resume));
    }
  }

  void cancel() {
    is_cancelled = true;
    for (Node* node = first; node != nullptr;) {
      Node* next = node->next;
      node->signal.emit(asio::cancellation_type::terminal);
      node = next;
    }
  }

  // Runs the loop, which nobody else runs, until all tasks have ended.
  void drain() {
    DORSAL_CHECK(!loop.is_running());
    auto& context = loop.context();
    DORSAL_CHECK(!context.get_executor().running_in_this_thread());
    bool was_stopped = context.stopped();
    if (was_stopped) context.restart();
    while (size > 0) context.run_one();
    if (was_stopped) context.stop();
  }

  Loop& loop;
  Node* first = nullptr;
  std::size_t size = 0;
  bool is_cancelled = false;
  std::optional<Resume> joiner;
};

Scope::Scope(Loop& loop) : impl_(std::make_unique<Impl>(loop)) {}

// NOLINTNEXTLINE(bugprone-exception-escape): what a task throws aborts before it gets here
Scope::~Scope() {
  if (impl_->size == 0) return;
  cancel();
  impl_->drain();
}

void Scope::spawn(Task<> task) {
  if (impl_->is_cancelled) return;
  auto* node = new Impl::Node;
  impl_->link(node);
  // run_guarded() lets no exception out; one says that the task was cancelled before it began.
  auto ended = [impl = impl_.get(), node](const std::exception_ptr&) { impl->ended(node); };
  asio::co_spawn(impl_->loop.executor(),
                 run_guarded(std::move(task)),
                 asio::bind_cancellation_slot(node->signal.slot(), std::move(ended)));
}

void Scope::cancel() { impl_->cancel(); }

Task<> Scope::cancel_and_join() {
  cancel();
  co_await join();
}

Task<> Scope::join() {
  if (impl_->size == 0) co_return;
  DORSAL_CHECK(!impl_->joiner);
  if (co_await io::cancelled()) cancel();
  auto start = [impl = impl_.get()](Resume resume) {
    auto slot = resume.get_cancellation_slot();
    impl->joiner.emplace(std::move(resume));
    if (slot.is_connected()) slot.assign([impl](asio::cancellation_type) { impl->cancel(); });
  };
  co_await suspend(std::move(start));
}

std::size_t Scope::size() const { return impl_->size; }
bool Scope::is_cancelled() const { return impl_->is_cancelled; }

void block_on(Loop& loop, Task<> task) {
  Scope scope(loop);
  scope.spawn(std::move(task));
  scope.impl_->drain();
}

}  // namespace dorsal::io
