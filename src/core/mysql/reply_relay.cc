#include "core/mysql/reply_relay.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/bytes.h"
#include "core/mysql/lenenc.h"
#include "core/mysql/packet.h"
#include "core/mysql/protocol.h"

namespace dorsal::mysql {
namespace {

// An OK may carry a long GTID set; nothing that must be seen whole is larger than this.
constexpr std::uint32_t kMaxWhole = 1U << 20;
// Of what an editor gets to see: no server has more columns, nor names of more than a few hundred
// bytes.
constexpr std::size_t kMaxColumns = 4096;
constexpr std::uint32_t kMaxDefinition = 1U << 12;
constexpr std::size_t kMaxFirstField = 256;
constexpr std::size_t kPrepareHeader =
    10;  // of PREPARE's reply: up to the filler behind the counts
// What stands behind the number of columns, and behind PREPARE's header, for those who negotiated
// OPTIONAL_RESULTSET_METADATA, unless definitions are left out.
constexpr char kDefinitionsFollow = 1;

constexpr auto kOfTransaction =
    static_cast<std::uint16_t>(status::kInTransaction | status::kInReadOnlyTransaction);

// The status for an EOF that the server did not send: of the OK before, what is true of the session
// rather than of one statement.
std::uint16_t status_between(std::uint16_t last) {
  return static_cast<std::uint16_t>(last &
                                    (status::kInTransaction | status::kAutocommit |
                                     status::kNoBackslashEscapes | status::kInReadOnlyTransaction));
}

// States of a transaction that a statement has begun, as long as nothing else has happened in it.
constexpr std::string_view kBegun = "T_______";
constexpr std::string_view kSnapshot = "T_R_____";  // START TRANSACTION WITH CONSISTENT SNAPSHOT

// Whether a statement about accounts or plug-ins has failed before its transaction has begun:
// MySQL 9.7.4 as it was seen.
bool is_before_transaction(const ErrPacket& err) {
  constexpr std::uint16_t kDatabaseDenied = 1044;
  constexpr std::uint16_t kParseError = 1064;
  constexpr std::uint16_t kTableDenied = 1142;
  constexpr std::uint16_t kNoSuchTable = 1146;
  constexpr std::uint16_t kPrivilegeNeeded = 1227;
  constexpr std::uint16_t kReadOnlyServer = 1290;
  constexpr std::uint16_t kProxyDenied = 1698;
  constexpr std::uint16_t kAll[] = {kDatabaseDenied,
                                    kParseError,
                                    kTableDenied,
                                    kNoSuchTable,
                                    kPrivilegeNeeded,
                                    kReadOnlyServer,
                                    kProxyDenied};
  return std::find(std::begin(kAll), std::end(kAll), err.code) != std::end(kAll);
}

bool is_listed(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void ReplyRelay::begin(ReplyShape shape,
                       std::uint8_t sent,
                       std::optional<std::uint32_t> statement_id,
                       bool keep_first_field) {
  in_sequence_ = out_sequence_ = static_cast<std::uint8_t>(sent + 1);
  left_in_stage_ = 0;
  pass_left_ = 0;
  last_frame_was_full_ = false;
  eof_is_held_ = false;
  has_more_results_ = false;
  has_inner_transaction_ = false;
  has_output_ = false;
  columns_are_outside_ = false;
  keep_first_field_ = keep_first_field;
  editor_ = nullptr;
  instead_.reset();
  definitions_.clear();
  is_withheld_ = false;
  untold_.command_begins();
  statement_id_ = statement_id;
  pending_.clear();
  summary_ = ReplySummary();
  listed_bytes_ = 0;
  switch (shape) {
    case ReplyShape::Results:
      stage_ = Stage::First;
      break;
    case ReplyShape::Prepare:
      stage_ = Stage::PrepareFirst;
      break;
    case ReplyShape::Rows:
      stage_ = Stage::Rows;
      break;
    case ReplyShape::Columns:
      stage_ = Stage::FieldList;
      break;
    case ReplyShape::OnePacket:
      stage_ = Stage::One;
      break;
    case ReplyShape::OneText:
      stage_ = Stage::Text;
      break;
  }
}

bool ReplyRelay::client_wants_eof() const {
  return (client_capabilities_ & capability::kDeprecateEof) == 0;
}

ReplyRelay::Progress ReplyRelay::progress() const {
  if (stage_ == Stage::Done) return Progress::Done;
  return stage_ == Stage::LocalFile ? Progress::LocalFile : Progress::More;
}

Result<ReplyRelay::Progress> ReplyRelay::feed(std::string_view bytes, std::string& out) {
  const std::size_t given = bytes.size();
  const std::size_t out_before = out.size();
  if (stage_ == Stage::LocalFile) stage_ = Stage::First;
  while (!bytes.empty() && progress() == Progress::More) {
    if (pass_left_ > 0) {
      auto part = bytes.substr(0, pass_left_);
      out.append(part);
      bytes.remove_prefix(part.size());
      pass_left_ -= static_cast<std::uint32_t>(part.size());
      if (pass_left_ == 0) packet_passed(out);
      continue;
    }
    DORSAL_TRY_VOID(start_packet(bytes, out));
  }
  consumed_ = given - bytes.size();
  has_output_ = has_output_ || out.size() != out_before;
  return progress();
}

// Reads the next packet's header, and its body where that must be understood. Takes from `bytes`
// what it used; when the packet's beginning has not arrived yet it keeps the piece in pending_.
Result<ReplyRelay::Progress> ReplyRelay::start_packet(std::string_view& bytes, std::string& out) {
  auto gather = [&](std::size_t wanted) {
    if (pending_.size() < wanted) {
      auto part = bytes.substr(0, wanted - pending_.size());
      pending_.append(part);
      bytes.remove_prefix(part.size());
    }
    return pending_.size() >= wanted;
  };

  // The common case: the whole beginning lies in `bytes`, and nothing is copied.
  const bool direct = pending_.empty() && bytes.size() > kHeaderSize;
  if (!direct && !gather(kHeaderSize)) return Progress::More;
  const Header header = read_header(direct ? bytes.data() : pending_.data());
  const bool is_numbered = (server_capabilities_ & capability::kAnyCompression) == 0;
  if (is_numbered && header.sequence != in_sequence_) return corrupt("a packet is out of order");

  const bool continues = last_frame_was_full_;
  if (!direct && header.length > 0 && !continues && !gather(kHeaderSize + 1)) {
    return Progress::More;
  }
  const std::string_view seen = direct ? bytes : std::string_view(pending_);
  const std::uint8_t first =
      header.length > 0 && !continues ? static_cast<std::uint8_t>(seen[kHeaderSize]) : 0;

  if (continues || !wants_whole(header.length, first)) {
    if (stage_ == Stage::Rows && !continues) ++summary_.rows;
    write_held_eof(out);
    write_header(header.length, out);
    if (direct) {
      bytes.remove_prefix(kHeaderSize);
      pass_left_ = header.length;
    } else {
      out.append(pending_, kHeaderSize);
      pass_left_ = header.length - static_cast<std::uint32_t>(pending_.size() - kHeaderSize);
      pending_.clear();
    }
    ++in_sequence_;
    last_frame_was_full_ = header.length == kMaxPayload;
    if (pass_left_ == 0) packet_passed(out);
    return Progress::More;
  }

  if (header.length > kMaxWhole) return corrupt("a control packet is too large");
  const std::size_t size = kHeaderSize + header.length;
  if (direct && bytes.size() >= size) {
    auto payload = bytes.substr(kHeaderSize, header.length);
    bytes.remove_prefix(size);
    ++in_sequence_;
    DORSAL_TRY_VOID(whole_packet(payload, out));
    return progress();
  }
  if (!gather(size)) return Progress::More;
  std::string packet = std::move(pending_);
  pending_.clear();
  ++in_sequence_;
  DORSAL_TRY_VOID(whole_packet(std::string_view(packet).substr(kHeaderSize), out));
  return progress();
}

// Column definitions and rows pass through; everything else decides something.
bool ReplyRelay::wants_whole(std::uint32_t length, std::uint8_t first) const {
  switch (stage_) {
    case Stage::Columns:
      return editor_ != nullptr && length <= kMaxDefinition;
    case Stage::PrepareParameters:
    case Stage::PrepareColumns:
      return false;
    case Stage::Rows:
    case Stage::FieldList:
      // A row may begin with FE too: a field of 16 MiB or more, so its packet is full.
      if (first == kErrMarker || (first == kEofMarker && length < kMaxPayload)) return true;
      if (editor_ != nullptr && stage_ == Stage::Rows && length <= kMaxWhole) return true;
      return keep_first_field_ && !summary_.first_field && length < kMaxFirstField;
    case Stage::Text:
      return first == kErrMarker;
    default:
      return true;
  }
}

// A packet (or one frame of a larger one) went through unread.
void ReplyRelay::packet_passed(std::string& out) {
  if (last_frame_was_full_) return;
  switch (stage_) {
    case Stage::Columns:
      if (--left_in_stage_ == 0) columns_are_over();
      break;
    case Stage::PrepareParameters:
    case Stage::PrepareColumns:
      if (--left_in_stage_ == 0) definitions_are_over(out);
      break;
    case Stage::Text:
      stage_ = Stage::Done;
      break;
    default:
      break;
  }
}

Result<void> ReplyRelay::note_definition(std::string_view payload, std::string& out) {
  DORSAL_TRY(Column column, decode_column(payload));
  if (definitions_.size() < kMaxColumns) definitions_.push_back(std::move(column));
  write_packet(payload, out);
  if (--left_in_stage_ == 0) columns_are_over();
  return {};
}

void ReplyRelay::columns_are_over() {
  if (editor_ != nullptr) editor_->begin(columns_, std::exchange(definitions_, {}));
  stage_ = Stage::Rows;
  eof_is_held_ = client_wants_eof();
}

// Of a prepared statement's parameters or columns.
void ReplyRelay::definitions_are_over(std::string& out) {
  if (client_wants_eof()) write_eof(status_between(last_status_), summary_.warnings, out);
  const bool columns_follow = stage_ == Stage::PrepareParameters && summary_.columns > 0;
  left_in_stage_ = summary_.columns;
  stage_ = columns_follow ? Stage::PrepareColumns : Stage::Done;
}

// Reads the flag that says whether definitions follow, and gives it on to a client that knows of
// it; `head` is what stands before it.
Result<bool> ReplyRelay::metadata_flag(Reader& reader, std::string& head) {
  char flag = kDefinitionsFollow;
  if ((server_capabilities_ & capability::kOptionalResultsetMetadata) != 0) {
    flag = static_cast<char>(reader.u8());
    if (!reader.ok()) return corrupt("it is not said whether column definitions follow");
  }
  const bool is_known = (client_capabilities_ & capability::kOptionalResultsetMetadata) != 0;
  if (is_known) head.push_back(flag);
  if (!is_known && flag == 0) return corrupt("the column definitions are missing");
  return flag != 0;
}

Result<void> ReplyRelay::whole_packet(std::string_view payload, std::string& out) {
  const std::uint8_t first =
      payload.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(payload[0]);
  if (payload.empty() && stage_ != Stage::Rows) return corrupt("a reply packet is empty");
  if (first == kErrMarker) return err_packet(payload, out);
  switch (stage_) {
    case Stage::First:
      return first_packet(payload, out);
    case Stage::PrepareFirst:
      return prepare_header(payload, out);
    case Stage::Columns:
      return note_definition(payload, out);
    case Stage::Rows:
      if (first == kEofMarker) {
        add_rows(out);
        return ok_packet(payload, true, out);
      }
      if (keep_first_field_ && !summary_.first_field) note_first_row(payload);
      pass_row(payload, out);
      return {};
    case Stage::FieldList:
      return ok_packet(payload, true, out);
    case Stage::One:
      if (first != kOkMarker && first != kEofMarker) return corrupt("neither OK nor ERR");
      return ok_packet(payload, first == kEofMarker, out);
    default:
      return corrupt("a packet came after the end of its reply");
  }
}

Result<void> ReplyRelay::first_packet(std::string_view payload, std::string& out) {
  switch (static_cast<std::uint8_t>(payload[0])) {
    case kOkMarker:
      return ok_packet(payload, false, out);
    case kLocalInfileMarker:
      write_packet(payload, out);
      stage_ = Stage::LocalFile;
      return {};
    default:
      return result_columns(payload, out);
  }
}

Result<void> ReplyRelay::result_columns(std::string_view payload, std::string& out) {
  Reader reader(payload);
  columns_ = left_in_stage_ = read_lenenc(reader);
  if (!reader.ok() || left_in_stage_ == 0) return corrupt("the number of columns is malformed");
  std::string head(payload.substr(0, payload.size() - reader.left()));
  DORSAL_TRY(const bool definitions_follow, metadata_flag(reader, head));
  head += reader.rest();
  write_packet(head, out);
  stage_ = Stage::Columns;
  summary_.rows = 0;
  if (!definitions_follow) columns_are_over();
  return {};
}

// 00, statement id (4), columns (2), parameters (2), 00, warnings (2), then for those who know it
// whether definitions follow, then anything newer.
Result<void> ReplyRelay::prepare_header(std::string_view payload, std::string& out) {
  Reader reader(payload);
  // Where a SET GLOBAL lacks the privilege, servers of version 9 say a plain OK, and mean that
  // there is no statement. A client gets what the server said: passed on whole, and no number.
  if (reader.peek() == kOkMarker && payload.size() < kPrepareHeader) {
    return ok_packet(payload, false, out);
  }
  if (reader.u8() != kOkMarker) return corrupt("the answer to PREPARE is neither OK nor ERR");
  summary_.statement_id = reader.u32();
  summary_.columns = reader.u16();
  summary_.parameters = reader.u16();
  reader.skip(1);
  if (!reader.at_end()) summary_.warnings = reader.u16();
  if (!reader.ok()) return corrupt("the answer to PREPARE is cut short");
  std::string rewritten(payload.substr(0, payload.size() - reader.left()));
  DORSAL_TRY(const bool definitions_follow, metadata_flag(reader, rewritten));
  rewritten += reader.rest();
  if (statement_id_) {
    for (std::size_t i = 0; i < 4; ++i) {
      rewritten[1 + i] = static_cast<char>(*statement_id_ >> (8 * i) & 0xff);
    }
  }
  write_packet(rewritten, out);
  left_in_stage_ = summary_.parameters > 0 ? summary_.parameters : summary_.columns;
  stage_ = summary_.parameters > 0 ? Stage::PrepareParameters
           : summary_.columns > 0  ? Stage::PrepareColumns
                                   : Stage::Done;
  while (!definitions_follow && stage_ != Stage::Done) definitions_are_over(out);
  return {};
}

Result<void> ReplyRelay::ok_packet(std::string_view payload, bool ends_rows, std::string& out) {
  auto ok = view_ok(payload, server_capabilities_);
  if (!ok) return ok.error();
  std::string wanted;
  has_begun_transaction_ = has_change_without_name_ = false;
  DORSAL_TRY_VOID(note_changes(ok->changes, wanted));
  summary_.has_ok = true;
  summary_.status = last_status_ = ok->status;
  summary_.warnings = ok->warnings;
  summary_.ended_rows = ends_rows;
  if (!ends_rows) {
    summary_.affected_rows = ok->affected_rows;
    summary_.insert_id = ok->insert_id;
  }
  // With a cursor the metadata's own end is the only one; rows come by COM_STMT_FETCH.
  if ((ok->status & status::kCursorExists) != 0) eof_is_held_ = false;
  write_held_eof(out);
  is_err_newest_ = false;
  note_inner_transaction();
  DORSAL_TRY_VOID(write_ok(*ok, wanted, ends_rows, out));
  const bool one_only = stage_ == Stage::One || stage_ == Stage::FieldList;
  const bool more = (ok->status & status::kMoreResults) != 0;
  stage_ = more && !one_only ? Stage::First : Stage::Done;
  return {};
}

Result<void> ReplyRelay::err_packet(std::string_view payload, std::string& out) {
  auto err = decode_err(payload, server_capabilities_);
  if (!err) return err.error();
  summary_.err = *std::move(err);
  is_err_newest_ = true;
  if (!is_before_transaction(*summary_.err)) note_inner_transaction();
  write_held_eof(out);
  const bool in_transaction = (last_status_ & status::kInTransaction) != 0;
  const bool is_other = instead_ && instead_->first == summary_.err->code && in_transaction;
  const std::string other = is_other ? encode(instead_->second, client_capabilities_) : "";
  if (!is_withheld_) write_packet(is_other ? std::string_view(other) : payload, out);
  stage_ = Stage::Done;
  return {};
}

void ReplyRelay::note_inner_transaction() {
  if (std::exchange(has_inner_transaction_, false) && tracking_.has_transactions()) {
    untold_.keep_flag();
  }
}

// Keeps what the proxy needs of the session changes, and collects those that the client asked for.
Result<void> ReplyRelay::note_changes(std::string_view changes, std::string& wanted) {
  ChangeReader reader(changes);
  bool has_state = false;
  while (auto change = reader.next()) {
    auto pass = note_change(*change);
    if (!pass) return pass.error();
    if (*pass) append_change(wanted, change->type, change->data);
    has_state |= change->type == change_type::kTransactionState;
  }
  if (!reader.ok()) return corrupt("the session changes of an OK are malformed");
  has_begun_transaction_ &= tracking_.has_any();
  // A transaction that follows another at once is no change that a server tells, but it has the
  // flag.
  has_change_without_name_ |= has_begun_transaction_;
  // Whether one has begun is told behind its state.
  if (has_state) note_boundary(*summary_.transaction_state, wanted);
  if (told_transaction_ == kNoTransaction) hides_transaction_ = false;
  return {};
}

// Keeps one change; true when the client is to see it.
Result<bool> ReplyRelay::note_change(const Change& change) {
  switch (change.type) {
    case change_type::kVariable: {
      auto variable = decode_variable_change(change.data);
      if (!variable) return corrupt("a variable change is malformed");
      DORSAL_TRY_VOID(make_room(variable->first.size() + variable->second.size()));
      summary_.variables.emplace_back(variable->first, variable->second);
      if (const auto found = tracking_.forgotten.find(variable->first);
          found != tracking_.forgotten.end()) {
        if (found->second) untold_.keep_flag();
        return false;
      }
      return tracking_.all_variables || is_listed(tracking_.variables, variable->first);
    }
    case change_type::kSchema: {
      auto schema = decode_text_change(change.data);
      if (!schema) return corrupt("a schema change is malformed");
      summary_.schema = std::string(*schema);
      return tracking_.schema;
    }
    case change_type::kGtids: {
      auto gtids = decode_gtid_change(change.data);
      if (!gtids) return corrupt("a GTID change is malformed");
      DORSAL_TRY_VOID(make_room(gtids->size()));
      summary_.gtids.emplace_back(*gtids);
      summary_.has_gtids = true;
      return tracking_.gtids && gtids_are_clients_;
    }
    case change_type::kState:
      summary_.state_changed = true;
      return tracking_.state_change;
    case change_type::kCharacteristics:
    case change_type::kTransactionState: {
      auto text = decode_text_change(change.data);
      if (!text) return corrupt("a transaction change is malformed");
      const bool is_state = change.type == change_type::kTransactionState;
      has_begun_transaction_ |= !is_state && text->find("START TRANSACTION") != text->npos;
      (is_state ? summary_.transaction_state : summary_.characteristics) = std::string(*text);
      const bool is_another = is_state && (*text == kBegun || *text == kSnapshot);
      if (is_another) hides_transaction_ = false;
      if (hides_transaction_) return false;
      // Who tracks states alone is told with the flag that something else has changed.
      has_change_without_name_ |= !is_state && tracking_.transaction_state;
      return is_state ? tracking_.transaction_state : tracking_.characteristics;
    }
    default:
      return false;  // a newer server's kind: no client asked this proxy for it
  }
}

// For one more entry of the summary's lists, with so much text.
Result<void> ReplyRelay::make_room(std::size_t bytes) {
  listed_bytes_ += sizeof(std::pair<std::string, std::string>) + bytes;
  if (listed_bytes_ <= kMostChanges) return {};
  return corrupt("a reply tells of more session changes than a server has");
}

ReplyRelay::Changes ReplyRelay::take_changes() {
  listed_bytes_ = 0;
  return {std::exchange(summary_.gtids, {}), std::exchange(summary_.variables, {})};
}

// Also without session_track_transaction_info a server tells where a transaction that a statement
// began begins and ends, though nothing of what happens in it.
void ReplyRelay::note_boundary(std::string_view state, std::string& wanted) {
  const bool is_begun = state.substr(0, 1) == "T";
  std::string_view told = told_transaction_;
  if (!is_begun) told = kNoTransaction;
  if (is_begun && told_transaction_ == kNoTransaction)
    told = state == kSnapshot ? kSnapshot : kBegun;
  // One that follows another at once.
  if (state == kBegun) told = kBegun;
  if (state == kSnapshot && has_begun_transaction_) told = kSnapshot;
  if (std::exchange(told_transaction_, told) == told || tracking_.transaction_state) return;
  if (!tracking_.has_any() || hides_transaction_) return;
  std::string data;
  Writer writer(data);
  write_lenenc_string(writer, told);
  append_change(wanted, change_type::kTransactionState, data);
}

void ReplyRelay::note_first_row(std::string_view payload) {
  Reader reader(payload);
  if (reader.peek() == 0xfb) return;  // NULL
  auto field = read_lenenc_string(reader);
  if (reader.ok()) summary_.first_field = std::string(field.substr(0, kMaxFirstField));
}

void ReplyRelay::pass_row(std::string_view payload, std::string& out) {
  ++summary_.rows;
  write_held_eof(out);
  if (editor_ == nullptr) return write_packet(payload, out);
  std::string row(payload);
  editor_->edit(row);
  write_packet(row, out);
}

void ReplyRelay::add_rows(std::string& out) {
  if (editor_ == nullptr) return;
  for (const std::string& row : editor_->more_rows()) {
    ++summary_.rows;
    write_held_eof(out);
    write_packet(row, out);
  }
}

// An EOF has no room for changes, and what no client sees tells none.
bool ReplyRelay::tells_changes(bool ends_rows) const {
  return !is_withheld_ && !(ends_rows && client_wants_eof());
}

Result<void> ReplyRelay::write_ok(const OkView& ok,
                                  std::string_view wanted_changes,
                                  bool ends_rows,
                                  std::string& out) {
  const auto status = static_cast<std::uint16_t>(ok.status & ~status::kSessionStateChanged);
  if (!tells_changes(ends_rows)) {
    const bool is_tracked = (client_capabilities_ & capability::kSessionTrack) != 0;
    if (is_tracked) DORSAL_TRY_VOID(untold_.keep(wanted_changes));
    if (is_tracked && has_change_without_name_) untold_.keep_flag();
    if (!is_withheld_) write_eof(status, ok.warnings, out);
    return {};
  }
  DORSAL_TRY(const auto told, untold_.take(wanted_changes));
  OkView rewritten = ok;
  rewritten.changes = told.changes;
  rewritten.status = status;
  if (told.has_flag || has_change_without_name_) rewritten.status |= status::kSessionStateChanged;
  write_packet(encode_ok(rewritten, client_capabilities_, ends_rows), out);
  return {};
}

std::string ReplyRelay::own_ok(const OkPacket& ok) {
  untold_.command_begins();
  const auto told = untold_.take_own(ok.trackers);
  OkView view = view_of(ok, told.changes);
  if (told.has_flag) view.status |= status::kSessionStateChanged;
  return encode_ok(view, client_capabilities_);
}

void ReplyRelay::end_transaction() {
  if ((last_status_ & status::kInTransaction) == 0) return;
  last_status_ = static_cast<std::uint16_t>(last_status_ & ~kOfTransaction);
  const bool is_hidden = std::exchange(hides_transaction_, false);
  const bool is_news = std::exchange(told_transaction_, kNoTransaction) != kNoTransaction;
  if (is_hidden) return;
  Trackers ended;
  if (tracking_.characteristics) ended.characteristics = "";
  if (tracking_.transaction_state || (is_news && tracking_.has_any())) {
    ended.transaction_state = kNoTransaction;
  }
  if ((client_capabilities_ & capability::kSessionTrack) == 0) return;
  untold_.keep_own(std::move(ended));
}

bool ReplyRelay::start_to_tell_transactions() {
  hides_transaction_ = told_transaction_ != kNoTransaction;
  return !hides_transaction_;
}

void ReplyRelay::write_held_eof(std::string& out) {
  if (!eof_is_held_) return;
  eof_is_held_ = false;
  const std::uint16_t more = has_more_results_ ? status::kMoreResults : std::uint16_t{0};
  const std::uint16_t hidden = columns_are_outside_ ? kOfTransaction : std::uint16_t{0};
  write_eof(static_cast<std::uint16_t>((status_between(last_status_) & ~hidden) | more), 0, out);
}

void ReplyRelay::write_eof(std::uint16_t status, std::uint16_t warnings, std::string& out) {
  std::string payload;
  Writer writer(payload);
  writer.u8(kEofMarker);
  writer.u16(warnings);
  writer.u16(status);
  write_packet(payload, out);
}

void ReplyRelay::write_packet(std::string_view payload, std::string& out) {
  write_header(static_cast<std::uint32_t>(payload.size()), out);
  out.append(payload);
}

void ReplyRelay::write_header(std::uint32_t length, std::string& out) {
  Writer writer(out);
  writer.u24(length);
  writer.u8(out_sequence_++);
}

}  // namespace dorsal::mysql
