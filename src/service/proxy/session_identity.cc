// What servers say of the proxy's connections, made to be said of clients, and who may end whom.
#include <fmt/format.h>

#include <algorithm>

#include "core/sql/grants.h"
#include "core/sql/own_identity.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {
namespace {

// Texts in these have no bytes of ASCII in them that could be found and replaced.
bool is_wide(std::string_view charset) {
  return charset == "ucs2" || charset == "utf16" || charset == "utf16le" || charset == "utf32";
}

}  // namespace

std::optional<SessionInfo> Session::describe() const {
  if (!is_logged_in_) return std::nullopt;
  SessionInfo info;
  info.id = id_;
  info.user = identity_.user;
  info.host = entrance_->host_and_port();
  info.schema = state_.schema();
  info.idle = context_.loop.now() - idle_since_;
  info.is_busy = is_busy_;
  return info;
}

// The statement as a server must get it, so that what it computes is about this client. Null: as it
// is.
std::optional<std::string> Session::own_identity_in(const sql::Statement& statement,
                                                    std::string_view sql) const {
  if (!statement.asks_identity || sql::is_system_schema(state_.schema())) return std::nullopt;
  return sql::with_own_identity(sql,
                                state_.lexer_mode(),
                                {fmt::format("{}@{}", identity_.user, entrance_->host()), id_});
}

// What the statement's rows tell that is not about clients.
sql::IdentityQuery Session::identity_query_of(const sql::Statement& statement,
                                              std::string_view sql) const {
  const bool may_tell = statement.asks_identity || sql::is_system_schema(state_.schema());
  return may_tell ? sql::parse_identity_query(sql, state_.lexer_mode()) : sql::IdentityQuery();
}

// Of a query that is not empty. Null when the rows can only be left as they are.
io::Task<std::shared_ptr<mysql::RowEditor>> Session::editor_of(sql::IdentityQuery query,
                                                               bool is_binary) {
  const std::string* charset = state_.variables().find("character_set_results");
  if (charset != nullptr && is_wide(*charset)) co_return nullptr;
  const bool tells_of_sessions =
      query.lists_sessions || query.reads_connections ||
      std::any_of(query.columns.begin(), query.columns.end(), [](const auto& column) {
        return column.what == sql::IdentityQuery::What::LockHolder;
      });
  IdentityRows::Sessions sessions;
  if (tells_of_sessions) {
    const Deadline deadline = context_.loop.after(context_.options->connect_limit);
    sessions.all = co_await list_sessions(deadline);
    sessions.find_holders = [this] {
      return home_ ? shared_.sessions.holders(home_->server().index) : IdentityRows::Holders();
    };
  }
  IdentityRows::Client client{identity_.user, entrance_->host(), id_};
  co_return std::make_shared<IdentityRows>(std::move(query),
                                           is_binary,
                                           std::move(client),
                                           std::move(sessions));
}

// All of this proxy's, as their loops describe them; without those of a loop that does not answer
// in time.
io::Task<std::vector<SessionInfo>> Session::list_sessions(Deadline deadline) {
  struct Gathered {
    explicit Gathered(io::Loop& loop_) : loop(loop_), done(loop_) {}
    io::Loop& loop;
    io::Event done;
    std::vector<SessionInfo> sessions;
    std::size_t answers = 0;
    std::size_t expected = SIZE_MAX;
  };
  auto gathered = std::make_shared<Gathered>(context_.loop);
  gathered->expected = shared_.on_each_loop([gathered](LoopContext& context) {
    auto part = std::make_shared<std::vector<SessionInfo>>();
    for (const auto& [id, session] : context.sessions) {
      if (auto info = session->describe()) part->push_back(*std::move(info));
    }
    gathered->loop.post([gathered, part] {
      std::move(part->begin(), part->end(), std::back_inserter(gathered->sessions));
      if (++gathered->answers == gathered->expected) gathered->done.set();
    });
  });
  (void)co_await gathered->done.wait(deadline);
  co_return std::move(gathered->sessions);
}

// Whether a server would let this client end connections of other users. It is asked over a
// connection of its own, since nothing may come between the session's statements.
io::Task<bool> Session::may_end_others(Deadline deadline) {
  context_.refresh_view();
  Server* server = pick_home();
  if (server == nullptr) co_return false;
  auto opened = co_await Backend::open(context_, *server, identity_, deadline);
  if (!opened || !opened->backend) co_return false;
  auto grants = co_await opened->backend->query("SHOW GRANTS", deadline);
  if (!grants || grants->err || grants->results.empty()) co_return false;
  const auto& rows = grants->results[0].rows;
  co_return std::any_of(rows.begin(), rows.end(), [](const auto& row) {
    return !row.empty() && row[0] && sql::allows_to_end_others(*row[0]);
  });
}

}  // namespace dorsal::proxy
