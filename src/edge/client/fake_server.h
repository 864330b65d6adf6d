// A MySQL server for tests: logs clients in, and answers each statement from a list.
//
// It runs on the loop of the test, over a real socket. What it does with a statement that is not in
// its list tells how a test wants it to misbehave.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/mysql/auth.h"
#include "core/mysql/column.h"
#include "core/mysql/login_server.h"
#include "core/mysql/packet.h"
#include "core/mysql/reply.h"
#include "core/mysql/row.h"
#include "edge/client/compression.h"
#include "edge/client/converse.h"
#include "edge/io/listener.h"
#include "edge/io/scope.h"
#include "edge/io/tls.h"

namespace dorsal::client {

class FakeServer {
 public:
  struct Options {
    std::string password = "secret";
    std::optional<io::TlsContext> tls;
    bool greets = true;                           // false: accepts and says nothing
    std::optional<mysql::ErrPacket> greets_with;  // instead of the greeting
    std::size_t piece_bytes = 0;          // send replies in pieces of so many bytes; 0: whole
    std::uint32_t more_capabilities = 0;  // offered beside kCapabilities
  };

  FakeServer(io::Loop& loop, Options options, io::Endpoint endpoint = io::Endpoint("127.0.0.1", 0))
      : options_(std::move(options)),
        listener_(*io::Listener::open(loop, std::move(endpoint))),
        scope_(loop) {
    scope_.spawn(accept_all(*this));
  }

  io::Endpoint endpoint() const { return listener_.local_endpoint(); }

  // The bytes to send for a statement. Without an answer the server closes the connection.
  void answer(std::string sql, std::string bytes) { answers_[std::move(sql)] = std::move(bytes); }
  // Answers every statement that is not in the list. Nothing: it closes the connection.
  void otherwise(std::function<std::optional<std::string>(const std::string& sql)> answer) {
    otherwise_ = std::move(answer);
  }
  void hang_on(std::string sql) { answers_[std::move(sql)] = std::nullopt; }

  int quits() const { return quits_; }

  // What the newest client showed of itself.
  io::TlsPeer newest_peer() const { return streams_.back()->tls_peer(); }

  // Every statement so far, in order, over all connections.
  const std::vector<std::string>& asked() const { return asked_; }

  static constexpr std::uint32_t kCapabilities =
      mysql::capability::kProtocol41 | mysql::capability::kSecureConnection |
      mysql::capability::kPluginAuth | mysql::capability::kConnectWithDb |
      mysql::capability::kDeprecateEof | mysql::capability::kPluginAuthLenencData |
      mysql::capability::kTransactions | mysql::capability::kMultiResults;

  // ---- replies; the sequence numbers fit a command ----

  static std::string ok(std::uint32_t capabilities) {
    return packets({mysql::encode_ok(mysql::OkPacket(), capabilities)});
  }
  static std::string err(std::uint16_t code, std::string state, std::string message) {
    mysql::ErrPacket packet{code, std::move(state), std::move(message)};
    return packets({mysql::encode(packet, kCapabilities)});
  }
  static std::string one_column(std::uint32_t capabilities,
                                const std::vector<std::optional<std::string>>& rows) {
    std::vector<std::string> payloads = {"\x01", mysql::encode(named_column())};
    bool has_eof = (capabilities & mysql::capability::kDeprecateEof) == 0;
    if (has_eof) payloads.push_back(mysql::encode(mysql::EofPacket()));
    for (const auto& row : rows) payloads.push_back(mysql::encode_text_row({row}));
    payloads.push_back(mysql::encode_ok(mysql::OkPacket(), capabilities, true));
    return packets(payloads);
  }
  static std::string packets(const std::vector<std::string>& payloads, std::uint8_t sequence = 1) {
    std::string bytes;
    for (const auto& payload : payloads) mysql::append_packet(bytes, sequence, payload);
    return bytes;
  }

 private:
  static mysql::Column named_column() {
    mysql::Column column;
    column.name = "value";
    return column;
  }

  static io::Task<> accept_all(FakeServer& self) {
    for (;;) {
      auto accepted = co_await self.listener_.accept(Deadline::never());
      if (!accepted) co_return;
      self.streams_.push_back(std::make_unique<io::Stream>(*std::move(accepted)));
      self.scope_.spawn(serve(self, *self.streams_.back()));
    }
  }

  static io::Task<> serve(FakeServer& self, io::Stream& stream) {
    if (!self.options_.greets) co_return;
    if (self.options_.greets_with) {
      auto refusal = packets({mysql::encode(*self.options_.greets_with, 0)}, 0);
      (void)co_await stream.write_all(refusal, Deadline::never());
      co_return;
    }
    auto capabilities = co_await log_in(self, stream);
    if (!capabilities) {
      stream.close();
      co_return;
    }
    co_await answer_all(self, stream);
    stream.close();
  }

  // Empty when the client was refused or went away.
  static io::Task<std::optional<std::uint32_t>> log_in(FakeServer& self, io::Stream& stream) {
    mysql::ServerLoginOptions options;
    options.greeting.server_version = "9.9.9-fake";
    options.greeting.nonce = mysql::make_nonce();
    options.greeting.capabilities = kCapabilities | self.options_.more_capabilities;
    options.tls_available = self.options_.tls.has_value();
    mysql::ServerLogin login(options);
    for (;;) {
      auto need = co_await converse(stream, login, Deadline::never());
      if (!need) co_return std::nullopt;
      if (*need == mysql::Need::Kind::Done) break;
      if (*need == mysql::Need::Kind::StartTls) {
        auto early = login.leftover();
        auto tls = co_await stream.start_tls_server(*self.options_.tls, Deadline::never(), early);
        if (!tls) co_return std::nullopt;
      } else if (login.proves(mysql::caching_sha2_digest(self.options_.password))) {
        login.answer_fast_ok();
      } else {
        login.answer_deny(mysql::access_denied(login.request().user, "localhost", true));
      }
    }
    if (login.outcome().is_answered) co_return std::nullopt;
    auto welcome =
        packets({mysql::encode_ok(mysql::OkPacket(), login.capabilities())}, login.next_sequence());
    auto sent = co_await stream.write_all(welcome, Deadline::never());
    if (!sent) co_return std::nullopt;
    start_compression(stream, login.capabilities(), login.request().zstd_level, true, nullptr);
    co_return login.capabilities();
  }

  static io::Task<> answer_all(FakeServer& self, io::Stream& stream) {
    mysql::PacketAssembler packets(1 << 20);
    std::string buffer(4096, '\0');
    for (;;) {
      auto read = co_await stream.read_some(buffer.data(), buffer.size(), Deadline::never());
      if (!read) co_return;
      packets.feed(std::string_view(buffer.data(), *read));
      for (;;) {
        auto packet = packets.take();
        if (!packet) co_return;
        if (!*packet) break;
        auto command = static_cast<mysql::Command>((*packet)->payload.front());
        if (command == mysql::Command::Quit) ++self.quits_;
        if (command != mysql::Command::Query) co_return;
        auto sql = (*packet)->payload.substr(1);
        self.asked_.push_back(sql);
        auto found = self.answers_.find(sql);
        const bool is_listed = found != self.answers_.end();
        stream.begin_reply();
        if (is_listed && !found->second) continue;
        auto bytes = is_listed ? found->second : self.otherwise_(sql);
        if (!bytes) co_return;
        co_await send(self, stream, *bytes);
      }
    }
  }

  static io::Task<> send(FakeServer& self, io::Stream& stream, std::string bytes) {
    auto piece = self.options_.piece_bytes == 0 ? bytes.size() : self.options_.piece_bytes;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      auto sent =
          co_await stream.write_all(std::string_view(bytes).substr(at, piece), Deadline::never());
      if (!sent) co_return;
    }
  }

  const Options options_;
  std::map<std::string, std::optional<std::string>> answers_;
  std::function<std::optional<std::string>(const std::string&)> otherwise_ =
      [](const std::string&) { return std::nullopt; };
  std::vector<std::string> asked_;
  int quits_ = 0;
  std::vector<std::unique_ptr<io::Stream>> streams_;
  io::Listener listener_;
  io::Scope scope_;
};

}  // namespace dorsal::client
