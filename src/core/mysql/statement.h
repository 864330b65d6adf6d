// Prepared statements and query attributes: the commands that carry binary parameters.
//
//   COM_STMT_PREPARE reply   00  statement id:4  columns:2  parameters:2  00  warnings:2
//                            [metadata follows:1]           with OPTIONAL_RESULTSET_METADATA
//
//   COM_STMT_EXECUTE   17  statement id:4  flags:1  iterations:4  [block]
//   COM_QUERY          03  [block with sets]  sql               block only with QUERY_ATTRIBUTES
//
//   block = [parameter count, lenenc]     with QUERY_ATTRIBUTES; it may exceed the statement's own
//           [sets, lenenc: always 1]      in COM_QUERY only
//           null bitmap[(count + 7) / 8]  this and the rest only when count > 0
//           types follow:1
//           types                         if they follow; for each: type:2 (bit 15: unsigned), and
//                                         with QUERY_ATTRIBUTES the name as lenenc string
//           values                        of the parameters that are neither NULL nor long data
//
// COM_STMT_EXECUTE has a block when the statement has parameters, or with QUERY_ATTRIBUTES and flag
// PARAMETER_COUNT_AVAILABLE. With QUERY_ATTRIBUTES count and names are there whatever that flag
// says.
//
// Source: parse_query_bind_params(), parse_packet() and store_ps_status() in
// sql/protocol_classic.cc of the server; MySQL Server documentation, "COM_STMT_EXECUTE",
// "COM_QUERY".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace dorsal::mysql {

namespace execute_flag {
inline constexpr std::uint8_t kReadOnlyCursor = 0x01;
inline constexpr std::uint8_t kForUpdateCursor = 0x02;
inline constexpr std::uint8_t kScrollableCursor = 0x04;
inline constexpr std::uint8_t kParameterCountAvailable = 0x08;
}  // namespace execute_flag

struct PrepareOk {
  std::uint32_t statement_id = 0;
  std::uint16_t columns = 0;     // that many column definitions follow the parameters'
  std::uint16_t parameters = 0;  // that many parameter definitions follow
  std::uint16_t warnings = 0;
  bool metadata_follows = true;  // false: the definitions are left out (resultset_metadata=NONE)

  bool operator==(const PrepareOk&) const = default;
};

Result<PrepareOk> decode_prepare_ok(std::string_view payload, std::uint32_t capabilities);
std::string encode(const PrepareOk& ok, std::uint32_t capabilities);

// Offsets are from the start of the payload, command byte included.
struct ExecuteView {
  std::uint32_t statement_id = 0;
  std::uint8_t flags = 0;  // execute_flag
  std::uint32_t iterations = 1;
  std::size_t parameters = 0;  // how many the block holds, query attributes included; 0: no block
  std::size_t null_bitmap_offset = 0;  // this and the rest are 0 without a block
  bool types_follow = false;
  std::size_t types_offset = 0;  // just behind the byte that says whether types follow
  std::size_t types_length = 0;  // 0 when they do not
  // Of that, what belongs to the statement's own parameters; query attributes stand behind them.
  std::size_t own_types_length = 0;
  bool has_attributes = false;  // the block does not hold the statement's own parameters alone
  std::size_t values_offset = 0;
};

// `payload` is the whole command; `parameters` is what PREPARE answered. Corrupt when malformed;
// the values themselves are not looked at.
Result<ExecuteView> view_execute(std::string_view payload,
                                 std::size_t parameters,
                                 std::uint32_t capabilities);

// The raw types of the statement's own parameters, to be remembered for later executions that send
// none; empty if none follow.
std::string_view types_of(std::string_view payload, const ExecuteView& view);

// Whether the values of an execution are all there, as the types that it brings have them, or
// without any these ones, which types_of() gave. No value of it was sent as long data. A server
// refuses one where they are not, and keeps its types as little as those of one with too few
// parameters.
bool values_are_whole(std::string_view payload,
                      const ExecuteView& view,
                      std::string_view types,
                      std::uint32_t capabilities);

// The payload with these types put in, when it has the statement's parameters alone and brings no
// types itself; otherwise unchanged, and so without any types. A server that prepared the statement
// anew needs them.
std::string with_types(std::string_view payload, const ExecuteView& view, std::string_view types);

// Overwrites the statement id, which stands in the same place in EXECUTE, FETCH, CLOSE, RESET and
// SEND_LONG_DATA. The payload has five bytes at least.
void set_statement_id(std::string& payload, std::uint32_t id);

// Makes an EXECUTE ask for all rows at once. The payload is one that view_execute() took.
void open_no_cursor(std::string& payload);

struct QueryView {
  std::string_view sql;
  std::string_view attributes_block;  // everything before the SQL; empty without QUERY_ATTRIBUTES
  // Name and value of the attributes with a name and a text type, in order. Of NULL and of other
  // types there is none.
  std::vector<std::pair<std::string_view, std::string_view>> text_attributes;
};

// `payload` is a COM_QUERY without its command byte.
Result<QueryView> view_query(std::string_view payload, std::uint32_t capabilities);

// A COM_QUERY with its command byte, with an empty block where one is needed.
std::string encode_query(std::string_view sql, std::uint32_t capabilities);

}  // namespace dorsal::mysql
