#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

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

void install(std::shared_ptr<spdlog::logger> logger) {
  logger->set_pattern(kPattern);
  logger->set_level(spdlog::default_logger()->level());
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

// Standard output belongs to what a command prints; the log starts on standard error.
const bool kStartsOnStderr = [] {
  install(std::make_shared<spdlog::logger>("dorsal",
                                           std::make_shared<spdlog::sinks::stderr_sink_mt>()));
  return true;
}();

}  // namespace

void log_threshold(LogLevel level) { spdlog::set_level(spdlog_level(level)); }

bool log_to(const std::string& path) {
  try {
    install(std::make_shared<spdlog::logger>(
        "dorsal",
        std::make_shared<spdlog::sinks::basic_file_sink_mt>(path)));
    return true;
  } catch (const spdlog::spdlog_ex&) {
    return false;
  }
}

void log_line(LogLevel level, std::string_view component, std::string_view line) {
  (void)kStartsOnStderr;
  spdlog::log(spdlog_level(level), "{} {}", component, line);
}

}  // namespace dorsal
