#include "edge/client/binlog_dump.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/mysql/packet.h"
#include "core/mysql/reply.h"

namespace dorsal::client {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{64} * 1024;

// An ERR is kept whole; it is never longer.
constexpr std::size_t kLongestErr = 1024;

// The server sends each event with a checksum unless it is told that this side knows of them. An
// identity of its own keeps it from taking this for a replica that has come back, which would end
// the other's dump.
constexpr const char* kIntroduction =
    "SET @source_binlog_checksum = @@GLOBAL.binlog_checksum, @replica_uuid = UUID()";

// Cuts packets into what is kept of them.
class Heads {
 public:
  Heads(std::uint32_t capabilities,
        std::size_t enough,
        const std::function<void(std::string_view)>& see)
      : capabilities_(capabilities), enough_(enough), see_(see) {}

  // True: the dump is over.
  Result<bool> feed(std::string_view bytes) {
    while (!bytes.empty()) {
      if (left_ == 0 && header_.size() < mysql::kHeaderSize) {
        const std::size_t part = std::min(mysql::kHeaderSize - header_.size(), bytes.size());
        header_.append(bytes.substr(0, part));
        bytes.remove_prefix(part);
        if (header_.size() < mysql::kHeaderSize) return false;
        left_ = mysql::read_header(header_.data()).length;
        has_more_ = left_ == mysql::kMaxPayload;
      }
      const std::size_t part = std::min<std::size_t>(left_, bytes.size());
      const std::size_t room = std::max(enough_ + 1, kLongestErr) - head_.size();
      head_.append(bytes.substr(0, std::min(part, room)));
      bytes.remove_prefix(part);
      left_ -= static_cast<std::uint32_t>(part);
      if (left_ > 0) return false;
      header_.clear();
      if (has_more_) continue;
      DORSAL_TRY(const bool is_over, end_packet());
      if (is_over) return true;
    }
    return false;
  }

 private:
  Result<bool> end_packet() {
    const std::string head = std::exchange(head_, {});
    if (head.empty()) return corrupt("an empty packet in a dump of the binary log");
    const auto marker = static_cast<std::uint8_t>(head[0]);
    if (marker == mysql::kEofMarker) return true;
    if (marker == mysql::kErrMarker) {
      DORSAL_TRY(auto err, mysql::decode_err(head, capabilities_));
      return invalid("the server does not dump its binary log: " + err.message);
    }
    if (marker != mysql::kOkMarker) return corrupt("a dump of the binary log has no marker");
    see_(std::string_view(head).substr(1, enough_));
    return false;
  }

  const std::uint32_t capabilities_;
  const std::size_t enough_;
  const std::function<void(std::string_view)>& see_;
  std::string header_;
  std::string head_;
  std::uint32_t left_ = 0;
  bool has_more_ = false;  // another packet belongs to the same event
};

}  // namespace

io::Task<Result<void>> dump_binlog(Connection& connection,
                                   std::string command,
                                   std::size_t enough,
                                   std::function<void(std::string_view)> see,
                                   Deadline deadline) {
  auto introduced = co_await connection.execute(kIntroduction, deadline);
  if (!introduced) co_return introduced.error();
  std::string bytes;
  mysql::append_command(bytes, command);
  DORSAL_CO_TRY_VOID(co_await connection.stream().write_all(bytes, deadline));
  Heads heads(connection.capabilities(), enough, see);
  std::vector<char> buffer(kBufferBytes);
  for (;;) {
    DORSAL_CO_TRY(const std::size_t size,
                  co_await connection.stream().read_some(buffer.data(), buffer.size(), deadline));
    DORSAL_CO_TRY(const bool is_over, heads.feed(std::string_view(buffer.data(), size)));
    if (is_over) co_return Result<void>();
  }
}

}  // namespace dorsal::client
