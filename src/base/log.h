// The front of the log: services write one line per change of state.
//
//   log_info("agent", "role=replica->primary rule=campaign_when_free term=7");
//
// Lines go to standard error or to the file given to log_to(). Passwords and statement text never
// appear in them. Levels: error, a person must act; warn, handled but degraded; info, state
// changed; debug, one session. All functions may be called from any thread.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

namespace dorsal {

enum class LogLevel { Debug, Info, Warn, Error };

// Lines below this level are dropped. The default is Info.
void log_threshold(LogLevel level);

// Sends all further lines to this file, appending, or to standard error when the path is empty.
// False when it cannot be opened: the lines then go where they went before.
bool log_to(const std::string& path);

void log_line(LogLevel level, std::string_view component, std::string_view line);

template <class... Args>
void log_debug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::Debug, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::Info, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::Warn, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::Error, component, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace dorsal
