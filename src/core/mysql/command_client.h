// Sends one COM_QUERY and collects the whole reply in memory.
//
//   reply  = (OK | result)* ends with an OK or result without MORE_RESULTS, or with ERR
//   result = column count  columns  [EOF]  rows  (EOF, or OK with fe)
//
// [EOF] is there without DEPRECATE_EOF. A request for a local file (LOAD DATA LOCAL) is answered
// with an empty one: Dorsal never reads a file for a server. For Dorsal's own statements, whose
// results are small; what clients ask for is relayed, not collected.
//
// Source: MySQL Server documentation, "COM_QUERY Response".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "core/mysql/column.h"
#include "core/mysql/conversation.h"
#include "core/mysql/packet.h"
#include "core/mysql/reply.h"
#include "core/mysql/row.h"

namespace dorsal::mysql {

struct ResultSet {
  std::vector<Column> columns;  // empty for a statement without rows
  std::vector<TextRow> rows;
  OkPacket ok;  // without DEPRECATE_EOF only status and warnings are known after rows
};

class QueryConversation {
 public:
  // `capabilities` are the negotiated ones. A reply of more bytes than `limit` ends in an Error.
  QueryConversation(std::string_view sql,
                    std::uint32_t capabilities,
                    std::size_t limit = std::size_t{64} << 20);

  // See conversation.h. A server's ERR is an outcome (Done, err()), not an Error.
  Result<Need> next(std::string_view received);

  // One per statement, in order. With err() set these are the ones before the failure.
  const std::vector<ResultSet>& results() const { return results_; }
  std::vector<ResultSet> take_results() { return std::move(results_); }
  const std::optional<ErrPacket>& err() const { return err_; }

  // Bytes beyond the end of the conversation.
  std::string leftover() { return packets_.leftover(); }

 private:
  enum class Stage { Start, Head, Columns, ColumnsEnd, Rows, Done };

  // These return Read to say: go on with the next packet.
  Result<Need> on_packet(const Packet& packet);
  Result<Need> on_head(std::string_view payload);
  Result<Need> on_column_count(std::string_view payload);
  Result<Need> on_column(std::string_view payload);
  Result<Need> on_columns_end(std::string_view payload);
  Result<Need> on_row(std::string_view payload);
  Result<Need> on_result_end(std::string_view payload);
  Result<Need> on_err(std::string_view payload);
  Need refuse_local_file();
  Need finish_statement();
  Result<void> charge(std::size_t bytes);
  Stage after_columns() const;

  std::uint32_t capabilities_;
  std::size_t limit_;
  std::size_t received_ = 0;
  Stage stage_ = Stage::Start;
  PacketAssembler packets_;
  std::string command_;
  std::uint8_t sequence_ = 0;
  std::size_t column_count_ = 0;
  ResultSet current_;
  std::vector<ResultSet> results_;
  std::optional<ErrPacket> err_;
};

}  // namespace dorsal::mysql
