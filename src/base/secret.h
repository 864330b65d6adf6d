// A password in memory that is never swapped out, never in a core dump, and zeroed after use.
//
// Copies share the bytes; the last one zeroes them. If the process may lock no more memory
// (RLIMIT_MEMLOCK), the bytes are kept unlocked rather than refused; are_locked() tells.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace dorsal {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text);

  std::string_view view() const;  // valid as long as any copy
  bool empty() const { return view().empty(); }
  bool are_locked() const;

 private:
  class Page;
  std::shared_ptr<const Page> page_;
};

// Overwrites a string that held a password, so that its memory tells nothing when it is reused.
void wipe(std::string& text);
void wipe(char* bytes, std::size_t size);

// A text that is made of a password on the way, and zeroed at its end. Give it all the room that it
// needs when it is made: a string that grows leaves a copy behind.
class Scratch {
 public:
  explicit Scratch(std::size_t room) { text.reserve(room); }
  explicit Scratch(std::string made) : text(std::move(made)) { wipe(made); }
  ~Scratch() { wipe(text); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string text;
};

}  // namespace dorsal
