#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace dorsal {

void check_failed(std::string_view expression, const char* file, int line) {
  std::fprintf(stderr,
               "%s:%d: check failed: %.*s\n",
               file,
               line,
               static_cast<int>(expression.size()),
               expression.data());
  std::abort();
}

}  // namespace dorsal
