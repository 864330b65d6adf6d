#include "service/proxy/identity_rows.h"

#include <chrono>
#include <cstdlib>

#include "base/bytes.h"
#include "core/mysql/lenenc.h"
#include "core/mysql/row.h"

namespace dorsal::proxy {
namespace {

using Fields = std::vector<std::optional<std::string>>;

constexpr std::uint8_t kNull = 0xfb;

// Of a text row, however many it has; empty when it is malformed.
Fields fields_of(std::string_view row) {
  Fields fields;
  Reader reader(row);
  while (!reader.at_end() && reader.ok()) {
    if (reader.peek() == kNull) {
      reader.skip(1);
      fields.emplace_back();
    } else {
      fields.emplace_back(mysql::read_lenenc_string(reader));
    }
  }
  return reader.ok() ? fields : Fields();
}

std::optional<std::uint32_t> number_of(const std::optional<std::string>& text) {
  if (!text || text->empty() || text->find_first_not_of("0123456789") != text->npos) return {};
  const unsigned long long number = std::strtoull(text->c_str(), nullptr, 10);
  return number <= UINT32_MAX ? std::optional(static_cast<std::uint32_t>(number)) : std::nullopt;
}

// Places of what SHOW PROCESSLIST has; the last is the statement.
enum class Column : std::size_t { Id, User, Host, Schema, Command, Time, State, Info };
constexpr std::size_t kColumns = 8;

std::optional<std::string>& at(Fields& fields, Column column) {
  return fields[static_cast<std::size_t>(column)];
}

}  // namespace

void IdentityRows::edit(std::string& row) {
  Fields fields = fields_of(row);
  for (const auto& [place, what] : columns_) {
    if (place >= fields.size() || !fields[place]) continue;
    std::string& field = *fields[place];
    if (what == sql::IdentityQuery::What::ConnectionId) {
      field = std::to_string(id_);
    } else if (const auto sign = field.rfind('@'); sign != std::string::npos) {
      field.replace(sign + 1, std::string::npos, host_);
    }
  }
  if (!fields.empty()) row = mysql::encode_text_row(fields);
}

SessionRows::SessionRows(std::function<Holders()> find_holders,
                         const std::vector<SessionInfo>& sessions,
                         std::string user)
    : find_holders_(std::move(find_holders)), user_(std::move(user)) {
  for (const SessionInfo& session : sessions) sessions_.emplace(session.id, session);
}

void SessionRows::edit(std::string& row) {
  if (!holders_) holders_ = find_holders_();
  Fields fields = fields_of(row);
  if (fields.size() != kColumns) return;
  sees_others_ |= at(fields, Column::User) != user_;
  const auto connection = number_of(at(fields, Column::Id));
  const auto holder = connection ? holders_->find(*connection) : holders_->end();
  if (holder == holders_->end()) return;
  const auto session = sessions_.find(holder->second);
  if (session == sessions_.end()) return;
  at(fields, Column::Id) = std::to_string(session->first);
  at(fields, Column::Host) = session->second.host;
  row = mysql::encode_text_row(fields);
  sessions_.erase(session);
}

std::vector<std::string> SessionRows::more_rows() {
  std::vector<std::string> rows;
  for (const auto& [id, session] : sessions_) {
    if (!sees_others_ && session.user != user_) continue;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(session.idle).count();
    Fields fields(kColumns);
    at(fields, Column::Id) = std::to_string(id);
    at(fields, Column::User) = session.user;
    at(fields, Column::Host) = session.host;
    if (!session.schema.empty()) at(fields, Column::Schema) = session.schema;
    at(fields, Column::Command) = session.is_busy ? "Query" : "Sleep";
    at(fields, Column::Time) = std::to_string(session.is_busy ? 0 : seconds);
    at(fields, Column::State) = session.is_busy ? "Dorsal: on another server" : "";
    rows.push_back(mysql::encode_text_row(fields));
  }
  sessions_.clear();
  return rows;
}

}  // namespace dorsal::proxy
