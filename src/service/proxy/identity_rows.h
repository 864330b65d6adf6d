// Rows of servers that speak of connections, made to speak of the clients behind them; see
// core/sql/identity_query.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "core/mysql/reply_relay.h"
#include "core/mysql/row.h"
#include "core/sql/identity_query.h"

namespace dorsal::proxy {

// A session, for a list of them.
struct SessionInfo {
  std::uint32_t id = 0;
  std::string user;
  std::string host;  // with its port, as a server has it
  std::string schema;
  Duration idle = Duration::zero();  // since its last command; of a busy one, since the one before
  bool is_busy = false;
};

// Serves one statement, on its session's loop; all of its results, and what is fetched of them.
//
// Columns that are USER() or CONNECTION_ID() tell of the client. A row of the servers' tables of
// connections about one that a session of this proxy holds becomes one about the session, and so
// does the number of who has a lock. Behind the rows of SHOW PROCESSLIST come the sessions that
// hold no connection there: all of them for who sees connections of other users, which takes the
// privilege PROCESS, else those of the same user. Connections of pools that no session holds stay
// what they are, and so do the clients of other proxies.
class IdentityRows : public mysql::RowEditor {
 public:
  // Sessions by the numbers of the connections to the server in question that they hold.
  using Holders = std::map<std::uint32_t, std::uint32_t>;

  // Who asks.
  struct Client {
    std::string user;
    std::string host;  // as USER() has it behind the sign
    std::uint32_t id = 0;
  };

  // Where rows tell of connections.
  struct Sessions {
    // Called at the first row, since it is then that the server looks, and connections change hands
    // quickly.
    std::function<Holders()> find_holders;
    std::vector<SessionInfo> all;
  };

  // `is_binary`: the reply is one to COM_STMT_EXECUTE.
  IdentityRows(sql::IdentityQuery query, bool is_binary, Client client, Sessions sessions = {});

  void begin(std::uint64_t count, std::vector<mysql::Column> definitions) override;
  void edit(std::string& row) override;
  std::vector<std::string> more_rows() override;

 private:
  // Columns of a row that tell of one connection.
  struct Place {
    std::size_t id = 0;
    std::optional<std::size_t> host;
    bool has_port = false;  // in the host
  };

  std::optional<mysql::BinaryRow> decode(std::string_view row) const;
  std::string encode(const mysql::BinaryRow& row) const;
  void find_places();
  bool tell_of_client(mysql::BinaryRow& row) const;
  bool tell_of_session(mysql::BinaryRow& row, const Place& place);
  bool has_listed_columns() const;
  mysql::Value number(std::size_t column, std::uint64_t value) const;

  sql::IdentityQuery query_;
  bool is_binary_;
  Client client_;
  std::function<Holders()> find_holders_;
  std::optional<Holders> holders_;
  std::map<std::uint32_t, SessionInfo> sessions_;  // by their numbers
  std::set<std::uint32_t> listed_;                 // those that a row was about
  std::uint64_t count_ = 0;
  std::vector<mysql::Column> definitions_;
  std::vector<Place> places_;
  bool sees_others_ = false;
};

}  // namespace dorsal::proxy
