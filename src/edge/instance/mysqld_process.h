// A mysqld as our direct child.
//
// At the end of a clone mysqld restarts itself by exiting with status 16, provided that its parent
// is the process named in MYSQLD_PARENT_PID (sql/restart_cmd of the server, is_mysqld_managed()).
// It dies with us: a writable server that nobody watches must not exist.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/io/loop.h"
#include "edge/io/process.h"
#include "edge/io/task.h"

namespace dorsal::instance {

inline constexpr int kRestartStatus = 16;

class MysqldProcess {
 public:
  // The loop outlives this object.
  MysqldProcess(io::Loop& loop, std::string mysqld, std::string error_log, std::string output_file)
      : loop_(loop),
        mysqld_(std::move(mysqld)),
        error_log_(std::move(error_log)),
        output_file_(std::move(output_file)) {}
  ~MysqldProcess();  // kills it if it still runs

  // REQUIRES: it does not run.
  Result<void> start(const std::string& defaults_file);

  bool runs();
  std::optional<std::int64_t> pid();  // empty when it does not run

  // Of the newest process that ended: why, in words, and whether it asked to be started again.
  const std::string& last_words() const { return last_words_; }
  bool wants_restart() const { return wants_restart_; }

  // Only one task at a time.
  io::Task<> exited(Deadline deadline);

  io::Task<> stop(Deadline deadline);  // SIGTERM, and SIGKILL at the deadline
  io::Task<> kill();

 private:
  void note_end(const io::ExitStatus& status);
  io::Task<> wait_until_gone(Deadline deadline);

  io::Loop& loop_;
  std::string mysqld_;
  std::string error_log_;
  std::string output_file_;
  std::shared_ptr<io::ChildProcess> child_;
  bool has_ended_ = false;
  std::int64_t log_begins_ = 0;  // where this life's lines begin in the error log
  std::string last_words_;
  bool wants_restart_ = false;
};

}  // namespace dorsal::instance
