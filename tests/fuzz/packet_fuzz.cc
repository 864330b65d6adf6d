// Packets: assembling does not depend on where reads end, and gives back what was written.
#include "core/mysql/packet.h"
#include "fuzz_input.h"

namespace dorsal::mysql {
namespace {

using fuzz::require;

constexpr std::size_t kLimit = 1000;

// Every payload with its numbers, then what became of the input.
std::string assembled(std::string_view bytes, std::uint8_t seed) {
  PacketAssembler packets(kLimit);
  std::string out;
  for (auto piece : fuzz::cut(bytes, seed)) {
    packets.feed(piece);
    for (;;) {
      auto packet = packets.take();
      if (!packet) return out + packet.error().message;
      if (!*packet) break;
      require((*packet)->payload.size() <= kLimit);
      out += std::to_string((*packet)->first_sequence) + ":" + (*packet)->payload + ";";
    }
  }
  return out + "left " + packets.leftover();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  auto seed = input.u8();
  require(assembled(input.rest(), 0) == assembled(input.rest(), seed));

  auto payload = input.rest().substr(0, kLimit);
  std::string bytes;
  std::uint8_t sequence = seed;
  append_packet(bytes, sequence, payload);
  PacketAssembler packets(kLimit);
  packets.feed(bytes);
  auto packet = packets.take();
  require(packet && packet->has_value() && (*packet)->payload == payload);
  return 0;
}

}  // namespace dorsal::mysql
