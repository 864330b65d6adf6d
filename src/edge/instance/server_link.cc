#include "edge/instance/server_link.h"

#include "edge/instance/secrets.h"

namespace dorsal::instance {

namespace {

// What our literals and statements rely on, whatever the user's settings are.
constexpr const char* kSession = "SET SESSION sql_mode = '', SESSION lock_wait_timeout = 31536000";

}  // namespace

io::Task<Result<client::Connection*>> ServerLink::connection(Deadline deadline) {
  if (!connection_) {
    client::ConnectOptions options;
    options.endpoint = io::Endpoint::unix_socket(socket_path_);
    options.login.user = kAgentUser;
    options.login.password = Secret(password_);
    DORSAL_CO_TRY(auto made,
                  co_await client::Connection::connect(loop_, std::move(options), deadline));
    DORSAL_CO_TRY_VOID(co_await made->execute(kSession, deadline));
    connection_ = std::move(made);
  }
  co_return connection_.get();
}

io::Task<Result<void>> ServerLink::run(std::string sql, Deadline deadline) {
  DORSAL_CO_TRY(client::Connection * server, co_await connection(deadline));
  auto reply = co_await server->query(std::move(sql), deadline);
  if (!reply) {
    drop();
    co_return reply.error();
  }
  if (reply->err) co_return invalid(mysql::to_string(*reply->err));
  co_return Result<void>();
}

}  // namespace dorsal::instance
