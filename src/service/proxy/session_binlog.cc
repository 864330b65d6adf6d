// The binary log, for mysqlbinlog and tools that capture changes: passed on from the session's
// home.
#include "core/mysql/packet.h"
#include "edge/io/scope.h"
#include "service/proxy/errors.h"
#include "service/proxy/session.h"

namespace dorsal::proxy {

// Home is the primary, or the one replica that a session of the replicas port has, so that what
// SHOW BINARY LOG STATUS has told a client holds for the dump too.
io::Task<Session::Outcome> Session::dump_binlog(ClientCommand& command) {
  if (!command.is_whole) co_return co_await send_err(errors::malformed_packet());
  auto refused = co_await ensure_home(context_.loop.after(context_.options->primary_limit));
  if (refused) co_return co_await send_err(*refused);
  // Variables such as @source_binlog_checksum tell the server what the client can read.
  auto brought = co_await bring_up_to_date(*home_, needs_at_home(false));
  if (brought && *brought) co_return co_await send_err(**brought);
  std::string bytes = home_->take_closes();
  mysql::append_command(bytes, command.payload);
  const Deadline limit = context_.loop.after(context_.options->connect_limit);
  Result<void> sent = unavailable("not reached");
  if (brought) sent = co_await home_->stream().write_all(bytes, limit);
  if (!sent) {
    home_.reset();
    co_return co_await send_err(errors::no_primary("its connection was lost"));
  }
  home_->is_spoilt = true;  // nobody else's after this
  state_.reads_binlog = true;
  home_->server().statements.add();
  io::Scope scope(context_.loop);
  scope.spawn(pass_on_to_dump());
  co_await relay_dump();
  co_await scope.cancel_and_join();
  co_return Outcome::Closed;
}

// The server's events to the client, until either is gone: a server closes the connection behind
// the end of a dump too.
io::Task<> Session::relay_dump() {
  auto buffer = context_.take_buffer();
  for (;;) {
    auto size = co_await home_->stream().read_some(buffer.get(),
                                                   LoopContext::kBufferBytes,
                                                   Deadline::never());
    if (!size) break;
    const std::string_view bytes(buffer.get(), *size);
    const Outcome outcome = co_await send_to_client(bytes);
    if (outcome == Outcome::Closed) break;
  }
  context_.give_buffer(std::move(buffer));
}

// What the client sends meanwhile: acknowledgements of semi-synchronous replication, or that it
// wants no more.
io::Task<> Session::pass_on_to_dump() {
  for (;;) {
    auto passed_on = co_await fill_inbox(1, Deadline::never());
    const bool is_over = co_await io::cancelled();
    if (is_over) co_return;
    if (passed_on) passed_on = co_await home_->stream().write_all(inbox_, Deadline::never());
    if (!passed_on) break;
    inbox_.clear();
  }
  home_->stream().close();
}

}  // namespace dorsal::proxy
