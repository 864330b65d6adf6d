#include "service/agent/diary.h"

#include <utility>

namespace dorsal::agent {
namespace {

using io::Task;

constexpr std::size_t kMostUnwritten = 1000;
constexpr std::size_t kKept = 1000;       // in the store, of all nodes
constexpr std::size_t kPruneEvery = 100;  // written by this node
constexpr auto kStoreLimit = std::chrono::seconds(1);
constexpr auto kPruneLimit = std::chrono::seconds(30);
constexpr auto kRetry = std::chrono::seconds(1);

}  // namespace

void Diary::note(cluster::Event event) {
  if (store_ == nullptr) return;
  if (unwritten_.size() == kMostUnwritten) unwritten_.pop_front();
  unwritten_.push_back(std::move(event));
  news_.set();
}

Task<> Diary::write_for_ever() {
  for (;;) {
    const Deadline never = Deadline::never();
    const bool goes_on = co_await news_.wait(never);
    if (!goes_on) co_return;
    news_.reset();
    co_await write();
  }
}

// One that was written although its answer was lost stands there twice, which does no harm.
Task<> Diary::write() {
  while (!unwritten_.empty()) {
    const bool is_over = co_await io::cancelled();
    if (is_over) co_return;
    cluster::Event event = unwritten_.front();
    const Deadline deadline = loop_.after(kStoreLimit);
    const auto written = co_await store_->append(std::move(event), deadline);
    if (!written) {
      const Deadline next = loop_.after(kRetry);
      if (!co_await loop_.sleep_until(next)) co_return;
      continue;
    }
    unwritten_.pop_front();
    if (++written_ % kPruneEvery != 0) continue;
    const Deadline limit = loop_.after(kPruneLimit);
    (void)co_await store_->prune(kKept, limit);
  }
}

}  // namespace dorsal::agent
