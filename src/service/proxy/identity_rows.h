// Rows of servers that speak of connections, made to speak of the clients behind them; see
// core/sql/identity_query.h. Each serves one statement, on its session's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "core/mysql/reply_relay.h"
#include "core/sql/identity_query.h"

namespace dorsal::proxy {

// USER() and CONNECTION_ID() among the columns of a SELECT.
class IdentityRows : public mysql::RowEditor {
 public:
  // `host` as USER() has it behind the sign.
  IdentityRows(std::vector<sql::IdentityQuery::Column> columns, std::string host, std::uint32_t id)
      : columns_(std::move(columns)), host_(std::move(host)), id_(id) {}

  void edit(std::string& row) override;

 private:
  std::vector<sql::IdentityQuery::Column> columns_;
  std::string host_;
  std::uint32_t id_;
};

// A session, for a list of them.
struct SessionInfo {
  std::uint32_t id = 0;
  std::string user;
  std::string host;  // with its port, as a server has it
  std::string schema;
  Duration idle = Duration::zero();  // since its last command; of a busy one, since the one before
  bool is_busy = false;
};

// SHOW PROCESSLIST. A row about a connection that a session of this proxy holds becomes one about
// the session. Behind the server's rows come the sessions that hold no connection there: all of
// them for who sees connections of other users, which takes the privilege PROCESS, else those of
// the same user. Connections of pools that no session holds stay what they are, and so do the
// clients of other proxies.
class SessionRows : public mysql::RowEditor {
 public:
  // Sessions by the numbers of the connections to the server in question that they hold.
  using Holders = std::map<std::uint32_t, std::uint32_t>;

  // `find_holders` is called at the first row, since it is then that the server looks, and
  // connections change hands quickly. `sessions` are all there are; `user` is the one who asks.
  SessionRows(std::function<Holders()> find_holders,
              const std::vector<SessionInfo>& sessions,
              std::string user);

  void edit(std::string& row) override;
  std::vector<std::string> more_rows() override;

 private:
  std::function<Holders()> find_holders_;
  std::optional<Holders> holders_;
  std::map<std::uint32_t, SessionInfo> sessions_;  // those that no row was about, by their numbers
  std::string user_;
  bool sees_others_ = false;
};

}  // namespace dorsal::proxy
