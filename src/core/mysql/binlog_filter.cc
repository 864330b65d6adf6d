#include "core/mysql/binlog_filter.h"

#include <algorithm>
#include <utility>

namespace dorsal::mysql {
namespace {

constexpr std::string_view kMagic(
    "\xfe"
    "bin",
    4);
constexpr std::size_t kEventHead = 19;
constexpr std::size_t kGtidHead = kEventHead + 1 + 16 + 8;
constexpr std::size_t kType = 4;
constexpr std::size_t kLength = 9;
constexpr std::size_t kUuid = kEventHead + 1;
constexpr std::size_t kNumber = kUuid + 16;

// Log_event_type of the server.
constexpr std::uint8_t kStop = 3;
constexpr std::uint8_t kRotate = 4;
constexpr std::uint8_t kFormatDescription = 15;
constexpr std::uint8_t kHeartbeat = 27;
constexpr std::uint8_t kGtid = 33;
constexpr std::uint8_t kPreviousGtids = 35;
constexpr std::uint8_t kHeartbeatV2 = 41;
constexpr std::uint8_t kTaggedGtid = 42;

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t number = 0;
  for (std::size_t i = width; i > 0; --i) {
    number = number << 8 | static_cast<std::uint8_t>(bytes[at + i - 1]);
  }
  return number;
}

// Of the file, not of a transaction.
bool is_of_file(std::uint8_t type) {
  return type == kStop || type == kRotate || type == kHeartbeat || type == kPreviousGtids ||
         type == kHeartbeatV2;
}

}  // namespace

Result<void> BinlogFilter::feed(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    if (body_ > 0) {
      const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(body_, bytes.size()));
      if (keeps_event_) out.append(bytes.substr(0, length));
      bytes.remove_prefix(length);
      body_ -= length;
      continue;
    }
    const std::size_t length = std::min(needed_ - head_.size(), bytes.size());
    head_.append(bytes.substr(0, length));
    bytes.remove_prefix(length);
    if (head_.size() == needed_) DORSAL_TRY_VOID(begin_event(out));
  }
  return {};
}

// With the head of the file, of an event, or of a GTID read, each of which tells how much follows.
Result<void> BinlogFilter::begin_event(std::string& out) {
  if (!is_in_file_) {
    if (head_ != kMagic) return corrupt("it is no binlog");
    is_in_file_ = true;
    out.append(std::exchange(head_, {}));
    needed_ = kEventHead;
    return {};
  }
  const auto type = static_cast<std::uint8_t>(head_[kType]);
  const std::uint64_t length = number_at(head_, kLength, 4);
  if (length < head_.size()) return corrupt("an event of the binlog is shorter than its own head");
  if (type == kGtid && head_.size() < kGtidHead) {
    if (length < kGtidHead) return corrupt("a GTID of the binlog is too short");
    needed_ = kGtidHead;
    return {};
  }
  keeps_event_ = is_kept(type);
  body_ = length - head_.size();
  if (keeps_event_) out.append(head_);
  head_.clear();
  needed_ = kEventHead;
  return {};
}

bool BinlogFilter::is_kept(std::uint8_t type) {
  if (type == kFormatDescription) return true;
  if (is_of_file(type)) return false;
  if (type == kTaggedGtid) keeps_transaction_ = true;
  if (type == kGtid) {
    Uuid uuid;
    std::copy_n(head_.begin() + kUuid, uuid.bytes.size(), uuid.bytes.begin());
    const std::uint64_t number = number_at(head_, kNumber, 8);
    keeps_transaction_ = wanted_.contains(uuid, "", number);
    if (keeps_transaction_) found_.add(uuid, "", number, number);
  }
  return keeps_transaction_;
}

}  // namespace dorsal::mysql
