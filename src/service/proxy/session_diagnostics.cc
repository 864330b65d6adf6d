// What can be asked about the last statement: warnings, errors, row counts.
//
// As long as the connection that it ran on is still there and has served nobody else, it is asked.
// Else the proxy answers from what it kept, see hand_down().
#include <algorithm>
#include <charconv>
#include <utility>

#include "base/bytes.h"
#include "core/mysql/sqlstate.h"
#include "core/mysql/statement.h"
#include "core/sql/user_variables.h"
#include "service/proxy/own_columns.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

namespace flag = mysql::column_flag;

constexpr std::uint16_t kNoSuchCondition = 1758;  // ER_DA_INVALID_CONDITION_NUMBER

// What GET DIAGNOSTICS gives texts in.
constexpr std::string_view kMessageCollation = "utf8mb3_general_ci";

// What servers say of each use of it.
constexpr std::string_view kFoundRowsIsDeprecated =
    "FOUND_ROWS() is deprecated and will be removed in a future release. Consider using COUNT(*) "
    "instead.";

// Those of SHOW WARNINGS.
std::vector<mysql::Column> diagnostics_columns() {
  std::vector<mysql::Column> columns = {text_column("Level", 28),
                                        number_column("Code", flag::kUnsigned),
                                        text_column("Message", 2048)};
  columns[0].flags = flag::kNotNull;
  columns[1].type = mysql::field_type::kLong;
  columns[1].length = 5;
  columns[1].flags |= flag::kNotNull;
  columns[2].flags = flag::kNotNull;
  return columns;
}

// What SIGNAL calls a condition that it gives no number of its own. Nobody is its origin.
bool is_one_of_signals(const std::vector<std::optional<std::string>>& condition) {
  return condition[1] == "1642" || condition[1] == "1643" || condition[1] == "1644";
}

}  // namespace

// The proxy runs a statement itself: what can be asked about the last statement is about this one.
void Session::begin_own_statement() {
  last_statement_lease_ = 0;
  state_.ping_counts = SessionState::PingCounts::Nothing;
  state_.warnings = KeptWarnings();
  state_.warning_count = 0;
  state_.row_count = 0;
  state_.error.reset();
  state_.has_signalled = false;
}

// What the client is told by the proxy joins what can be asked about the last statement.
void Session::note_own_error(const mysql::ErrPacket& err) {
  state_.warnings.rows.push_back({"Error", std::to_string(err.code), err.message});
  state_.error = err;
  state_.ping_counts = SessionState::PingCounts::OneError;
  state_.row_count = -1;
}

// The text of a request that is one statement.
std::optional<std::string_view> Session::text_in(const Request& request) const {
  const bool is_text =
      request.payload[0] == static_cast<char>(mysql::Command::Query) && request.rest == nullptr;
  if (!is_text) return std::nullopt;
  auto query = mysql::view_query(std::string_view(request.payload).substr(1), client_capabilities_);
  if (!query) return std::nullopt;
  return query->sql;
}

// What the request asks about the last statement, if that is all it does.
std::optional<sql::DiagnosticsQuery> Session::diagnostics_query_in(const Request& request) const {
  const auto text = text_in(request);
  if (!text) return std::nullopt;
  return sql::parse_diagnostics_query(*text, state_.lexer_mode());
}

std::optional<sql::GetDiagnostics> Session::get_diagnostics_in(const Request& request) const {
  const auto text = text_in(request);
  if (!text) return std::nullopt;
  return sql::parse_get_diagnostics(*text, state_.lexer_mode());
}

// The connection that ran the last statement is asked about it, if nobody has used it since. Empty:
// run the statement at home, which may be that connection.
io::Task<std::optional<Session::Outcome>> Session::ask_last_used(const sql::Statement& statement,
                                                                 Request& request) {
  using What = sql::DiagnosticsQuery::What;
  const auto query = diagnostics_query_in(request);
  const bool asks_found_rows = query && query->what == What::FoundRows;
  if (asks_found_rows && state_.found_rows_elsewhere) {
    co_await take_found_rows();
    co_return co_await show_diagnostics(*query);
  }
  context_.refresh_view();
  const std::uint64_t lease = last_statement_lease_;
  if (home_ && home_->lease == lease) {
    if (home_is_still_right() || state_.is_tied()) co_return std::nullopt;
    co_await take_diagnostics();
  }
  const bool was_reader = state_.last_ran_on_reader;
  if (last_statement_lease_ != 0) {
    Borrowed borrowed = take_last_used();
    const bool is_home = borrowed && !was_reader && !home_ && &borrowed->server() == pick_home();
    if (borrowed && !was_reader && !is_home) {
      // Another server has become the primary since.
      borrowed.give_back();
      co_await take_diagnostics();
    }
    if (is_home) {
      settle_at(std::move(borrowed));
      co_return std::nullopt;
    }
    if (borrowed) {
      reader_ = std::move(borrowed);
      const ReaderOutcome asked =
          co_await relay_read(request, statement, nullptr, Duration::zero());
      if (asked == ReaderOutcome::Closed) co_return Outcome::Closed;
      if (asked == ReaderOutcome::Answered) {
        if (succeeded_ && !request.user_variables.empty()) {
          reader_ = take_last_used();
          co_await take_along_assignments(request.user_variables);
        }
        co_return Outcome::Answered;
      }
    }
  }
  const Deadline limit = context_.loop.after(context_.options->connect_limit);
  while (captures_ > 0) {
    if (!co_await captured_.wait(limit)) break;
  }
  lose_last_used();
  if (auto get = get_diagnostics_in(request)) co_return co_await get_diagnostics(*get);
  if (!query) co_return std::nullopt;
  const bool asks_rows = query->what == What::Warnings || query->what == What::Errors;
  if (asks_rows && state_.warnings.columns.empty() && state_.warnings.rows.empty()) {
    // There are none, which any connection can tell, with the columns as they must be.
    request.payload = mysql::encode_query(
        query->what == What::Errors ? "SHOW ERRORS LIMIT 0" : "SHOW WARNINGS LIMIT 0",
        client_capabilities_);
    co_return std::nullopt;
  }
  co_return co_await show_diagnostics(*query);
}

// The connection of that lease, if it is in its pool and has not been used since.
Borrowed Session::take_again(Server* server, std::uint64_t lease) {
  if (lease == 0 || server == nullptr) return Borrowed();
  auto pool = pool_of(*server);
  return Borrowed(pool, pool->take_again(lease));
}

Borrowed Session::take_last_used() {
  return take_again(last_statement_server_, last_statement_lease_);
}

// Behind statements that have failed elsewhere: the connection of the last one that has not may
// still know how many rows it has counted.
io::Task<> Session::take_found_rows() {
  const std::uint64_t lease = found_rows_lease_;
  if (lease == 0) co_return;
  const bool is_home = home_ && home_->lease == lease;
  Borrowed borrowed;
  if (!is_home) borrowed = take_again(found_rows_server_, lease);
  Backend* backend = is_home ? home_.get() : borrowed.get();
  if (backend != nullptr && backend->has_counted_rows && !co_await hand_down(*backend)) {
    backend->is_spoilt = true;
  }
  if (borrowed) borrowed.give_back();
  found_rows_lease_ = 0;
}

// The connection of the last statement cannot be asked any more. If nobody has done so before it
// went, what is left is the error that its client has been told.
void Session::lose_last_used() {
  if (std::exchange(last_statement_lease_, 0) == 0 || !state_.error) return;
  if (!state_.warnings.columns.empty() || !state_.warnings.rows.empty()) return;
  state_.warnings.rows.push_back(
      {"Error", std::to_string(state_.error->code), state_.error->message});
}

// GET DIAGNOSTICS sets variables where the last statement ran, and they belong to the session.
io::Task<> Session::take_along_assignments(const std::vector<std::string>& names) {
  if (!reader_) co_return;
  note_assignments(*reader_, names);
  const bool is_read = co_await read_user_variables(*reader_);
  reader_->is_spoilt |= !is_read;
  give_back(reader_, KillTarget::Slot::Reader);
}

// What a connection that went to somebody else would have said about this session's last statement.
io::Task<Session::Outcome> Session::show_diagnostics(const sql::DiagnosticsQuery& query,
                                                     bool has_more) {
  using What = sql::DiagnosticsQuery::What;
  using Row = std::vector<std::optional<std::string>>;
  state_.ping_counts = SessionState::PingCounts::Nothing;
  auto is_wanted = [&](const Row& row) {
    const bool is_error = !row.empty() && row[0] == "Error";
    return is_error || query.what == What::Warnings || query.what == What::WarningCount;
  };
  std::vector<Row> rows;
  for (const auto& row : state_.warnings.rows) {
    if (is_wanted(row)) rows.push_back(row);
  }
  if (query.what == What::Warnings || query.what == What::Errors) {
    const std::size_t begin = std::min<std::uint64_t>(query.offset, rows.size());
    const std::size_t count = std::min<std::uint64_t>(query.limit, rows.size() - begin);
    const std::vector<Row> shown(rows.begin() + static_cast<std::ptrdiff_t>(begin),
                                 rows.begin() + static_cast<std::ptrdiff_t>(begin + count));
    std::vector<mysql::Column> shown_columns = state_.warnings.columns;
    if (shown_columns.empty()) shown_columns = diagnostics_columns();
    co_return co_await send_rows(shown_columns, shown, 0, has_more);
  }
  std::uint64_t count = rows.size();
  if (query.what == What::WarningCount) count = std::max(count, state_.warning_count);
  std::string value = std::to_string(count);
  if (query.what == What::RowCount) value = std::to_string(state_.row_count);
  if (query.what == What::FoundRows) value = std::to_string(state_.found_rows);
  const bool is_variable = query.what == What::WarningCount || query.what == What::ErrorCount;
  const std::vector<mysql::Column> columns = {
      number_column(query.column, is_variable ? flag::kUnsigned : flag::kNotNull)};
  const std::string* limit = state_.variables().find("sql_select_limit");
  std::vector<Row> shown;
  if (limit == nullptr || *limit != "0") shown.push_back(Row{value});
  std::uint16_t warnings = 0;
  if (query.resets) {
    begin_own_statement();
    state_.row_count = -1;
    state_.found_rows = shown.size();
    if (query.what == What::FoundRows) {
      state_.warnings.rows.push_back(Row{"Warning", "1287", std::string(kFoundRowsIsDeprecated)});
      state_.ping_counts = SessionState::PingCounts::Warnings;
      warnings = 1;
    }
  }
  co_return co_await send_rows(columns, shown, warnings, has_more);
}

// GET DIAGNOSTICS about a last statement whose connection went to somebody else. The variables are
// brought to the session's connection with its next statement.
io::Task<Session::Outcome> Session::get_diagnostics(sql::GetDiagnostics get, bool has_more) {
  state_.ping_counts = SessionState::PingCounts::Nothing;
  std::optional<std::size_t> condition;
  if (!get.condition.empty()) condition = co_await condition_number(get.condition);
  const auto& rows = state_.warnings.rows;
  const bool is_there = condition && *condition >= 1 && *condition <= rows.size();
  std::uint16_t warnings = 0;
  if (get.condition.empty() || is_there) {
    // Those of before are brought along with these.
    if (home_ && state_.has_unread_user_variables && !co_await read_user_variables(*home_)) {
      home_->is_spoilt = true;
    }
    for (const auto& target : get.targets)
      assign(target, is_there ? &rows[*condition - 1] : nullptr);
  } else {
    state_.warnings.rows.push_back(
        {"Error", std::to_string(kNoSuchCondition), "Invalid condition number"});
    warnings = 1;
  }
  mysql::OkPacket ok;
  ok.status = static_cast<std::uint16_t>(
      state_.status | (has_more ? mysql::status::kMoreResults : std::uint16_t{0}));
  ok.warnings = warnings;
  const Outcome outcome = co_await send_own_ok(std::move(ok));
  if (has_more) ++reply_to_;
  co_return outcome;
}

// Empty for what is no number of a condition, or when it cannot be found out.
io::Task<std::optional<std::size_t>> Session::condition_number(std::string written) {
  std::size_t number = 0;
  const char* end = written.data() + written.size();
  auto [read_to, failure] = std::from_chars(written.data(), end, number);
  if (failure == std::errc() && read_to == end) co_return number;
  auto refused = co_await ensure_home(context_.loop.after(context_.options->primary_limit));
  if (refused) co_return std::nullopt;
  auto brought = co_await bring_up_to_date(*home_, needs_at_home(true));
  if (!brought || *brought) co_return std::nullopt;
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  auto reply = co_await home_->query("SELECT CAST(" + written + " AS SIGNED) LIMIT 1", deadline);
  home_->has_old_diagnostics = true;
  if (!reply || reply->err || reply->results.at(0).rows.empty()) {
    home_->is_spoilt |= !reply;
    co_return std::nullopt;
  }
  const std::string value = reply->results[0].rows[0].at(0).value_or("0");
  if (value[0] == '-') co_return std::nullopt;
  co_return std::strtoull(value.c_str(), nullptr, 10);
}

// Sets a variable to what is asked of a condition; without one, of the statement.
void Session::assign(const sql::GetDiagnostics::Target& target,
                     const std::vector<std::optional<std::string>>* condition) {
  using Item = sql::GetDiagnostics::Item;
  auto kind = sql::ValueKind::Text;
  std::string value;
  const std::string sqlstate = condition == nullptr ? "" : sqlstate_of(*condition);
  const bool is_signalled = condition != nullptr && is_one_of_signals(*condition);
  switch (target.item) {
    case Item::Number:
      kind = sql::ValueKind::UnsignedInteger;
      value = std::to_string(state_.warnings.rows.size());
      break;
    case Item::RowCount:
      kind = sql::ValueKind::Integer;
      value = std::to_string(state_.row_count);
      break;
    case Item::MysqlErrno:
      kind = sql::ValueKind::UnsignedInteger;
      value = (*condition)[1].value_or("0");
      break;
    case Item::MessageText:
      value = (*condition)[2].value_or("");
      break;
    case Item::ReturnedSqlstate:
      value = sqlstate;
      break;
    case Item::ClassOrigin:
      if (!is_signalled) value = mysql::class_origin(sqlstate);
      break;
    case Item::SubclassOrigin:
      if (!is_signalled) value = mysql::subclass_origin(sqlstate);
      break;
    case Item::GivenName:
      break;
  }
  auto text = sql::assignment(target.variable, kind, value, to_hex(value), kMessageCollation);
  if (!text) return;
  state_.user_variables[target.variable] = *std::move(text);
  ++state_.user_variables_version;
  state_.pins |= sql::Pin::UserVariable;
}

// SHOW WARNINGS does not say it. Of the error, its ERR has.
std::string Session::sqlstate_of(const std::vector<std::optional<std::string>>& condition) const {
  const auto code =
      static_cast<std::uint16_t>(std::strtoul(condition[1].value_or("0").c_str(), nullptr, 10));
  const bool is_error = condition[0] == "Error" && state_.error && state_.error->code == code;
  return is_error ? state_.error->sqlstate : std::string(mysql::sqlstate_of(code));
}

// A text of several statements may ask about the last one first, and then run on another connection
// than that one did, or behind a statement of the proxy's own. Gives the size of what has been
// answered.
io::Task<std::size_t> Session::answer_leading_diagnostics(const ClientCommand& command,
                                                          std::string_view sql) {
  const bool may_be_several =
      (identity_.client_capabilities & mysql::capability::kMultiStatements) != 0;
  std::size_t answered = 0;
  while (may_be_several && command.is_whole && client_.is_open()) {
    const std::string_view left = sql.substr(answered);
    auto leading = sql::parse_leading_diagnostics_query(left, state_.lexer_mode());
    auto leading_get = sql::parse_leading_get_diagnostics(left, state_.lexer_mode());
    if (!leading && !leading_get) break;
    co_await take_diagnostics();
    Outcome shown = Outcome::Answered;
    if (leading) shown = co_await show_diagnostics(leading->query, true);
    if (leading_get) shown = co_await get_diagnostics(leading_get->get, true);
    if (shown == Outcome::Closed) client_.close();
    answered += leading ? leading->rest : leading_get->rest;
  }
  co_return answered;
}

// Keeps all that can be asked about the last statement, wherever it ran.
io::Task<> Session::take_diagnostics() {
  const std::uint64_t lease = last_statement_lease_;
  if (lease == 0) co_return;
  const bool is_home = home_ && home_->lease == lease;
  Borrowed borrowed;
  if (!is_home) borrowed = take_last_used();
  Backend* backend = is_home ? home_.get() : borrowed.get();
  bool is_good = backend != nullptr;
  if (is_good) {
    // What FOUND_ROWS() says behind a write, no reply has told.
    backend->has_counted_rows |= succeeded_;
    is_good = co_await hand_down(*backend);
    backend->is_spoilt |= !is_good;
  }
  if (borrowed) borrowed.give_back();
  if (!is_good) lose_last_used();
  last_statement_lease_ = 0;
}

}  // namespace dorsal::proxy
