#include "edge/instance/door_probe.h"

#include <utility>

#include "edge/client/connection.h"
#include "edge/instance/secrets.h"
#include "edge/io/tls.h"

namespace dorsal::instance {
namespace {

bool is_of_server(const Error& error) {
  return error.kind == ErrorKind::Timeout || error.kind == ErrorKind::Unavailable;
}

}  // namespace

DoorProbe::DoorProbe(io::Loop& loop, Options options)
    : loop_(loop), options_(std::move(options)), scope_(loop) {
  scope_.spawn(probe_for_ever());
}

io::Task<> DoorProbe::probe_for_ever() {
  for (;;) {
    const auto entered = co_await enter();
    trouble_.clear();
    // Certificates that are refused are told of elsewhere, and another node would be no better.
    if (!entered && is_of_server(entered.error())) {
      trouble_ = "mysqld lets no new connection in: " + entered.error().message;
    }
    const Deadline next = loop_.after(options_.pause);
    const bool goes_on = co_await loop_.sleep_until(next);
    if (!goes_on) co_return;
  }
}

io::Task<Result<void>> DoorProbe::enter() {
  auto tls = io::TlsContext::client(io::TlsVerify::CaOnly, options_.tls_ca);
  if (!tls) co_return tls.error();
  client::ConnectOptions options;
  options.endpoint = options_.address;
  options.login.user = kMonitorUser;
  options.login.password = Secret(options_.password);
  options.login.tls = mysql::ClientLoginOptions::Tls::Required;
  options.tls = *std::move(tls);
  const Deadline deadline = loop_.after(options_.limit);
  auto login = co_await client::Connection::log_in(loop_, std::move(options), deadline);
  if (!login) co_return login.error();
  if (login->connection) login->connection->close();
  co_return Result<void>();
}

}  // namespace dorsal::instance
