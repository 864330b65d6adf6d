// Takes some transactions out of a binlog or relay log, as a binlog file of its own.
//
//   file    = 0xfe 'b' 'i' 'n' event*
//   event   = timestamp<4> type<1> server_id<4> length<4> next_position<4> flags<2> body
//   GTID    = event of type 33: flags<1> uuid<16> number<8>, at the head of its transaction
//
// Events are copied as they are, so their checksums hold; what they say of positions is of the file
// that they came from, which mysqlbinlog and the server do not mind. A transaction whose GTID has a
// tag (type 42) cannot be told and is taken along: one too many is better than one too few.
//
// Source: MySQL Internals, "Replication Protocol"; libs/mysql/binlog/event of the server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/mysql/gtid_set.h"

namespace dorsal::mysql {

class BinlogFilter {
 public:
  explicit BinlogFilter(GtidSet wanted) : wanted_(std::move(wanted)) {}

  // Takes the next bytes of the file, however it was cut, and appends to `out` what is to be kept.
  // Corrupt when it is no binlog; nothing may follow then. Memory stays below a hundred bytes.
  Result<void> feed(std::string_view bytes, std::string& out);

  // Of those that were asked for, so far. Of a file without any only its head is kept.
  const GtidSet& found() const { return found_; }

 private:
  Result<void> begin_event(std::string& out);
  bool is_kept(std::uint8_t type);

  GtidSet wanted_;
  std::string head_;         // of the file, or of the event that begins
  std::size_t needed_ = 4;   // so many bytes of it
  std::uint64_t body_ = 0;   // bytes of the present event that are to come
  bool is_in_file_ = false;  // the file's own four bytes are read
  bool keeps_event_ = false;
  bool keeps_transaction_ = false;
  GtidSet found_;
};

}  // namespace dorsal::mysql
