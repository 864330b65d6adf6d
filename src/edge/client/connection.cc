#include "edge/client/connection.h"

#include <fmt/format.h>

#include "edge/client/compression.h"
#include "edge/client/converse.h"

namespace dorsal::client {
namespace {

constexpr std::size_t kLargestReply_bytes = std::size_t{16} << 20;

// Exact bytes of a COM_QUIT: length 1, sequence 0, command 1.
constexpr std::string_view kQuit{"\x01\x00\x00\x00\x01", 5};

// Logs in over the stream; on StartTls it does what the server agreed to.
io::Task<Result<void>> run_login(io::Stream& stream,
                                 mysql::ClientLogin& login,
                                 const ConnectOptions& options,
                                 Deadline deadline) {
  for (;;) {
    DORSAL_CO_TRY(auto need, co_await converse(stream, login, deadline));
    if (need == mysql::Need::Kind::Done) co_return Result<void>();
    DORSAL_CHECK(need == mysql::Need::Kind::StartTls);
    if (!options.tls) co_return invalid("the server wants TLS and this side has no TLS settings");
    auto early_bytes = login.leftover();
    DORSAL_CO_TRY_VOID(
        co_await stream.start_tls_client(*options.tls, options.tls_name, deadline, early_bytes));
  }
}

}  // namespace

Connection::Connection(io::Stream stream, const mysql::ClientLogin& login)
    : stream_(std::move(stream)),
      greeting_(login.greeting()),
      capabilities_(login.capabilities()),
      login_ok_(login.ok()) {}

io::Task<Result<Login>> Connection::log_in(io::Loop& loop,
                                           ConnectOptions options,
                                           Deadline deadline) {
  auto where = fmt::format("log in to {}", io::to_string(options.endpoint));
  DORSAL_CO_TRY(auto stream, co_await io::connect(loop, options.endpoint, deadline));
  if (options.endpoint.is_unix()) options.login.channel_is_secure = true;
  if (!options.tls && options.login.tls == mysql::ClientLoginOptions::Tls::Preferred) {
    options.login.tls = mysql::ClientLoginOptions::Tls::Off;
  }
  mysql::ClientLogin login(options.login);
  auto outcome = co_await run_login(stream, login, options, deadline);
  if (!outcome) co_return outcome.error().in(where);

  Login made;
  if (login.refused()) {
    made.refused = *login.refused();
    co_return made;
  }
  if (!login.leftover().empty()) co_return corrupt("bytes behind the OK").in(where);
  start_compression(stream,
                    login.capabilities(),
                    options.login.zstd_level,
                    false,
                    options.compression_numbers);
  made.connection.reset(new Connection(std::move(stream), login));
  co_return made;
}

io::Task<Result<std::unique_ptr<Connection>>> Connection::connect(io::Loop& loop,
                                                                  ConnectOptions options,
                                                                  Deadline deadline) {
  auto endpoint = io::to_string(options.endpoint);
  DORSAL_CO_TRY(auto login, co_await log_in(loop, std::move(options), deadline));
  if (login.refused) {
    co_return unavailable(
        fmt::format("log in to {}: {}", endpoint, mysql::to_string(*login.refused)));
  }
  co_return std::move(login.connection);
}

io::Task<Result<Reply>> Connection::query(std::string sql, Deadline deadline) {
  mysql::QueryConversation conversation(sql, capabilities_, kLargestReply_bytes);
  auto need = co_await converse(stream_, conversation, deadline);
  if (!need) {
    // The rest of the reply may still come; nobody must take it for that of another statement.
    stream_.close();
    co_return need.error();
  }
  DORSAL_CHECK(*need == mysql::Need::Kind::Done);
  if (!conversation.leftover().empty()) {
    stream_.close();
    co_return corrupt("bytes behind the end of a reply");
  }
  Reply reply;
  reply.err = conversation.err();
  reply.results = conversation.take_results();
  co_return reply;
}

io::Task<Result<std::vector<mysql::ResultSet>>> Connection::execute(std::string sql,
                                                                    Deadline deadline) {
  DORSAL_CO_TRY(auto reply, co_await query(std::move(sql), deadline));
  if (reply.err) co_return invalid(mysql::to_string(*reply.err));
  co_return std::move(reply.results);
}

io::Task<Result<std::string>> Connection::scalar(std::string sql, Deadline deadline) {
  DORSAL_CO_TRY(auto results, co_await execute(std::move(sql), deadline));
  bool has_value = !results.empty() && !results.front().rows.empty() &&
                   !results.front().rows.front().empty() && results.front().rows.front().front();
  if (!has_value) co_return not_found("the statement returned no value");
  co_return *results.front().rows.front().front();
}

bool Connection::is_alive() {
  // Whatever can be read now is a farewell or the end.
  char byte = 0;
  auto size = stream_.try_read(&byte, 1);
  return size && *size == 0;
}

void Connection::close() {
  if (!stream_.is_open()) return;
  // A server that does not take five bytes now learns of the end from the closed connection.
  auto quit = kQuit;
  (void)stream_.try_write(quit);
  stream_.close();
}

}  // namespace dorsal::client
