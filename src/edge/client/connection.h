// A connection to a MySQL server: logged in, and ready for commands.
//
// Agents use query(). The proxy uses stream() and moves packets itself; nothing else may be in
// flight on the connection then. Belongs to one loop; one call at a time. After a failure other
// than a server's own ERR the connection is closed and every later call fails.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "core/mysql/command_client.h"
#include "core/mysql/login_client.h"
#include "core/mysql/reply.h"
#include "edge/io/connect.h"
#include "edge/io/loop.h"
#include "edge/io/stream.h"
#include "edge/io/task.h"
#include "edge/io/tls.h"

namespace dorsal::client {

struct ConnectOptions {
  io::Endpoint endpoint;            // TCP or a unix socket; the latter counts as secure
  mysql::ClientLoginOptions login;  // user, password, schema, capabilities, TLS wish
  std::optional<io::TlsContext>
      tls;               // without it a Preferred TLS counts as Off, a Required one fails
  std::string tls_name;  // name or address that the certificate must carry
  // What is counted if login.capabilities bring about compression; may be null, else outlives the
  // connection.
  io::CompressionNumbers* compression_numbers = nullptr;
};

// What logging in came to: a connection, or the server's own refusal (1045, 1049, 1040…).
class Connection;
struct Login {
  std::unique_ptr<Connection> connection;  // null when refused
  std::optional<mysql::ErrPacket> refused;
};

struct Reply {
  std::vector<mysql::ResultSet> results;  // one for each statement that succeeded
  std::optional<mysql::ErrPacket> err;    // the server's ERR, after the results before it
};

class Connection {
 public:
  // Error: the network, TLS or the protocol failed. A refusal by the server is a value.
  static io::Task<Result<Login>> log_in(io::Loop& loop, ConnectOptions options, Deadline deadline);

  // log_in() for those to whom a refusal is a failure like any other (Unavailable).
  static io::Task<Result<std::unique_ptr<Connection>>> connect(io::Loop& loop,
                                                               ConnectOptions options,
                                                               Deadline deadline);

  // Sends one COM_QUERY and buffers its whole reply (bounded to 16 MiB).
  io::Task<Result<Reply>> query(std::string sql, Deadline deadline);

  // query() for those to whom an ERR is a failure: its results, or Invalid with the server's
  // words. The error's message begins with "ERROR <code> (<sqlstate>): ".
  io::Task<Result<std::vector<mysql::ResultSet>>> execute(std::string sql, Deadline deadline);

  // The first column of the first row of the first result; NotFound when there is none or NULL.
  io::Task<Result<std::string>> scalar(std::string sql, Deadline deadline);

  io::Stream& stream() { return stream_; }
  const mysql::Greeting& greeting() const { return greeting_; }
  std::uint32_t capabilities() const { return capabilities_; }
  const mysql::OkPacket& login_ok() const { return login_ok_; }

  // Looks, without waiting, whether the server has closed the connection meanwhile. Nothing is in
  // flight.
  bool is_alive();

  // Sends COM_QUIT if that needs no waiting, and closes.
  void close();

 private:
  Connection(io::Stream stream, const mysql::ClientLogin& login);

  io::Stream stream_;
  mysql::Greeting greeting_;
  std::uint32_t capabilities_ = 0;
  mysql::OkPacket login_ok_;
};

}  // namespace dorsal::client
