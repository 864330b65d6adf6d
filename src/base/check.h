// Aborts on a broken invariant, in release builds too.
//
// A restart under an expired lease is a case we test; a node acting on a wrong belief is not. Use
// it for what only a defect in this program can cause, never for input or for the outside world.
#pragma once

#include <string_view>

namespace dorsal {

// Prints "file:line: check failed: expression" to standard error and aborts.
[[noreturn]] void check_failed(std::string_view expression, const char* file, int line);

}  // namespace dorsal

#define DORSAL_CHECK(expression)                               \
  do {                                                         \
    if (!(expression)) {                                       \
      ::dorsal::check_failed(#expression, __FILE__, __LINE__); \
    }                                                          \
  } while (false)
