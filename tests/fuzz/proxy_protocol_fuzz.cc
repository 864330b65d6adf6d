// The PROXY protocol: however the bytes are cut, the same header is read, and nothing behind it.
#include <algorithm>
#include <optional>

#include "core/admission/proxy_protocol.h"
#include "fuzz_input.h"

namespace dorsal::admission {

using fuzz::require;

struct Outcome {
  std::optional<ProxySource> source;  // of a header that is whole
  bool is_refused = false;
  std::size_t used = 0;
};

// Feeds at most so many bytes at a time, as few as one.
Outcome read(std::string_view bytes, std::size_t piece) {
  ProxyHeaderReader reader;
  Outcome outcome;
  while (reader.wanted() > 0) {
    auto next = bytes.substr(outcome.used, std::min(piece, reader.wanted()));
    if (next.empty()) return outcome;
    outcome.used += next.size();
    if (!reader.feed(next)) {
      outcome.is_refused = true;
      return outcome;
    }
  }
  outcome.source = reader.source();
  return outcome;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t piece = 1 + input.u8() % 16;
  const auto bytes = input.rest();
  const auto at_once = read(bytes, bytes.size());
  const auto in_pieces = read(bytes, piece);
  require(at_once.source == in_pieces.source);
  require(at_once.is_refused == in_pieces.is_refused);
  if (!at_once.source) return 0;
  require(at_once.used == in_pieces.used);
  // What is behind it plays no part.
  require(read(bytes.substr(0, at_once.used), piece).source == at_once.source);
  const ProxySource destination = {IpAddress::v4(1), 2};
  const auto again = encode_proxy_v2(*at_once.source, destination);
  const auto reread = read(again, piece);
  require(reread.source && reread.source->address == at_once.source->address);
  return 0;
}

}  // namespace dorsal::admission
