#include "base/result.h"

#include <fmt/format.h>

namespace dorsal {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Invalid:
      return "invalid";
    case ErrorKind::NotFound:
      return "not found";
    case ErrorKind::Conflict:
      return "conflict";
    case ErrorKind::Corrupt:
      return "corrupt";
    case ErrorKind::Timeout:
      return "timeout";
    case ErrorKind::Unavailable:
      return "unavailable";
  }
  return "unknown";
}

Error Error::in(std::string_view context) const {
  return Error{kind, fmt::format("{}: {}", context, message)};
}

Error invalid(std::string message) { return Error{ErrorKind::Invalid, std::move(message)}; }
Error not_found(std::string message) { return Error{ErrorKind::NotFound, std::move(message)}; }
Error conflict(std::string message) { return Error{ErrorKind::Conflict, std::move(message)}; }
Error corrupt(std::string message) { return Error{ErrorKind::Corrupt, std::move(message)}; }
Error timeout(std::string message) { return Error{ErrorKind::Timeout, std::move(message)}; }
Error unavailable(std::string message) { return Error{ErrorKind::Unavailable, std::move(message)}; }

}  // namespace dorsal
