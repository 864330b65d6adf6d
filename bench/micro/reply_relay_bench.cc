// What it costs to pass a reply on: the packet pump between server and client.
#include <benchmark/benchmark.h>

#include <string>

#include "core/mysql/column.h"
#include "core/mysql/packet.h"
#include "core/mysql/protocol.h"
#include "core/mysql/reply.h"
#include "core/mysql/reply_relay.h"
#include "core/mysql/row.h"

namespace {

namespace mysql = dorsal::mysql;
namespace capability = dorsal::mysql::capability;

constexpr std::uint32_t kServer =
    capability::kProtocol41 | capability::kDeprecateEof | capability::kSessionTrack;

// A result of one column and so many rows of so many bytes.
std::string make_reply(std::int64_t rows, std::int64_t width) {
  std::string bytes;
  std::uint8_t sequence = 1;
  mysql::append_packet(bytes, sequence, std::string(1, '\1'));
  mysql::Column column;
  column.name = "c";
  mysql::append_packet(bytes, sequence, mysql::encode(column));
  const std::string row =
      mysql::encode_text_row({std::string(static_cast<std::size_t>(width), 'x')});
  for (std::int64_t i = 0; i < rows; ++i) mysql::append_packet(bytes, sequence, row);
  mysql::append_packet(bytes, sequence, mysql::encode_ok(mysql::OkPacket(), kServer, true));
  return bytes;
}

void relay(benchmark::State& state, std::uint32_t client) {
  const std::string reply = make_reply(state.range(0), state.range(1));
  const mysql::ClientTracking tracking;
  mysql::ReplyRelay relay(kServer, client, tracking);
  std::string out;
  for (auto _ : state) {
    out.clear();
    relay.begin(mysql::ReplyShape::Results);
    if (!relay.feed(reply, out) || relay.consumed() != reply.size()) {
      state.SkipWithError("the reply was refused");
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * reply.size()));
}

BENCHMARK_CAPTURE(relay, modern_client, kServer)
    ->Args({1, 120})
    ->Args({1000, 120})
    ->Args({100, 16384});
BENCHMARK_CAPTURE(relay, client_with_eof, capability::kProtocol41)
    ->Args({1, 120})
    ->Args({1000, 120});

}  // namespace
