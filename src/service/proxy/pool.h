// The connections to one server that one loop's sessions of one user share.
//
// A session takes a connection for a statement, or for as long as something ties it to one, and
// gives it back. It gets the one that it used last, with its state still on it, whenever that is
// free; else one that somebody else used; else it waits, while at most a few new ones are opened.
// So a pool grows with the work and not with the number of clients, and what is not needed for a
// while is closed again.
//
// How many there may be is counted over all loops, for each server and user.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/io/event.h"
#include "edge/io/scope.h"
#include "edge/io/task.h"
#include "service/proxy/backend.h"

namespace dorsal::proxy {

struct LoopContext;
class Pool;

// The connections of one user to one server, over all loops. Thread-safe.
class PoolLimit {
 public:
  // A maximum of 0 is none.
  PoolLimit(std::uint32_t maximum, std::uint32_t reserve) : maximum_(maximum), reserve_(reserve) {}

  // Connections beyond a lower limit stay open; only new ones are bound by it.
  void change(std::uint32_t maximum, std::uint32_t reserve);

  // True: there is room for one more, which is then taken.
  bool take(bool may_use_reserve);
  void release() { open_.fetch_sub(1, std::memory_order_relaxed); }

  // While some loop waits for room, the others close what they do not use.
  void begin_wait() { waiting_.fetch_add(1, std::memory_order_relaxed); }
  void end_wait() { waiting_.fetch_sub(1, std::memory_order_relaxed); }
  bool is_wanted() const { return waiting_.load(std::memory_order_relaxed) > 0; }

 private:
  std::atomic<std::uint32_t> maximum_;
  std::atomic<std::uint32_t> reserve_;
  std::atomic<std::uint32_t> open_{0};
  std::atomic<int> waiting_{0};
};

// The limits of a process. Thread-safe.
class PoolLimits {
 public:
  PoolLimits(std::uint32_t maximum, std::uint32_t reserve) : maximum_(maximum), reserve_(reserve) {}
  std::shared_ptr<PoolLimit> of(const Server& server, const std::string& user);
  void change(std::uint32_t maximum, std::uint32_t reserve);
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::uint32_t maximum_;
  std::uint32_t reserve_;
  // Users come and go for as long as a process lives; those without a pool are left out now and
  // then.
  std::map<std::pair<std::size_t, std::string>, std::weak_ptr<PoolLimit>> limits_;
  std::size_t tidy_at_ = kTidyAt;
  static constexpr std::size_t kTidyAt = 64;
};

// What a session asks of the connection that it gets.
struct PoolWish {
  std::uint32_t session = 0;  // its number
  std::uint64_t lease = 0;    // of the connection that it would like to have again; 0: none
  bool with_schema = false;   // it has selected a schema
  sql::SessionVariables variables;
};

class Pool {
 public:
  // The context and the server outlive the pool.
  Pool(LoopContext& context, Server& server, Identity identity);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Refused: the server does not let this user in. Timeout: all were in use until the deadline.
  // Other errors: the server cannot be reached.
  io::Task<Result<Backend::Opened>> take(PoolWish wish, Deadline deadline);

  // The connection with that lease, if nobody has used it since; null otherwise. Without a schema
  // selected, one that has a schema is of no use: no command takes it away again.
  std::unique_ptr<Backend> take_again(std::uint64_t lease, bool with_schema = true);

  // Nothing is in flight on it.
  void give_back(std::unique_ptr<Backend> backend);

  // One that was opened elsewhere, for verifying a password. Closed unless it is of use.
  void adopt(std::unique_ptr<Backend> backend);

  // Instead, when it is of no more use.
  void discard(std::unique_ptr<Backend> backend);

  // Closes what has not been used for long and what the server closed, and opens what is to stay
  // open. Called now and then.
  void tend();

  // So many connections are about to be needed: opens and keeps them, for a while.
  void expect(std::uint32_t connections);

  // What is idle serves nobody any more.
  void close_idle();

  // The user's accounts have changed since: who logs in now gets another pool. Who is in keeps this
  // one, as at a server, where rights count from the log-in on.
  bool is_outdated() const;

  // Closes what is idle, if another loop waits for room under the same limit.
  void make_room_for_others();

  Server& server() { return server_; }
  const Identity& identity() const { return identity_; }
  std::size_t idle() const { return idle_.size(); }
  std::uint32_t open() const { return open_; }
  bool is_unused() const { return open_ == 0 && opening_ == 0 && waiters_.empty(); }

 private:
  struct Waiter {
    Waiter(io::Loop& loop, bool with_schema_)
        : with_schema(with_schema_), since(loop.now()), woken(loop) {}
    const bool with_schema;
    TimePoint since;
    io::Event woken;
    std::unique_ptr<Backend> backend;
    std::optional<mysql::ErrPacket> refused;
    std::optional<Error> failed;
  };

  std::unique_ptr<Backend> pick(const PoolWish& wish);
  std::optional<std::size_t> best_idle(const PoolWish& wish) const;
  std::optional<std::size_t> anothers_idle(const PoolWish& wish) const;
  std::unique_ptr<Backend> remove_idle(std::size_t index);
  bool hand_over(std::unique_ptr<Backend>& backend);
  std::uint32_t unserved() const;  // waiters that have nothing yet
  void open_if_wanted();
  std::uint32_t minimum() const;
  bool is_too_small() const;
  bool take_room();
  bool close_oldest();
  io::Task<> open_one();
  io::Task<bool> wait_for_room();
  void fail_waiters(const std::optional<mysql::ErrPacket>& refused, const Error& error);

  LoopContext& context_;
  Server& server_;
  const Identity identity_;
  const std::shared_ptr<PoolLimit> limit_;
  std::vector<std::unique_ptr<Backend>> idle_;  // the one used last stands last
  std::deque<Waiter*> waiters_;
  std::uint32_t opening_ = 0;
  bool was_refused_ = false;    // the last one that was to be opened
  std::uint32_t open_ = 0;      // idle and lent
  std::uint32_t expected_ = 0;  // see expect()
  TimePoint expected_until_;
};

// A connection that is lent. Whoever lets it go without giving it back has closed it.
class Borrowed {
 public:
  Borrowed() = default;
  Borrowed(std::shared_ptr<Pool> pool, std::unique_ptr<Backend> backend)
      : pool_(std::move(pool)), backend_(std::move(backend)) {}
  ~Borrowed() { reset(); }
  Borrowed(Borrowed&& other) noexcept = default;
  Borrowed& operator=(Borrowed&& other) noexcept {
    reset();
    pool_ = std::move(other.pool_);
    backend_ = std::move(other.backend_);
    return *this;
  }

  Backend* get() const { return backend_.get(); }
  Backend* operator->() const { return backend_.get(); }
  Backend& operator*() const { return *backend_; }
  explicit operator bool() const { return backend_ != nullptr; }

  void reset() {
    if (backend_) pool_->discard(std::move(backend_));
    pool_.reset();
  }
  void give_back() {
    if (backend_) pool_->give_back(std::move(backend_));
    pool_.reset();
  }

 private:
  std::shared_ptr<Pool> pool_;
  std::unique_ptr<Backend> backend_;
};

// The pools of one loop.
class Pools {
 public:
  explicit Pools(LoopContext& context);
  ~Pools();

  // The pool stays as long as somebody holds it or it has connections.
  std::shared_ptr<Pool> of(Server& server, const Identity& identity, const std::string& key);

  // Tasks of the pools run here.
  io::Scope& scope() { return scope_; }
  std::uint64_t next_lease() { return ++lease_; }

  // What is used of one server is about to be needed of the other.
  void warm(const Server& from, Server& to);

  // Closes what is idle and wanted by another loop.
  void make_room_for_others();

  // Tends all pools until it is cancelled.
  io::Task<> tend_all();

  // Ends the pools' tasks and closes their connections. On the loop, before the end.
  io::Task<> stop();

 private:
  LoopContext& context_;
  io::Scope scope_;
  std::map<std::pair<std::size_t, std::string>, std::shared_ptr<Pool>> pools_;
  std::uint64_t lease_ = 0;
};

}  // namespace dorsal::proxy
