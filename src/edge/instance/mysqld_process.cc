#include "edge/instance/mysqld_process.h"

#include <fmt/core.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "base/check.h"
#include "edge/instance/error_log.h"

namespace dorsal::instance {

namespace {

constexpr auto kPollEvery = std::chrono::milliseconds(10);

// glibc gives each thread an arena of its own to grow in; with hundreds of connections that costs
// more memory than the contention it saves.
constexpr const char* kFewArenas = "MALLOC_ARENA_MAX=4";

// A buffer for one large packet or row goes back to the system when it is freed. Else the allocator
// keeps hundreds of megabytes after a few of them: tcmalloc, which Debian links mysqld with, and
// glibc's, whose limit rises with the first large buffer that it sees.
constexpr const char* kGiveBackTcmalloc = "TCMALLOC_AGGRESSIVE_DECOMMIT=true";
constexpr const char* kGiveBackGlibc = "MALLOC_MMAP_THRESHOLD_=1048576";

}  // namespace

MysqldProcess::~MysqldProcess() {
  if (runs()) (void)child_->kill(SIGKILL);
}

Result<void> MysqldProcess::start(const std::string& defaults_file) {
  DORSAL_CHECK(!runs());
  log_begins_ = file_size(error_log_);
  io::SpawnOptions options;
  options.program = mysqld_;
  options.arguments = {"--defaults-file=" + defaults_file};
  options.environment = {fmt::format("MYSQLD_PARENT_PID={}", ::getpid()),
                         kFewArenas,
                         kGiveBackTcmalloc,
                         kGiveBackGlibc};
  options.output_file = output_file_;
  options.die_with_parent = true;
  DORSAL_TRY(io::ChildProcess child, io::ChildProcess::spawn(loop_, std::move(options)));
  child_ = std::make_shared<io::ChildProcess>(std::move(child));
  has_ended_ = false;
  wants_restart_ = false;
  return {};
}

bool MysqldProcess::runs() {
  if (!child_ || has_ended_) return false;
  const auto status = child_->poll();
  if (!status) return true;
  note_end(*status);
  return false;
}

std::optional<std::int64_t> MysqldProcess::pid() {
  if (!runs()) return std::nullopt;
  return child_->pid();
}

void MysqldProcess::note_end(const io::ExitStatus& status) {
  has_ended_ = true;
  wants_restart_ = status.signal == 0 && status.code == kRestartStatus;
  if (wants_restart_) {
    last_words_ = "mysqld restarts itself";
    return;
  }
  const LastWords words = last_words_in_file(error_log_, log_begins_);
  const bool has_crashed = words.signal != 0 && !status.ok();
  last_words_ = "mysqld " + io::to_string(has_crashed ? io::ExitStatus{0, words.signal} : status);
  if (!words.error.empty()) last_words_ += ": " + words.error;
}

io::Task<> MysqldProcess::exited(Deadline deadline) {
  if (!runs()) co_return;
  // The next one may be started before this task has heard of the end.
  const std::shared_ptr<io::ChildProcess> child = child_;
  (void)co_await child->wait(deadline);
}

// By polling: another task may be waiting in exited().
io::Task<> MysqldProcess::wait_until_gone(Deadline deadline) {
  while (runs() && !deadline.has_passed(loop_.now())) {
    const Deadline next = loop_.after(kPollEvery);
    const bool goes_on = co_await loop_.sleep_until(next);
    if (!goes_on) break;
  }
}

io::Task<> MysqldProcess::stop(Deadline deadline) {
  if (!runs()) co_return;
  (void)child_->kill(SIGTERM);
  co_await wait_until_gone(deadline);
  co_await kill();
}

io::Task<> MysqldProcess::kill() {
  if (!runs()) co_return;
  (void)child_->kill(SIGKILL);
  // A killed process may take a while to give its memory back, but never for ever.
  co_await wait_until_gone(Deadline::never());
}

}  // namespace dorsal::instance
