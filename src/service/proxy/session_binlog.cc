// The binary log, for mysqlbinlog and tools that capture changes: passed on from the session's
// home.
#include "core/mysql/packet.h"
#include "core/mysql/protocol.h"
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
  home_->server().statements.add();
  const bool has_begun = co_await hear_first_of_dump();
  if (!has_begun) co_return Outcome::Closed;
  const char first = reader_inbox_[mysql::kHeaderSize];
  if (static_cast<std::uint8_t>(first) == mysql::kErrMarker) co_return co_await refuse_dump();
  home_->is_spoilt = true;  // nobody else's after this
  state_.reads_binlog = true;
  io::Scope scope(context_.loop);
  scope.spawn(pass_on_to_dump());
  co_await relay_dump();
  co_await scope.cancel_and_join();
  co_return Outcome::Closed;
}

// Until it shows whether events come or the reason why none will. False: the server or the client
// is gone.
io::Task<bool> Session::hear_first_of_dump() {
  reader_inbox_.clear();
  auto buffer = context_.take_buffer();
  while (reader_inbox_.size() <= mysql::kHeaderSize) {
    auto size = co_await read_reply(*home_, buffer.get());
    if (!size) co_return false;
    reader_inbox_.append(buffer.get(), *size);
  }
  context_.give_buffer(std::move(buffer));
  co_return true;
}

// The error is passed on as that of any other command. Behind one that comes before a server has
// begun to dump, it takes other commands still; behind all others it closes the connection.
io::Task<Session::Outcome> Session::refuse_dump() {
  constexpr std::uint16_t kMalformedPacket = 1835;
  constexpr std::uint16_t kMissingPrivilege = 1227;
  Request request;
  request.shape = mysql::ReplyShape::OnePacket;
  request.may_write = false;
  relay_->change_server(home_->capabilities(), !home_->tells_all_gtids);
  relay_->begin(request.shape);
  const RelayEnd end = co_await relay_reply(*home_, request);
  home_->used(context_.loop.now());
  const auto& err = relay_->summary().err;
  const bool goes_on = end == RelayEnd::Answered && err &&
                       (err->code == kMalformedPacket || err->code == kMissingPrivilege);
  const bool joins = goes_on && note_reply(*home_, request, kNoStatement);
  if (joins) co_await join_error(*home_);
  co_return goes_on ? Outcome::Answered : Outcome::Closed;
}

// The server's events to the client, those first that have come already, until either is gone: a
// server closes the connection behind the end of a dump too.
io::Task<> Session::relay_dump() {
  const Outcome begun = co_await send_to_client(reader_inbox_);
  reader_inbox_.clear();
  if (begun == Outcome::Closed) co_return;
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
