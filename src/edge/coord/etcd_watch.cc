#include "edge/coord/etcd_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dorsal::coord {
namespace {

constexpr Duration kSilence = std::chrono::seconds(1);
constexpr Duration kLookLimit = std::chrono::seconds(2);
constexpr Duration kFirstPause = std::chrono::milliseconds(20);
constexpr Duration kLongestPause = std::chrono::seconds(1);
constexpr std::size_t kLongestLine = std::size_t{4} << 20;

}  // namespace

EtcdWatch::EtcdWatch(io::Loop& loop, EtcdClient& client, EtcdRange range)
    : loop_(loop), client_(client), range_(std::move(range)), changed_(loop), scope_(loop) {}

void EtcdWatch::report(std::uint64_t changed) {
  if (changed <= newest_) return;
  newest_ = changed;
  changed_.notify_all();
}

io::Task<Result<EtcdWatch::Newest>> EtcdWatch::look(Deadline deadline) {
  auto question = etcd_newest_of(range_);
  std::string path = "kv/range";
  DORSAL_CO_TRY(auto answer,
                co_await client_.call(std::move(path),
                                      std::move(question),
                                      EtcdClient::Effect::Read,
                                      deadline));
  Newest newest;
  newest.count = answer.range.count;
  newest.revision = answer.revision;
  if (!answer.range.entries.empty()) newest.changed = answer.range.entries.front().changed;
  co_return newest;
}

io::Task<Result<std::uint64_t>> EtcdWatch::changed_since(std::uint64_t seen, Deadline deadline) {
  if (seen == 0 && newest_ == 0) {
    // Who knows nothing is not told of all that ever was, only of what is.
    DORSAL_CO_TRY(auto newest, co_await look(deadline));
    if (newest.changed > 0) co_return newest.changed;
    seen = newest.revision;
  }
  if (!std::exchange(has_begun_, true)) {
    began_ = seen;
    told_ = seen;
    scope_.spawn(watch_for_ever());
  }
  // Of what was between `seen` and the begin of the watch nothing is known.
  if (seen < began_) report(began_);
  struct Waiting {
    explicit Waiting(int& count_) : count(count_) { ++count; }
    ~Waiting() { --count; }
    int& count;
  } waiting(waiters_);
  while (newest_ <= seen) {
    if (co_await changed_.wait(deadline)) continue;
    if (co_await io::cancelled()) co_return unavailable("cancelled");
    co_return timeout("nothing changed in the store");
  }
  co_return newest_;
}

io::Task<> EtcdWatch::watch_for_ever() {
  Duration pause = kFirstPause;
  while (!co_await io::cancelled()) {
    const auto told = told_;
    auto ended = co_await watch_one_stream();
    if (co_await io::cancelled()) co_return;
    ++attempt_;
    if (!ended && std::exchange(was_heard_, false)) {
      client_.notice(fmt::format("watch=lost reason=\"{}\"", ended.error().message));
    }
    pause = told_ > told ? kFirstPause : std::min(2 * pause, kLongestPause);
    (void)co_await loop_.sleep_until(loop_.after(pause));
  }
}

// Fails in every case but one: changes were compacted away, and it begins anew.
io::Task<Result<void>> EtcdWatch::watch_one_stream() {
  std::string path = "watch";
  auto question = etcd_watch(range_, told_ + 1);
  DORSAL_CO_TRY(auto request,
                co_await client_.stream_request(std::move(path),
                                                std::move(question),
                                                attempt_,
                                                loop_.after(kLookLimit)));
  looked_.reset();
  compacted_ = 0;
  HttpStream stream(client_.transfers());
  DORSAL_CO_TRY_VOID(co_await stream.open(std::move(request), loop_.after(kLookLimit)));
  auto ended = co_await follow(stream);
  if (compacted_ == 0) co_return ended;
  auto reason = fmt::format("etcd has compacted revision {}", compacted_);
  co_return co_await begin_anew(std::move(reason));
}

io::Task<Result<void>> EtcdWatch::follow(HttpStream& stream) {
  EtcdLines lines(kLongestLine);
  bool has_answered = false;
  for (;;) {
    auto bytes = co_await stream.read(loop_.after(kSilence));
    if (!bytes && bytes.error().kind != ErrorKind::Timeout) co_return bytes.error();
    if (!bytes && !has_answered) co_return unavailable("its member does not answer");
    if (!bytes) {
      DORSAL_CO_TRY_VOID(co_await check_silence());
      continue;
    }
    has_answered = true;
    constexpr int kOk = 200;
    if (stream.status() != kOk) {
      const auto refusal = decode_etcd_refusal(*bytes);
      client_.forget_token();
      co_return unavailable(fmt::format("HTTP status {} {}", stream.status(), refusal.message));
    }
    DORSAL_CO_TRY(auto complete, lines.feed(*bytes));
    for (const auto& line : complete) {
      DORSAL_CO_TRY(auto answer, decode_etcd_watch_answer(line));
      DORSAL_CO_TRY_VOID(take(answer));
    }
  }
}

Result<void> EtcdWatch::take(const EtcdWatchAnswer& answer) {
  if (answer.cluster_id != 0 || !answer.was_cancelled) {
    DORSAL_TRY_VOID(client_.check_cluster(answer.cluster_id));
  }
  if (answer.was_cancelled) {
    compacted_ = answer.compacted;
    // It may be for want of a valid token, and says so in words alone.
    client_.forget_token();
    return unavailable(answer.reason.empty() ? "etcd ended it" : answer.reason);
  }
  was_heard_ = true;
  if (answer.was_created) return {};
  if (answer.changed > 0) {
    told_ = std::max(told_, answer.changed);
    report(answer.changed);
  } else {
    // A notice of progress: up to here there was nothing.
    told_ = std::max(told_, answer.revision);
  }
  return {};
}

// A change may be on its way while we look, so that a stream is left only when it has still not
// told of it by the next time.
io::Task<Result<void>> EtcdWatch::check_silence() {
  if (waiters_ == 0) co_return Result<void>();
  auto newest = co_await look(loop_.after(kLookLimit));
  if (!newest) co_return Result<void>();
  const bool was_silent = looked_ && told_then_ == told_;
  const bool has_missed = was_silent && looked_->changed > told_;
  const bool has_missed_removal = was_silent && looked_->count != newest->count;
  report(newest->changed);
  looked_ = *newest;
  told_then_ = told_;
  if (!has_missed && !has_missed_removal) co_return Result<void>();
  co_return unavailable("its member does not tell of changes");
}

io::Task<Result<void>> EtcdWatch::begin_anew(std::string reason) {
  DORSAL_CO_TRY(auto newest, co_await look(loop_.after(kLookLimit)));
  client_.notice(fmt::format("watch=anew reason=\"{}\" revision={}", reason, newest.revision));
  told_ = newest.revision;
  report(newest.revision);
  co_return Result<void>();
}

}  // namespace dorsal::coord
