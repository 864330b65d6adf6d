#include "core/mysql/reply.h"

#include <fmt/format.h>

#include "core/mysql/lenenc.h"

namespace dorsal::mysql {
namespace {

constexpr std::size_t kSqlstateSize = 5;
constexpr std::string_view kStateChanged = "1";
constexpr std::size_t kEofLimit = 9;  // an EOF packet is shorter; so the server's clients judge

bool has(std::uint32_t capabilities, std::uint32_t capability) {
  return (capabilities & capability) != 0;
}

std::uint8_t first_byte(std::string_view payload) { return Reader(payload).peek(); }

}  // namespace

// ---- views ----

Result<OkView> view_ok(std::string_view payload, std::uint32_t capabilities) {
  Reader reader(payload);
  auto marker = reader.u8();
  if (marker != kOkMarker && marker != kEofMarker) return corrupt("the packet is not an OK packet");
  OkView ok;
  ok.affected_rows = read_lenenc(reader);
  ok.insert_id = read_lenenc(reader);
  ok.status = reader.u16();
  ok.warnings = reader.u16();
  if (!reader.at_end()) ok.info = read_lenenc_string(reader);
  bool may_have_changes = has(capabilities, capability::kSessionTrack) &&
                          (ok.status & status::kSessionStateChanged) != 0;
  if (may_have_changes && !reader.at_end()) ok.changes = read_lenenc_string(reader);
  if (!reader.ok()) return corrupt("an OK packet is malformed");
  return ok;
}

std::optional<Change> ChangeReader::next() {
  if (reader_.at_end()) return std::nullopt;
  Change change;
  change.type = reader_.u8();
  change.data = read_lenenc_string(reader_);
  if (!reader_.ok()) return std::nullopt;
  return change;
}

std::optional<std::pair<std::string_view, std::string_view>> decode_variable_change(
    std::string_view data) {
  Reader reader(data);
  auto name = read_lenenc_string(reader);
  auto value = read_lenenc_string(reader);
  if (!reader.ok()) return std::nullopt;
  return std::pair(name, value);
}

std::optional<std::string_view> decode_gtid_change(std::string_view data) {
  constexpr std::uint8_t kTextEncoding = 0;
  Reader reader(data);
  if (reader.u8() != kTextEncoding) return std::nullopt;
  auto gtids = read_lenenc_string(reader);
  if (!reader.ok()) return std::nullopt;
  return gtids;
}

std::optional<std::string_view> decode_text_change(std::string_view data) {
  Reader reader(data);
  auto text = read_lenenc_string(reader);
  if (!reader.ok()) return std::nullopt;
  return text;
}

// ---- trackers ----

void append_change(std::string& changes, std::uint8_t type, std::string_view data) {
  Writer writer(changes);
  writer.u8(type);
  write_lenenc_string(writer, data);
}

bool Trackers::is_empty() const { return *this == Trackers(); }

namespace {

// False when the entry is malformed.
bool store_change(const Change& change, Trackers& trackers) {
  auto store_text = [&](std::optional<std::string>& field, std::optional<std::string_view> text) {
    if (text) field = std::string(*text);
    return text.has_value();
  };
  switch (change.type) {
    case change_type::kVariable: {
      auto variable = decode_variable_change(change.data);
      if (variable) trackers.variables.emplace_back(variable->first, variable->second);
      return variable.has_value();
    }
    case change_type::kSchema:
      return store_text(trackers.schema, decode_text_change(change.data));
    case change_type::kState:
      trackers.state_changed = change.data == kStateChanged;
      return true;
    case change_type::kGtids:
      return store_text(trackers.gtids, decode_gtid_change(change.data));
    case change_type::kCharacteristics:
      return store_text(trackers.characteristics, decode_text_change(change.data));
    case change_type::kTransactionState:
      return store_text(trackers.transaction_state, decode_text_change(change.data));
    default:
      return true;
  }
}

void append_text_change(std::string& changes, std::uint8_t type, std::string_view text) {
  std::string data;
  Writer writer(data);
  if (type == change_type::kGtids) writer.u8(0);
  write_lenenc_string(writer, text);
  append_change(changes, type, data);
}

}  // namespace

Result<Trackers> decode_trackers(std::string_view changes) {
  Trackers trackers;
  ChangeReader reader(changes);
  while (auto change = reader.next()) {
    if (!store_change(*change, trackers)) {
      return corrupt(fmt::format("a session change of type {} is malformed", change->type));
    }
  }
  if (!reader.ok()) return corrupt("the session changes of an OK packet are cut short");
  return trackers;
}

std::string encode_trackers(const Trackers& trackers) {
  std::string changes;
  for (const auto& [name, value] : trackers.variables) {
    std::string data;
    Writer writer(data);
    write_lenenc_string(writer, name);
    write_lenenc_string(writer, value);
    append_change(changes, change_type::kVariable, data);
  }
  auto append = [&](std::uint8_t type, const std::optional<std::string>& text) {
    if (text) append_text_change(changes, type, *text);
  };
  append(change_type::kSchema, trackers.schema);
  if (trackers.state_changed) append_change(changes, change_type::kState, kStateChanged);
  append(change_type::kGtids, trackers.gtids);
  append(change_type::kTransactionState, trackers.transaction_state);
  append(change_type::kCharacteristics, trackers.characteristics);
  return changes;
}

// ---- OK ----

Result<OkPacket> decode_ok(std::string_view payload, std::uint32_t capabilities) {
  DORSAL_TRY(auto view, view_ok(payload, capabilities));
  DORSAL_TRY(auto trackers, decode_trackers(view.changes));
  OkPacket ok;
  ok.affected_rows = view.affected_rows;
  ok.insert_id = view.insert_id;
  ok.status = view.status;
  ok.warnings = view.warnings;
  ok.info = view.info;
  ok.trackers = std::move(trackers);
  return ok;
}

OkView view_of(const OkPacket& ok, std::string_view changes) {
  OkView view;
  view.affected_rows = ok.affected_rows;
  view.insert_id = ok.insert_id;
  view.status = ok.status;
  view.warnings = ok.warnings;
  view.info = ok.info;
  view.changes = changes;
  return view;
}

std::string encode_ok(const OkPacket& ok, std::uint32_t capabilities, bool as_result_end) {
  const auto changes = encode_trackers(ok.trackers);
  OkView view = view_of(ok, changes);
  return encode_ok(view, capabilities, as_result_end);
}

std::string encode_ok(const OkView& ok, std::uint32_t capabilities, bool as_result_end) {
  bool deprecates_eof = has(capabilities, capability::kDeprecateEof);
  const bool is_changed = !ok.changes.empty() || has(ok.status, status::kSessionStateChanged);
  bool has_changes = has(capabilities, capability::kSessionTrack) && is_changed;
  auto status = static_cast<std::uint16_t>(ok.status & ~status::kSessionStateChanged);
  if (as_result_end && !deprecates_eof) return encode(EofPacket{ok.warnings, status});
  if (has_changes) status |= status::kSessionStateChanged;

  std::string out;
  Writer writer(out);
  writer.u8(as_result_end ? kEofMarker : kOkMarker);
  write_lenenc(writer, ok.affected_rows);
  write_lenenc(writer, ok.insert_id);
  writer.u16(status);
  writer.u16(ok.warnings);
  if (has_changes || !ok.info.empty()) write_lenenc_string(writer, ok.info);
  if (has_changes) write_lenenc_string(writer, ok.changes);
  return out;
}

// ---- ERR and EOF ----

Result<ErrPacket> decode_err(std::string_view payload, std::uint32_t capabilities) {
  Reader reader(payload);
  if (reader.u8() != kErrMarker) return corrupt("the packet is not an ERR packet");
  ErrPacket err;
  err.code = reader.u16();
  if (has(capabilities, capability::kProtocol41) && reader.peek() == '#') {
    reader.skip(1);
    err.sqlstate = reader.take(kSqlstateSize);
  }
  err.message = reader.rest();
  if (!reader.ok()) return corrupt("an ERR packet is cut short");
  return err;
}

std::string encode(const ErrPacket& err, std::uint32_t capabilities) {
  std::string out;
  Writer writer(out);
  writer.u8(kErrMarker);
  writer.u16(err.code);
  if (has(capabilities, capability::kProtocol41)) {
    DORSAL_CHECK(err.sqlstate.size() == kSqlstateSize);
    writer.u8('#');
    writer.put(err.sqlstate);
  }
  writer.put(err.message);
  return out;
}

std::string to_string(const ErrPacket& err) {
  return fmt::format("ERROR {} ({}): {}", err.code, err.sqlstate, err.message);
}

Result<EofPacket> decode_eof(std::string_view payload) {
  Reader reader(payload);
  if (reader.u8() != kEofMarker) return corrupt("the packet is not an EOF packet");
  EofPacket eof;
  eof.warnings = reader.u16();
  eof.status = reader.u16();
  if (!reader.ok()) return corrupt("an EOF packet is cut short");
  return eof;
}

std::string encode(const EofPacket& eof) {
  std::string out;
  Writer writer(out);
  writer.u8(kEofMarker);
  writer.u16(eof.warnings);
  writer.u16(eof.status);
  return out;
}

bool is_err(std::string_view payload) { return first_byte(payload) == kErrMarker; }

bool is_eof(std::string_view payload) {
  return first_byte(payload) == kEofMarker && payload.size() < kEofLimit;
}

bool is_result_end(std::string_view payload, std::uint32_t capabilities) {
  if (!has(capabilities, capability::kDeprecateEof)) return is_eof(payload);
  return first_byte(payload) == kEofMarker && payload.size() < kMaxPayload;
}

}  // namespace dorsal::mysql
