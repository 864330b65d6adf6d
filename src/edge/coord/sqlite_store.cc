#include "edge/coord/sqlite_store.h"

#include <algorithm>
#include <utility>

namespace dorsal::coord {
namespace {

constexpr Duration kPoll = std::chrono::milliseconds(20);

// Another process holds the write lock for one commit at a time; longer means that it hangs.
constexpr Duration kLongestWait = std::chrono::seconds(5);

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(io::Loop& loop, const std::string& path) {
  DORSAL_TRY(auto file, SqliteFile::open(path));
  return std::unique_ptr<SqliteStore>(new SqliteStore(loop, std::move(file)));
}

Duration SqliteStore::limit(Deadline deadline) const {
  return std::min(deadline.left(loop_.now()), kLongestWait);
}

// Each function names its call before it awaits it: g++ 12 destroys a capturing lambda too early
// when it stands inside the co_await expression.

io::Task<Result<std::optional<Entry>>> SqliteStore::get(std::string key, Deadline deadline) {
  auto call = [this, &key, wait = limit(deadline)] { return file_->get(key, wait); };
  co_return co_await io::on_worker(worker_, std::move(call));
}

io::Task<Result<std::vector<Entry>>> SqliteStore::list(std::string prefix, Deadline deadline) {
  auto call = [this, &prefix, wait = limit(deadline)] { return file_->list(prefix, wait); };
  co_return co_await io::on_worker(worker_, std::move(call));
}

io::Task<Result<Revision>> SqliteStore::put(std::string key,
                                            std::string value,
                                            Revision expected,
                                            Deadline deadline) {
  auto call = [this, &key, &value, expected, wait = limit(deadline)] {
    return file_->put(key, value, expected, wait);
  };
  co_return co_await io::on_worker(worker_, std::move(call));
}

io::Task<Result<void>> SqliteStore::erase(std::string key, Revision expected, Deadline deadline) {
  auto call = [this, &key, expected, wait = limit(deadline)] {
    return file_->erase(key, expected, wait);
  };
  co_return co_await io::on_worker(worker_, std::move(call));
}

io::Task<Result<Revision>> SqliteStore::changed_since(Revision seen, Deadline deadline) {
  for (;;) {
    auto call = [this, wait = limit(deadline)] { return file_->newest(wait); };
    DORSAL_CO_TRY(auto newest, co_await io::on_worker(worker_, std::move(call)));
    if (newest > seen) co_return newest;
    if (deadline.has_passed(loop_.now())) co_return timeout("nothing changed in the store");
    auto next_look = loop_.after(kPoll).earlier_of(deadline);
    if (!co_await loop_.sleep_until(next_look)) co_return unavailable("cancelled");
  }
}

}  // namespace dorsal::coord
