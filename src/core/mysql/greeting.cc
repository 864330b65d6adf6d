#include "core/mysql/greeting.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace dorsal::mysql {
namespace {

constexpr std::uint8_t kProtocolVersion = 10;
constexpr std::size_t kNonceHead = 8;  // for the sake of clients older than 4.1
constexpr std::size_t kReserved = 10;

}  // namespace

Result<Greeting> decode_greeting(std::string_view payload) {
  Reader reader(payload);
  Greeting greeting;
  greeting.protocol_version = reader.u8();
  if (greeting.protocol_version != kProtocolVersion) {
    return corrupt(fmt::format("the server speaks protocol {}, not 10", greeting.protocol_version));
  }
  greeting.server_version = reader.zero_terminated();
  greeting.connection_id = reader.u32();
  greeting.nonce = reader.take(kNonceHead);
  reader.skip(1);
  greeting.capabilities = reader.u16();
  greeting.collation = reader.u8();
  greeting.status = reader.u16();
  greeting.capabilities |= static_cast<std::uint32_t>(reader.u16()) << 16;
  reader.skip(1);  // the size of the nonce: 20 bytes and a zero, or 0 without PLUGIN_AUTH
  reader.skip(kReserved);
  greeting.nonce += reader.take(kNonceSize - kNonceHead);
  reader.skip(1);
  if (reader.ok() && (greeting.capabilities & capability::kPluginAuth) != 0) {
    greeting.auth_plugin = reader.zero_terminated();
  }
  if (!reader.ok()) return corrupt("the server's greeting is cut short");
  return greeting;
}

std::string encode(const Greeting& greeting) {
  DORSAL_CHECK(greeting.nonce.size() == kNonceSize);
  bool names_plugin = (greeting.capabilities & capability::kPluginAuth) != 0;
  std::string_view nonce = greeting.nonce;
  std::string out;
  Writer writer(out);
  writer.u8(greeting.protocol_version);
  writer.zero_terminated(greeting.server_version);
  writer.u32(greeting.connection_id);
  writer.put(nonce.substr(0, kNonceHead));
  writer.u8(0);
  writer.u16(static_cast<std::uint16_t>(greeting.capabilities));
  writer.u8(greeting.collation);
  writer.u16(greeting.status);
  writer.u16(static_cast<std::uint16_t>(greeting.capabilities >> 16));
  writer.u8(names_plugin ? std::uint8_t{kNonceSize + 1} : std::uint8_t{0});
  writer.zeros(kReserved);
  writer.zero_terminated(nonce.substr(kNonceHead));
  if (names_plugin) writer.zero_terminated(greeting.auth_plugin);
  return out;
}

}  // namespace dorsal::mysql
