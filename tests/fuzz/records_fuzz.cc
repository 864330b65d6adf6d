// What stands in the coordination store about the cluster: whatever is read comes back when it is
// written and read again.
#include "edge/coord/records.h"
#include "fuzz_input.h"

namespace dorsal::coord {
namespace {

using fuzz::require;

template <typename Record>
void check(const Result<Record>& read, Result<Record> (*decode)(const std::string&)) {
  if (!read) return;
  const std::string written = encode(*read);
  const auto again = decode(written);
  require(again && encode(*again) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string json(input.rest());
  check(decode_charter(json), decode_charter);
  check(decode_member(json), decode_member);
  check(decode_leadership(json), decode_leadership);
  check(decode_state(json), decode_state);
  check(decode_promise(json), decode_promise);
  check(decode_pause(json), decode_pause);
  return 0;
}

}  // namespace dorsal::coord
