// What etcd's gateway, or whoever listens in its place, answers.
#include "edge/coord/base64.h"
#include "edge/coord/etcd_messages.h"
#include "fuzz_input.h"

namespace dorsal::coord {
namespace {

using fuzz::require;

constexpr std::size_t kLongestLine = 1000;

std::string lines_of(std::string_view bytes, std::uint8_t seed) {
  EtcdLines lines(kLongestLine);
  std::string out;
  for (auto piece : fuzz::cut(bytes, seed)) {
    auto complete = lines.feed(piece);
    if (!complete) return "too long";
    for (const auto& line : *complete) {
      require(line.size() <= kLongestLine);
      out += line + "\n";
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const auto seed = input.u8();
  const auto bytes = input.rest();

  if (auto answer = decode_etcd_answer(bytes)) {
    for (const auto& response : answer->responses) {
      require(response.count >= response.entries.size());
      for (const auto& entry : response.entries) require(!entry.key.empty() && entry.changed > 0);
    }
  }
  (void)decode_etcd_watch_answer(bytes);
  for (char c : decode_etcd_refusal(bytes).message) require(c >= ' ' && c < 0x7f);
  require(lines_of(bytes, 0) == lines_of(bytes, seed));

  if (auto decoded = from_base64(bytes)) require(to_base64(*decoded) == bytes);
  require(*from_base64(to_base64(bytes)) == bytes);
  return 0;
}

}  // namespace dorsal::coord
