#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

namespace dorsal {
namespace {

constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%f%z %l %v";

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warn:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

using Logger = std::shared_ptr<spdlog::logger>;

Logger make_logger(spdlog::sink_ptr sink) {
  auto logger = std::make_shared<spdlog::logger>("dorsal", std::move(sink));
  logger->set_pattern(kPattern);
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::info);
  return logger;
}

// spdlog's own default logger must not be replaced while other threads write to it, which a reload
// does.
class Front {
 public:
  Logger logger() const {
    std::lock_guard lock(mutex_);
    return logger_;
  }
  void install(Logger logger) {
    std::lock_guard lock(mutex_);
    logger_.swap(logger);
  }
  std::atomic<LogLevel> threshold{LogLevel::Info};

 private:
  mutable std::mutex mutex_;  // guards logger_
  // Standard output belongs to what a command prints; the log starts on standard error.
  Logger logger_ = make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>());
};

Front& front() {
  static Front made;
  return made;
}

}  // namespace

void log_threshold(LogLevel level) { front().threshold = level; }

bool log_to(const std::string& path) {
  try {
    if (path.empty()) {
      front().install(make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>()));
    } else {
      front().install(make_logger(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path)));
    }
    return true;
  } catch (const spdlog::spdlog_ex&) {
    return false;
  }
}

void log_line(LogLevel level, std::string_view component, std::string_view line) {
  if (level < front().threshold.load(std::memory_order_relaxed)) return;
  front().logger()->log(spdlog_level(level), "{} {}", component, line);
}

}  // namespace dorsal
