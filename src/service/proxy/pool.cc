#include "service/proxy/pool.h"

#include <algorithm>

#include "base/log.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {
namespace {

// Connections that one pool opens at a time. Meanwhile those that are given back serve who waits,
// so that a rush of short statements does not end in a connection for each.
constexpr std::uint32_t kOpenAtOnce = 2;

// A pool that has connections lets those in use come back for so long before it opens another one.
// Most statements are over by then, and opening takes as long: without this, each moment in which
// many statements come at once, or the machine is slow, would leave connections behind.
constexpr auto kGrow = std::chrono::milliseconds(2);

// Longer than this without use, a connection is looked at before a statement is risked on it.
constexpr auto kIdle = std::chrono::milliseconds(10);

constexpr auto kTend = std::chrono::seconds(1);
constexpr auto kIdleLimit = std::chrono::seconds(60);
constexpr auto kAgeLimit = std::chrono::hours(1);
// After a server had no room, or another loop was asked to make some.
constexpr auto kExpect = std::chrono::seconds(30);
constexpr auto kTryAgain = std::chrono::milliseconds(5);

constexpr std::uint16_t kTooManyConnections = 1040;      // ER_CON_COUNT_ERROR
constexpr std::uint16_t kTooManyUserConnections = 1203;  // ER_TOO_MANY_USER_CONNECTIONS

bool has_no_room(const mysql::ErrPacket& err) {
  return err.code == kTooManyConnections || err.code == kTooManyUserConnections;
}

}  // namespace

bool PoolLimit::take(bool may_use_reserve) {
  const std::uint32_t maximum = maximum_.load(std::memory_order_relaxed);
  const std::uint32_t reserve = may_use_reserve ? reserve_.load(std::memory_order_relaxed) : 0;
  std::uint32_t open = open_.load(std::memory_order_relaxed);
  do {
    if (maximum != 0 && open >= maximum + reserve) return false;
  } while (!open_.compare_exchange_weak(open, open + 1, std::memory_order_relaxed));
  return true;
}

void PoolLimit::change(std::uint32_t maximum, std::uint32_t reserve) {
  maximum_.store(maximum, std::memory_order_relaxed);
  reserve_.store(reserve, std::memory_order_relaxed);
}

void PoolLimits::change(std::uint32_t maximum, std::uint32_t reserve) {
  std::lock_guard lock(mutex_);
  maximum_ = maximum;
  reserve_ = reserve;
  for (auto& [_, kept] : limits_) {
    if (auto limit = kept.lock()) limit->change(maximum, reserve);
  }
}

std::size_t PoolLimits::size() const {
  std::lock_guard lock(mutex_);
  return limits_.size();
}

std::shared_ptr<PoolLimit> PoolLimits::of(const Server& server, const std::string& user) {
  std::lock_guard lock(mutex_);
  if (limits_.size() >= tidy_at_) {
    std::erase_if(limits_, [](const auto& entry) { return entry.second.expired(); });
    tidy_at_ = std::max(kTidyAt, 2 * limits_.size());
  }
  auto& kept = limits_[{server.index, user}];
  auto limit = kept.lock();
  if (limit == nullptr) {
    limit = std::make_shared<PoolLimit>(maximum_, reserve_);
    kept = limit;
  }
  return limit;
}

Pool::Pool(LoopContext& context, Server& server, Identity identity)
    : context_(context),
      server_(server),
      identity_(std::move(identity)),
      limit_(context.shared.pool_limits.of(server, identity_.user)) {}

Pool::~Pool() {
  while (!idle_.empty()) discard(remove_idle(0));
}

std::unique_ptr<Backend> Pool::remove_idle(std::size_t index) {
  auto backend = std::move(idle_[index]);
  idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(index));
  return backend;
}

// The session's own, else of those that may serve it one on which least has to be changed, else
// the one used last: the others are then left to grow old. A connection without a schema can be
// given one, but not the other way round. One from before a change of global variables is for its
// own session alone.
std::optional<std::size_t> Pool::best_idle(const PoolWish& wish) const {
  std::optional<std::size_t> best;
  int best_rank = -1;
  for (std::size_t i = idle_.size(); i-- > 0;) {
    const Backend& candidate = *idle_[i];
    if (!wish.with_schema && !candidate.schema.empty()) continue;
    if (wish.lease != 0 && candidate.lease == wish.lease) return i;
    if (!candidate.is_up_to_date()) continue;
    const bool fits = wish.with_schema == !candidate.schema.empty();
    const int rank = !fits ? 0 : candidate.variables == wish.variables ? 2 : 1;
    if (rank <= best_rank) continue;
    best = i;
    best_rank = rank;
  }
  return best;
}

// For debugging: the one whose state is most unlike the session's.
std::optional<std::size_t> Pool::anothers_idle(const PoolWish& wish) const {
  for (std::size_t i = 0; i < idle_.size(); ++i) {
    const bool is_last_used = i + 1 == idle_.size() && idle_[i]->owner == wish.session;
    const bool fits = wish.with_schema || idle_[i]->schema.empty();
    if (fits && !is_last_used && idle_[i]->is_up_to_date()) return i;
  }
  return std::nullopt;
}

std::unique_ptr<Backend> Pool::pick(const PoolWish& wish) {
  const bool swaps = context_.options->pools.debug_swap;
  const TimePoint now = context_.loop.now();
  for (;;) {
    auto best = swaps ? anothers_idle(wish) : best_idle(wish);
    if (!best) return nullptr;
    auto backend = remove_idle(*best);
    if (now - backend->last_used() <= kIdle || backend->is_alive()) return backend;
    discard(std::move(backend));
  }
}

std::unique_ptr<Backend> Pool::take_again(std::uint64_t lease, bool with_schema) {
  for (std::size_t i = idle_.size(); i-- > 0;) {
    if (idle_[i]->lease != lease) continue;
    if (!with_schema && !idle_[i]->schema.empty()) return nullptr;
    auto backend = remove_idle(i);
    const bool is_fresh = context_.loop.now() - backend->last_used() <= kIdle;
    if (is_fresh || backend->is_alive()) return backend;
    discard(std::move(backend));
    return nullptr;
  }
  return nullptr;
}

io::Task<Result<Backend::Opened>> Pool::take(PoolWish wish, Deadline deadline) {
  Backend::Opened taken;
  const bool is_first = std::none_of(waiters_.begin(), waiters_.end(), [&](const Waiter* waiter) {
    return waiter->with_schema == wish.with_schema && !waiter->woken.is_set();
  });
  if (is_first) taken.backend = pick(wish);
  if (taken.backend) co_return taken;
  Waiter waiter(context_.loop, wish.with_schema);
  waiters_.push_back(&waiter);
  open_if_wanted();
  const bool was_woken = co_await waiter.woken.wait(deadline);
  std::erase(waiters_, &waiter);
  if (waiter.failed) co_return *waiter.failed;
  taken.backend = std::move(waiter.backend);
  taken.refused = std::move(waiter.refused);
  if (was_woken) co_return taken;
  if (taken.backend) give_back(std::move(taken.backend));
  co_return timeout("every connection to " + server_.name.value() + " is in use");
}

// To whoever has waited longest among those that it can serve.
bool Pool::hand_over(std::unique_ptr<Backend>& backend) {
  if (!backend->is_up_to_date()) return false;
  for (Waiter* waiter : waiters_) {
    if (waiter->woken.is_set()) continue;
    if (!waiter->with_schema && !backend->schema.empty()) continue;
    waiter->backend = std::move(backend);
    waiter->woken.set();
    return true;
  }
  return false;
}

void Pool::give_back(std::unique_ptr<Backend> backend) {
  if (backend->is_spoilt || !backend->stream().is_open()) return discard(std::move(backend));
  if (hand_over(backend)) return;
  if (waiters_.empty() && limit_->is_wanted()) return discard(std::move(backend));
  idle_.push_back(std::move(backend));
  open_if_wanted();
}

void Pool::adopt(std::unique_ptr<Backend> backend) {
  const bool is_needed = idle_.empty() || !waiters_.empty();
  if (!is_needed || !limit_->take(false)) return;
  ++open_;
  give_back(std::move(backend));
}

void Pool::discard(std::unique_ptr<Backend> backend) {
  if (backend == nullptr) return;
  backend.reset();
  --open_;
  limit_->release();
  if (!waiters_.empty()) open_if_wanted();
}

bool Pool::close_oldest() {
  if (idle_.empty()) return false;
  auto oldest = remove_idle(0);
  oldest.reset();
  --open_;
  limit_->release();
  return true;
}

// Where the limit is reached, an idle connection goes that serves none of those who wait.
bool Pool::take_room() {
  const Duration half = context_.options->pools.wait / 2;
  const bool is_urgent = !waiters_.empty() && context_.loop.now() - waiters_.front()->since > half;
  return limit_->take(is_urgent) || (close_oldest() && limit_->take(is_urgent));
}

std::uint32_t Pool::unserved() const {
  const auto count = std::count_if(waiters_.begin(), waiters_.end(), [](const Waiter* waiter) {
    return !waiter->woken.is_set();
  });
  return static_cast<std::uint32_t>(count);
}

void Pool::open_if_wanted() {
  while (opening_ < kOpenAtOnce && opening_ < unserved()) {
    ++opening_;
    context_.pools->scope().spawn(open_one());
  }
}

// Opens a connection for whoever waits then. While there is no room it tries again and again, as
// long as somebody waits.
io::Task<> Pool::open_one() {
  if (open_ > 0) {
    const Deadline patience = context_.loop.after(kGrow);
    co_await context_.loop.sleep_until(patience);
  }
  while (unserved() > 0 || is_too_small()) {
    if (!take_room()) {
      const bool goes_on = co_await wait_for_room();
      if (!goes_on) break;
      continue;
    }
    const Deadline deadline = context_.loop.after(context_.options->connect_limit);
    auto opened = co_await Backend::open(context_, server_, identity_, deadline);
    was_refused_ = opened && opened->refused;
    if (opened && opened->backend) {
      ++open_;
      --opening_;
      give_back(std::move(opened->backend));
      if (opening_ == 0 && is_too_small()) {
        ++opening_;
        continue;
      }
      co_return;
    }
    limit_->release();
    const bool is_over = co_await io::cancelled();
    if (is_over) break;
    if (opened && has_no_room(*opened->refused) && open_ > 0) {
      const Deadline again = context_.loop.after(kTryAgain);
      co_await context_.loop.sleep_until(again);
      continue;
    }
    --opening_;
    fail_waiters(opened ? opened->refused : std::nullopt,
                 opened ? unavailable("refused") : opened.error());
    co_return;
  }
  --opening_;
}

// False: cancelled.
io::Task<bool> Pool::wait_for_room() {
  limit_->begin_wait();
  context_.shared.ask_loops_for_room();
  const Deadline again = context_.loop.after(kTryAgain);
  const bool goes_on = co_await context_.loop.sleep_until(again);
  limit_->end_wait();
  co_return goes_on;
}

void Pool::fail_waiters(const std::optional<mysql::ErrPacket>& refused, const Error& error) {
  for (Waiter* waiter : waiters_) {
    if (waiter->woken.is_set()) continue;
    waiter->refused = refused;
    if (!refused) waiter->failed = error;
    waiter->woken.set();
  }
}

void Pool::tend() {
  const TimePoint now = context_.loop.now();
  for (std::size_t i = idle_.size(); i-- > 0;) {
    Backend& backend = *idle_[i];
    const bool is_old =
        now - backend.last_used() > kIdleLimit || now - backend.opened_at() > kAgeLimit;
    const bool is_needed = open_ <= minimum() && backend.is_up_to_date();
    if ((is_old && !is_needed) || !backend.is_alive()) discard(remove_idle(i));
  }
  if (opening_ == 0 && is_too_small()) {
    ++opening_;
    context_.pools->scope().spawn(open_one());
  }
}

bool Pool::is_outdated() const {
  const auto page = context_.shared.accounts.newest();
  return page && page->accounts->connection_version(identity_.user) != identity_.account_version;
}

// Of this loop: its part of what the process is to keep. A server that refuses the account is not
// asked again for the sake of that.
std::uint32_t Pool::minimum() const {
  if (was_refused_ || is_outdated()) return 0;
  const std::uint32_t expected = context_.loop.now() < expected_until_ ? expected_ : 0;
  const std::uint32_t all = context_.options->pools.minimum;
  const auto loops = static_cast<std::uint32_t>(context_.shared.loop_count());
  return std::max(expected, (all + loops - 1) / loops);
}

void Pool::expect(std::uint32_t connections) {
  expected_ = connections;
  expected_until_ = context_.loop.now() + kExpect;
  tend();
}

bool Pool::is_too_small() const { return open_ < minimum() && server_.reachable; }

void Pool::make_room_for_others() {
  if (waiters_.empty() && limit_->is_wanted()) close_idle();
}

void Pool::close_idle() {
  while (!idle_.empty()) discard(remove_idle(0));
}

void Pools::make_room_for_others() {
  for (auto& [key, pool] : pools_) pool->make_room_for_others();
}

Pools::Pools(LoopContext& context) : context_(context), scope_(context.loop) {}
Pools::~Pools() = default;

std::shared_ptr<Pool> Pools::of(Server& server, const Identity& identity, const std::string& key) {
  auto& pool = pools_[{server.index, key}];
  if (pool == nullptr) pool = std::make_shared<Pool>(context_, server, identity);
  return pool;
}

void Pools::warm(const Server& from, Server& to) {
  std::vector<std::pair<std::string, Pool*>> expected;
  for (auto& [key, pool] : pools_) {
    if (&pool->server() == &from && pool->open() > 0) expected.emplace_back(key.second, pool.get());
  }
  for (const auto& [key, pool] : expected) of(to, pool->identity(), key)->expect(pool->open());
}

io::Task<> Pools::tend_all() {
  for (bool goes_on = true; goes_on;) {
    for (auto place = pools_.begin(); place != pools_.end();) {
      const bool is_held = place->second.use_count() > 1;
      if (is_held || !place->second->is_outdated()) {
        place->second->tend();
      } else {
        place->second->close_idle();
      }
      const bool is_in_use = place->second.use_count() > 1 || !place->second->is_unused();
      place = is_in_use ? std::next(place) : pools_.erase(place);
    }
    const Deadline next = context_.loop.after(kTend);
    goes_on = co_await context_.loop.sleep_until(next);
  }
}

io::Task<> Pools::stop() {
  co_await scope_.cancel_and_join();
  pools_.clear();
}

}  // namespace dorsal::proxy
