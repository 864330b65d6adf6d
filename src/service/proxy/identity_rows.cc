#include "service/proxy/identity_rows.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "core/sql/lexer.h"

namespace dorsal::proxy {
namespace {

using mysql::BinaryRow;
using mysql::Value;
using What = sql::IdentityQuery::What;

// What SHOW PROCESSLIST has; behind these comes the statement.
constexpr std::size_t kId = 0;
constexpr std::size_t kUser = 1;
constexpr std::size_t kHost = 2;
constexpr std::size_t kSchema = 3;
constexpr std::size_t kCommand = 4;
constexpr std::size_t kTime = 5;
constexpr std::size_t kState = 6;
constexpr std::size_t kListed = 8;

// The columns of the servers' tables that have the number of a connection, and beside it the
// address of its client.
struct ConnectionColumns {
  std::string_view table;
  std::string_view id;
  std::string_view host;
  bool has_port = false;
};
constexpr std::array kConnectionColumns = {
    ConnectionColumns{"processlist", "id", "host", true},
    ConnectionColumns{"threads", "processlist_id", "processlist_host", false},
    ConnectionColumns{"innodb_trx", "trx_mysql_thread_id", "", false},
    ConnectionColumns{"session_connect_attrs", "processlist_id", "", false},
    ConnectionColumns{"session_account_connect_attrs", "processlist_id", "", false}};

bool is_of_servers(const mysql::Column& column) {
  return sql::equal_words(column.schema, "information_schema") ||
         sql::equal_words(column.schema, "performance_schema");
}

bool is_one(const mysql::Column& column, const ConnectionColumns& of, std::string_view name) {
  return !name.empty() && is_of_servers(column) && sql::equal_words(column.org_table, of.table) &&
         sql::equal_words(column.org_name, name);
}

std::optional<std::uint32_t> number_of(const Value& value) {
  std::uint64_t number = 0;
  if (const auto* text = std::get_if<std::string>(&value)) {
    const char* end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, number);
    if (text->empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  } else if (const auto* counted = std::get_if<std::uint64_t>(&value)) {
    number = *counted;
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    number = static_cast<std::uint64_t>(*whole);
  } else {
    return std::nullopt;
  }
  return number <= UINT32_MAX ? std::optional(static_cast<std::uint32_t>(number)) : std::nullopt;
}

// Of the kind that it was before.
bool set_number(Value& value, std::uint64_t number) {
  if (auto* text = std::get_if<std::string>(&value)) {
    *text = std::to_string(number);
  } else if (auto* counted = std::get_if<std::uint64_t>(&value)) {
    *counted = number;
  } else if (auto* whole = std::get_if<std::int64_t>(&value)) {
    *whole = static_cast<std::int64_t>(number);
  } else {
    return false;
  }
  return true;
}

}  // namespace

IdentityRows::IdentityRows(sql::IdentityQuery query,
                           bool is_binary,
                           Client client,
                           Sessions sessions)
    : query_(std::move(query)),
      is_binary_(is_binary),
      client_(std::move(client)),
      find_holders_(std::move(sessions.find_holders)) {
  for (SessionInfo& session : sessions.all) sessions_.emplace(session.id, std::move(session));
}

void IdentityRows::begin(std::uint64_t count, std::vector<mysql::Column> definitions) {
  count_ = count;
  definitions_ = std::move(definitions);
  holders_.reset();
  listed_.clear();
  sees_others_ = false;
  find_places();
}

void IdentityRows::find_places() {
  places_.clear();
  if (query_.lists_sessions && count_ == kListed) places_.push_back({kId, kHost, true});
  for (const auto& column : query_.columns) {
    if (column.what == What::LockHolder) places_.push_back({column.place, {}, false});
  }
  for (std::size_t id = 0; id < definitions_.size(); ++id) {
    for (const ConnectionColumns& known : kConnectionColumns) {
      if (!is_one(definitions_[id], known, known.id)) continue;
      Place place{id, {}, known.has_port};
      for (std::size_t host = 0; host < definitions_.size(); ++host) {
        const bool is_same_table = definitions_[host].table == definitions_[id].table;
        if (is_same_table && is_one(definitions_[host], known, known.host)) place.host = host;
      }
      places_.push_back(place);
    }
  }
}

std::optional<BinaryRow> IdentityRows::decode(std::string_view row) const {
  if (is_binary_) {
    if (definitions_.size() != count_) return std::nullopt;
    auto values = mysql::decode_binary_row(row, definitions_);
    return values ? std::optional(*std::move(values)) : std::nullopt;
  }
  auto texts = mysql::decode_text_row(row, count_);
  if (!texts) return std::nullopt;
  BinaryRow values;
  for (auto& text : *texts) values.push_back(text ? Value(*std::move(text)) : Value());
  return values;
}

std::string IdentityRows::encode(const BinaryRow& row) const {
  if (is_binary_) return mysql::encode_binary_row(row, definitions_);
  mysql::TextRow texts;
  for (const Value& value : row) {
    const auto* text = std::get_if<std::string>(&value);
    texts.push_back(text == nullptr ? std::nullopt : std::optional(*text));
  }
  return mysql::encode_text_row(texts);
}

void IdentityRows::edit(std::string& row) {
  auto values = decode(row);
  if (!values) return;
  bool is_changed = tell_of_client(*values);
  for (const Place& place : places_) is_changed |= tell_of_session(*values, place);
  if (is_changed) row = encode(*values);
}

bool IdentityRows::tell_of_client(BinaryRow& row) const {
  bool is_changed = false;
  for (const auto& [place, what] : query_.columns) {
    if (place >= row.size()) continue;
    auto* text = std::get_if<std::string>(&row[place]);
    if (what == What::ConnectionId) {
      is_changed |= set_number(row[place], client_.id);
    } else if (what == What::User && text != nullptr && text->rfind('@') != std::string::npos) {
      text->replace(text->rfind('@') + 1, std::string::npos, client_.host);
      is_changed = true;
    }
  }
  return is_changed;
}

bool IdentityRows::tell_of_session(BinaryRow& row, const Place& place) {
  if (place.id >= row.size() || !find_holders_) return false;
  if (!holders_) holders_ = find_holders_();
  if (query_.lists_sessions) sees_others_ |= row[kUser] != Value(client_.user);
  const auto connection = number_of(row[place.id]);
  const auto holder = connection ? holders_->find(*connection) : holders_->end();
  if (holder == holders_->end()) return false;
  const auto session = sessions_.find(holder->second);
  if (session == sessions_.end()) return false;
  if (!set_number(row[place.id], session->first)) return false;
  if (auto* address = place.host ? std::get_if<std::string>(&row[*place.host]) : nullptr) {
    const std::string& host = session->second.host;
    *address = place.has_port ? host : host.substr(0, host.rfind(':'));
  }
  listed_.insert(session->first);
  return true;
}

// Whether rows of SHOW PROCESSLIST can be made as the server makes them.
bool IdentityRows::has_listed_columns() const {
  if (count_ != kListed) return false;
  if (!is_binary_) return true;
  if (definitions_.size() != kListed) return false;
  for (std::size_t column = 0; column < kListed; ++column) {
    const std::uint8_t type = definitions_[column].type;
    const bool is_number = type == mysql::field_type::kLongLong || type == mysql::field_type::kLong;
    const bool is_text = type == mysql::field_type::kVarString;
    const bool has_number = column == kId || column == kTime;
    if (has_number ? !is_number : !is_text) return false;
  }
  return true;
}

// As a column that has numbers has them.
Value IdentityRows::number(std::size_t column, std::uint64_t value) const {
  if (!is_binary_) return std::to_string(value);
  const bool is_unsigned = (definitions_[column].flags & mysql::column_flag::kUnsigned) != 0;
  return is_unsigned ? Value(value) : Value(static_cast<std::int64_t>(value));
}

std::vector<std::string> IdentityRows::more_rows() {
  std::vector<std::string> rows;
  if (!query_.lists_sessions || !has_listed_columns()) return rows;
  for (const auto& [id, session] : sessions_) {
    if (!sees_others_ && session.user != client_.user) continue;
    if (!listed_.insert(id).second) continue;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(session.idle).count();
    BinaryRow row(kListed);
    row[kId] = number(kId, id);
    row[kUser] = session.user;
    row[kHost] = session.host;
    if (!session.schema.empty()) row[kSchema] = session.schema;
    row[kCommand] = session.is_busy ? "Query" : "Sleep";
    row[kTime] = number(kTime, session.is_busy ? 0 : static_cast<std::uint64_t>(seconds));
    row[kState] = session.is_busy ? "Dorsal: on another server" : "";
    rows.push_back(encode(row));
  }
  return rows;
}

}  // namespace dorsal::proxy
