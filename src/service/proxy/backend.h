// One connection of one session to one server, and what has been set up on it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

#include "base/deadline.h"
#include "base/result.h"
#include "base/secret.h"
#include "core/mysql/reply.h"
#include "core/mysql/reply_relay.h"
#include "edge/client/connection.h"
#include "edge/io/task.h"
#include "service/proxy/servers.h"
#include "service/proxy/session_state.h"

namespace dorsal::proxy {

struct LoopContext;

// A host that never leaves this machine.
bool is_loopback(std::string_view host);

// A query whose answer is 0 once the server has executed the GTID set, 1 if not in time.
std::string wait_for_position(std::string_view gtids, Duration patience);

// Who a session logs in as, everywhere.
struct Identity {
  std::string user;
  Secret password;
  std::optional<std::string> native_sha1;
  std::uint32_t client_capabilities = 0;
  std::uint8_t collation = mysql::kDefaultCollation;
  mysql::ConnectAttributes attributes;
};

class Backend {
 public:
  struct Opened {
    std::unique_ptr<Backend> backend;         // null when refused
    std::optional<mysql::ErrPacket> refused;  // the server's own words
  };

  // Logs in and sets up tracking, in the schema given. The context, the server and the state
  // outlive the Backend; `session` is the client's connection number.
  static io::Task<Result<Opened>> open(LoopContext& context,
                                       Server& server,
                                       const Identity& identity,
                                       const SessionState& state,
                                       std::uint32_t session,
                                       Deadline deadline);
  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  Server& server() { return server_; }
  io::Stream& stream() { return connection_->stream(); }
  std::uint32_t capabilities() const { return connection_->capabilities(); }
  std::uint16_t login_status() const { return connection_->login_ok().status; }
  std::uint32_t connection_id() const { return connection_->greeting().connection_id; }
  mysql::ReplyRelay& relay() { return relay_; }  // for the client's replies
  mysql::ReplyRelay& inner() { return inner_; }  // for replies that the client never sees

  // The command that brings this connection's variables up to the session's; empty when they are.
  // The caller sends it in front of the next statement and reports its outcome.
  std::string sync_variables_command();
  std::string sync_schema_command();
  void synced() {
    synced_variables_ = state_.variables_version();
    synced_schema_ = state_.schema_version();
  }

  // The state was taken from this very connection's own reply.
  void is_origin_of_state() { synced(); }

  // Runs a statement of the proxy's own and drops its rows. Nothing may be in flight.
  io::Task<Result<mysql::ReplySummary>> run(std::string sql, Deadline deadline);

  // The session's prepared statements on this connection: the client's id to the server's.
  std::unordered_map<std::uint32_t, std::uint32_t>& statements() { return statements_; }

  // Takes the COM_STMT_CLOSE commands that have gathered, to be sent in front of the next command;
  // they have no reply.
  void close_statement(std::uint32_t client_id);
  std::string take_closes() { return std::exchange(closes_, {}); }

  // Replies that are still to come for commands whose outcome nobody waits for any more. They are
  // read and dropped before the connection is used again; false when there is too much of it.
  // `begun` is what has been read of them already.
  void abandon_reply(mysql::ReplyShape shape, std::string begun) {
    abandoned_ = shape;
    abandoned_bytes_ = std::move(begun);
  }
  io::Task<bool> drop_abandoned(Deadline deadline);

  TimePoint last_used() const { return last_used_; }
  void used(TimePoint now) { last_used_ = now; }

  // Looks, without waiting, whether the server has closed the connection meanwhile.
  bool is_alive();

 private:
  Backend(LoopContext& context,
          Server& server,
          const Identity& identity,
          const SessionState& state,
          std::uint32_t session,
          std::unique_ptr<client::Connection> connection);

  LoopContext& context_;
  Server& server_;
  const SessionState& state_;
  const std::uint32_t session_;
  std::unique_ptr<client::Connection> connection_;
  mysql::ClientTracking no_tracking_;
  mysql::ReplyRelay relay_;
  mysql::ReplyRelay inner_;
  std::uint64_t synced_variables_ = 0;
  std::uint64_t synced_schema_ = 0;
  std::unordered_map<std::uint32_t, std::uint32_t> statements_;
  std::string closes_;
  std::optional<mysql::ReplyShape> abandoned_;
  std::string abandoned_bytes_;
  TimePoint last_used_;
};

}  // namespace dorsal::proxy
