// The packets that end a reply: OK, ERR and EOF, and the session changes that an OK carries.
//
//   OK   00 (or fe at the end of a result set)  affected rows  insert id  status:2  warnings:2
//        [info  [changes]]            lenenc numbers and strings
//   ERR  ff  code:2  ['#' sqlstate:5]  message
//   EOF  fe  warnings:2  status:2
//
// Info and changes are missing when both are empty. Changes are there only with SESSION_TRACK and
// status bit SESSION_STATE_CHANGED. The manual calls info the rest of the packet for clients
// without SESSION_TRACK; the server sends it length-encoded to them too, and so do we.
//
//   changes = (type:1  data as lenenc string)*
//     type  data
//     00    lenenc name, lenenc value of a system variable
//     01    lenenc name of the schema
//     02    the bare byte '1': some session state changed
//     03    encoding:1 (00), lenenc GTID set
//     04    lenenc SQL that would start the transaction again
//     05    lenenc state of the transaction, eight characters
//
// Source: MySQL Server documentation, "OK_Packet", "ERR_Packet", "EOF_Packet", and
// net_send_ok() in sql/protocol_classic.cc of the server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/mysql/protocol.h"

namespace dorsal::mysql {

namespace change_type {
inline constexpr std::uint8_t kVariable = 0x00;
inline constexpr std::uint8_t kSchema = 0x01;
inline constexpr std::uint8_t kState = 0x02;
inline constexpr std::uint8_t kGtids = 0x03;
inline constexpr std::uint8_t kCharacteristics = 0x04;
inline constexpr std::uint8_t kTransactionState = 0x05;
}  // namespace change_type

// ---- views, which allocate nothing: for every reply that passes through ----

struct OkView {
  std::uint64_t affected_rows = 0;
  std::uint64_t insert_id = 0;
  std::uint16_t status = 0;
  std::uint16_t warnings = 0;
  std::string_view info;
  std::string_view changes;  // the raw block; read it with a ChangeReader
};

// Views of `payload`, which begins with 00 or fe. Corrupt when malformed; the inside of `changes`
// is judged only by a ChangeReader.
Result<OkView> view_ok(std::string_view payload, std::uint32_t capabilities);

struct Change {
  std::uint8_t type = 0;
  std::string_view data;  // see the table above
};

//   ChangeReader changes(ok.changes);
//   while (auto change = changes.next()) { … }
//   if (!changes.ok()) …
class ChangeReader {
 public:
  explicit ChangeReader(std::string_view changes) : reader_(changes) {}

  std::optional<Change> next();  // empty at the end and on a failure
  bool ok() const { return reader_.ok(); }

 private:
  Reader reader_;
};

// The data of one change of that type; empty when malformed.
std::optional<std::pair<std::string_view, std::string_view>> decode_variable_change(
    std::string_view data);
std::optional<std::string_view> decode_gtid_change(std::string_view data);
std::optional<std::string_view> decode_text_change(std::string_view data);  // types 01, 04, 05

// ---- owned values ----

// One entry of a changes block. `data` is its raw content, without the length before it.
struct SessionChange {
  std::uint8_t type = 0;
  std::string data;

  bool operator==(const SessionChange&) const = default;
};

void append_change(std::string& changes, std::uint8_t type, std::string_view data);

// The state of the transaction, as trackers tell it, while there is none.
inline constexpr std::string_view kNoTransaction = "________";

struct Trackers {
  std::vector<std::pair<std::string, std::string>> variables;  // in the order they were sent
  std::optional<std::string> schema;  // empty text: no schema is selected any more
  bool state_changed = false;
  std::optional<std::string> gtids;            // a GTID set in text form
  std::optional<std::string> characteristics;  // empty text: nothing to start again
  std::optional<std::string> transaction_state;

  bool is_empty() const;
  void clear() { *this = Trackers(); }
  bool operator==(const Trackers&) const = default;
};

// Several variables are kept in order; of any other type the last entry counts (the server sends
// one of each). Unknown types are passed over. Corrupt when an entry is malformed.
Result<Trackers> decode_trackers(std::string_view changes);
std::string encode_trackers(const Trackers& trackers);

struct OkPacket {
  std::uint64_t affected_rows = 0;
  std::uint64_t insert_id = 0;
  std::uint16_t status = 0;
  std::uint16_t warnings = 0;
  std::string info;
  Trackers trackers;

  bool operator==(const OkPacket&) const = default;
};

Result<OkPacket> decode_ok(std::string_view payload, std::uint32_t capabilities);

// The packet with these changes, in place of its trackers; a view of both.
OkView view_of(const OkPacket& ok, std::string_view changes);

// `as_result_end` makes it the packet after the last row: beginning with fe for clients with
// DEPRECATE_EOF, an EOF packet for the others. The status bit SESSION_STATE_CHANGED is set if and
// only if changes are sent.
std::string encode_ok(const OkPacket& ok, std::uint32_t capabilities, bool as_result_end = false);
std::string encode_ok(const OkView& ok, std::uint32_t capabilities, bool as_result_end = false);

struct ErrPacket {
  std::uint16_t code = 0;
  std::string sqlstate = "HY000";  // five characters
  std::string message;

  bool operator==(const ErrPacket&) const = default;
};

// Without PROTOCOL_41 in `capabilities` there is no SQLSTATE on the wire: so it is before the
// log-in request (pass 0), and HY000 stands for it.
Result<ErrPacket> decode_err(std::string_view payload, std::uint32_t capabilities);
std::string encode(const ErrPacket& err, std::uint32_t capabilities);

// "ERROR 1045 (28000): Access denied for user …", as the mysql client prints it.
std::string to_string(const ErrPacket& err);

struct EofPacket {
  std::uint16_t warnings = 0;
  std::uint16_t status = 0;

  bool operator==(const EofPacket&) const = default;
};

Result<EofPacket> decode_eof(std::string_view payload);
std::string encode(const EofPacket& eof);

// What a payload is, by its first byte and size, where a row might also stand. A row can begin with
// fe only when its first value has 16 MiB or more.
bool is_err(std::string_view payload);
bool is_eof(std::string_view payload);                                     // an EOF packet
bool is_result_end(std::string_view payload, std::uint32_t capabilities);  // EOF, or OK with fe

}  // namespace dorsal::mysql
