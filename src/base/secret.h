// A password in memory that is never swapped out, never in a core dump, and zeroed after use.
//
// Copies share the bytes; the last one zeroes them. If the process may lock no more memory
// (RLIMIT_MEMLOCK), the bytes are kept unlocked rather than refused; are_locked() tells.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace dorsal {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text);

  std::string_view view() const;  // valid as long as any copy
  bool are_locked() const;

 private:
  class Page;
  std::shared_ptr<const Page> page_;
};

// Overwrites a string that held a password, so that its memory tells nothing when it is reused.
void wipe(std::string& text);

}  // namespace dorsal
