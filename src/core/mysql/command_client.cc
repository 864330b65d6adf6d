#include "core/mysql/command_client.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "core/mysql/lenenc.h"
#include "core/mysql/statement.h"

namespace dorsal::mysql {
namespace {

// The server's limit is 4096; more can only be nonsense.
constexpr std::uint64_t kMostColumns = 65535;

}  // namespace

QueryConversation::QueryConversation(std::string_view sql,
                                     std::uint32_t capabilities,
                                     std::size_t limit)
    : capabilities_(capabilities),
      limit_(limit),
      packets_(limit),
      command_(encode_query(sql, capabilities)) {}

Result<Need> QueryConversation::next(std::string_view received) {
  if (stage_ == Stage::Start) {
    stage_ = Stage::Head;
    std::string bytes;
    append_packet(bytes, sequence_, command_);
    return Need::write(std::move(bytes));
  }
  packets_.feed(received);
  while (stage_ != Stage::Done) {
    DORSAL_TRY(auto packet, packets_.take());
    if (!packet) return Need::read();
    DORSAL_TRY(auto need, on_packet(*packet));
    if (need.kind != Need::Kind::Read) return need;
  }
  return Need::done();
}

Result<Need> QueryConversation::on_packet(const Packet& packet) {
  // A server that gives up on its own sends its ERR with whatever number it has.
  if (is_err(packet.payload)) return on_err(packet.payload);
  // With compression only frames have numbers that count.
  const bool is_numbered = (capabilities_ & capability::kAnyCompression) == 0;
  if (is_numbered && packet.first_sequence != sequence_) {
    return corrupt("the server's packets are out of order");
  }
  sequence_ = static_cast<std::uint8_t>(packet.last_sequence + 1);
  DORSAL_TRY_VOID(charge(packet.payload.size()));
  switch (stage_) {
    case Stage::Head:
      return on_head(packet.payload);
    case Stage::Columns:
      return on_column(packet.payload);
    case Stage::ColumnsEnd:
      return on_columns_end(packet.payload);
    default:
      break;
  }
  if (is_result_end(packet.payload, capabilities_)) return on_result_end(packet.payload);
  return on_row(packet.payload);
}

Result<Need> QueryConversation::on_head(std::string_view payload) {
  if (payload.empty()) return corrupt("the server's reply begins with an empty packet");
  auto marker = static_cast<std::uint8_t>(payload[0]);
  if (marker == kLocalInfileMarker) return refuse_local_file();
  if (marker != kOkMarker) return on_column_count(payload);
  DORSAL_TRY(current_.ok, decode_ok(payload, capabilities_));
  return finish_statement();
}

// ---- a result set ----

Result<Need> QueryConversation::on_column_count(std::string_view payload) {
  Reader reader(payload);
  auto count = read_lenenc(reader);
  bool metadata_follows = true;
  if ((capabilities_ & capability::kOptionalResultsetMetadata) != 0) {
    metadata_follows = reader.u8() != 0;
  }
  if (!reader.ok() || count == 0 || count > kMostColumns) {
    return corrupt("the server's reply begins with a wrong number of columns");
  }
  column_count_ = static_cast<std::size_t>(count);
  stage_ = metadata_follows ? Stage::Columns : after_columns();
  return Need::read();
}

QueryConversation::Stage QueryConversation::after_columns() const {
  bool deprecates_eof = (capabilities_ & capability::kDeprecateEof) != 0;
  return deprecates_eof ? Stage::Rows : Stage::ColumnsEnd;
}

Result<Need> QueryConversation::on_column(std::string_view payload) {
  DORSAL_TRY_VOID(charge(sizeof(Column)));
  DORSAL_TRY(auto column, decode_column(payload));
  current_.columns.push_back(std::move(column));
  if (current_.columns.size() == column_count_) stage_ = after_columns();
  return Need::read();
}

Result<Need> QueryConversation::on_columns_end(std::string_view payload) {
  DORSAL_TRY_VOID(decode_eof(payload));
  stage_ = Stage::Rows;
  return Need::read();
}

Result<Need> QueryConversation::on_row(std::string_view payload) {
  DORSAL_TRY_VOID(charge(sizeof(TextRow) + column_count_ * sizeof(TextRow::value_type)));
  DORSAL_TRY(auto row, decode_text_row(payload, column_count_));
  current_.rows.push_back(std::move(row));
  return Need::read();
}

Result<Need> QueryConversation::on_result_end(std::string_view payload) {
  if ((capabilities_ & capability::kDeprecateEof) != 0) {
    DORSAL_TRY(current_.ok, decode_ok(payload, capabilities_));
  } else {
    DORSAL_TRY(auto eof, decode_eof(payload));
    current_.ok.status = eof.status;
    current_.ok.warnings = eof.warnings;
  }
  return finish_statement();
}

// ---- the rest ----

Result<Need> QueryConversation::on_err(std::string_view payload) {
  DORSAL_TRY(err_, decode_err(payload, capabilities_));
  stage_ = Stage::Done;
  return Need::done();
}

Need QueryConversation::refuse_local_file() {
  std::string bytes;
  append_packet(bytes, sequence_, "");
  return Need::write(std::move(bytes));
}

Need QueryConversation::finish_statement() {
  bool has_more = (current_.ok.status & status::kMoreResults) != 0;
  results_.push_back(std::exchange(current_, ResultSet()));
  stage_ = has_more ? Stage::Head : Stage::Done;
  return has_more ? Need::read() : Need::done();
}

// Counts what is kept, not only what is received: a NULL has one byte on the wire and forty here.
Result<void> QueryConversation::charge(std::size_t bytes) {
  received_ += bytes;
  if (received_ <= limit_) return {};
  return corrupt(fmt::format("the server's reply is longer than the {} bytes allowed", limit_));
}

}  // namespace dorsal::mysql
