// Drives any conversation of core/mysql over a Stream.
//
//   auto need = co_await converse(stream, login, deadline);
//   if (need && *need == mysql::Need::Kind::StartTls) …start TLS, then converse() again
//
// It serves Read and Write by itself and comes back for what only the caller can do. The caller
// meets that need and calls again; a conversation that is Done is not called again.
#pragma once

#include <array>
#include <string_view>

#include "base/deadline.h"
#include "base/result.h"
#include "base/secret.h"
#include "core/mysql/conversation.h"
#include "edge/io/stream.h"
#include "edge/io/task.h"

namespace dorsal::client {

// StartTls, Ask or Done. After a failure the stream is of no use any more. Both references outlive
// the await.
template <class Conversation>
io::Task<Result<mysql::Need::Kind>> converse(io::Stream& stream,
                                             Conversation& conversation,
                                             Deadline deadline) {
  std::array<char, 16 * 1024> buffer;
  std::string_view received;
  for (;;) {
    auto need = conversation.next(received);
    wipe(buffer.data(), received.size());  // it may have been a password
    if (!need) co_return need.error();
    received = {};
    switch (need->kind) {
      case mysql::Need::Kind::Write: {
        auto written = co_await stream.write_all(need->bytes, deadline);
        wipe(need->bytes);
        if (!written) co_return written.error();
        break;
      }
      case mysql::Need::Kind::Read: {
        auto read = co_await stream.read_some(buffer.data(), buffer.size(), deadline);
        if (!read) co_return read.error();
        received = std::string_view(buffer.data(), *read);
        break;
      }
      case mysql::Need::Kind::StartTls:
      case mysql::Need::Kind::Ask:
      case mysql::Need::Kind::Done:
        co_return need->kind;
    }
  }
}

}  // namespace dorsal::client
