#include "edge/io/stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <utility>

#include "base/check.h"
#include "edge/io/descriptor.h"
#include "edge/io/endpoint.h"
#include "edge/io/layers.h"
#include "edge/io/refusals.h"
#include "edge/io/socket.h"

namespace dorsal::io {
namespace {

// How many reads in a row may find their bytes without waiting before the loop's other tasks get
// their turn.
constexpr int kReadsPerTurn = 16;

// How often bytes may come without anything to hand on (empty frames, say) in one turn.
constexpr int kReceivesPerTurn = 16;

// A TLS record with its header and tag.
constexpr std::size_t kTlsRecord = (std::size_t{16} << 10) + 512;

Error stream_is_closed() { return unavailable("the connection is closed"); }

Task<Result<std::size_t>> fail_read(Error error) { co_return error; }
Task<Result<void>> fail(Error error) { co_return error; }

bool is_set(const asio::cancellation_state& state) {
  return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace

struct Stream::State {
  // Receives into the caller's buffer, or into the layers, or only waits for something to receive.
  class Read final : public Operation {
   public:
    explicit Read(State& state) : Operation(state.descriptor, Direction::Read), state_(state) {}
    void into_buffer(char* buffer, std::size_t size) { buffer_ = buffer, size_ = size; }
    void into_layers() { buffer_ = nullptr, size_ = 1; }
    void into_nothing() { buffer_ = nullptr, size_ = 0; }

   private:
    Progress attempt(bool after_edge) override;
    bool is_ready_unnoticed() override {
      return state_.tells_rest && is_readable(descriptor_.native_handle());
    }

    State& state_;
    char* buffer_ = nullptr;
    std::size_t size_ = 0;
  };

  // Sends the output of the layers, or first and second.
  class Write final : public Operation {
   public:
    explicit Write(State& state) : Operation(state.descriptor, Direction::Write), state_(state) {}
    Write(State& state, std::string_view first, std::string_view second)
        : Operation(state.descriptor, Direction::Write),
          state_(state),
          first_(first),
          second_(second) {}

   private:
    Progress attempt(bool after_edge) override;

    State& state_;
    std::string_view first_;
    std::string_view second_;
  };

  explicit State(Loop& loop) : descriptor(loop), read(*this) {}

  Result<Transfer> receive_into_layers();
  Result<std::size_t> try_read(char* buffer, std::size_t size);
  Result<std::size_t> try_read_buffered(char* buffer, std::size_t size);
  Result<bool> try_send(std::string_view& first, std::string_view& second);
  Result<bool> try_flush();

  bool is_writing() const { return descriptor.is_busy(Direction::Write); }

  bool may_read_at_once() {
    if (!maybe_readable || reads_in_turn >= kReadsPerTurn) return false;
    ++reads_in_turn;
    return true;
  }

  Task<Result<std::size_t>> wait_and_read(char* buffer,
                                          std::size_t size,
                                          Deadline deadline,
                                          Precision precision);
  Task<Result<std::size_t>> read_at_once(char* buffer,
                                         std::size_t size,
                                         Deadline deadline,
                                         Precision precision);
  Task<Result<std::size_t>> read_layers(char* buffer,
                                        std::size_t size,
                                        Deadline deadline,
                                        Precision precision);
  Task<Result<void>> write_plain(std::string_view first,
                                 std::string_view second,
                                 Deadline deadline);
  Task<Result<void>> write_layers(std::string_view first,
                                  std::string_view second,
                                  Deadline deadline);
  Task<Result<void>> flush(Deadline deadline);
  Task<Result<void>> wait_readable(Deadline deadline, Precision precision);
  Task<Result<void>> shake_hands(Deadline deadline);
  Result<void> start_tls(const TlsContext& context,
                         const std::string& server_name,
                         std::string_view already_read);

  Refusals& refusals() { return descriptor.loop().refusals(); }

  Descriptor descriptor;
  Read read;
  Layers layers;
  bool tells_rest = false;     // the kernel says what is left after each receive
  bool maybe_readable = true;  // false: a receive now would most likely find nothing
  bool is_encrypted = false;   // the handshake is complete
  int reads_in_turn = 0;
  std::uint16_t peer_port = 0;
  std::string peer_address;
};

Operation::Progress Stream::State::Read::attempt(bool after_edge) {
  state_.reads_in_turn = 0;
  int socket = descriptor_.native_handle();
  if (size_ == 0) {
    if (!after_edge && !is_readable(socket)) return Progress::NotYet;
    state_.maybe_readable = true;
    return Progress::Done;
  }
  auto received = buffer_ == nullptr ? state_.receive_into_layers()
                                     : receive(socket, buffer_, size_, state_.tells_rest);
  if (!received) {
    failure_ = received.error();
    return Progress::Done;
  }
  if (received->would_block) return Progress::NotYet;
  transferred_ = received->count;
  state_.maybe_readable = state_.tells_rest ? !received->is_drained : transferred_ == size_;
  return received->is_drained ? Progress::Drained : Progress::Done;
}

Operation::Progress Stream::State::Write::attempt(bool) {
  auto sent = state_.layers.is_empty() ? state_.try_send(first_, second_) : state_.try_flush();
  if (!sent) {
    failure_ = sent.error();
    return Progress::Done;
  }
  return *sent ? Progress::Done : Progress::NotYet;
}

Result<Transfer> Stream::State::receive_into_layers() {
  std::array<char, 2 * kTlsRecord> bytes;
  DORSAL_TRY(auto received,
             receive(descriptor.native_handle(), bytes.data(), bytes.size(), tells_rest));
  layers.feed(std::string_view(bytes.data(), received.count));
  return received;
}

// Cuts off what was sent; true when that was all.
Result<bool> Stream::State::try_send(std::string_view& first, std::string_view& second) {
  while (!first.empty() || !second.empty()) {
    DORSAL_TRY(auto sent, io::send(descriptor.native_handle(), first, second));
    if (sent.would_block) return false;
    auto of_first = std::min(sent.count, first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(sent.count - of_first);
  }
  return true;
}

Result<bool> Stream::State::try_flush() {
  while (!layers.output().empty()) {
    DORSAL_TRY(auto sent, io::send(descriptor.native_handle(), layers.output()));
    if (sent.would_block) return false;
    layers.sent(sent.count);
  }
  return true;
}

Result<std::size_t> Stream::State::try_read(char* buffer, std::size_t size) {
  if (!descriptor.is_open()) return stream_is_closed();
  if (layers.is_empty()) {
    DORSAL_TRY(auto received, receive(descriptor.native_handle(), buffer, size, tells_rest));
    maybe_readable = tells_rest ? !received.is_drained : received.count == size;
    return received.count;
  }
  for (int receives = 0; receives < kReceivesPerTurn; ++receives) {
    DORSAL_TRY(auto count, try_read_buffered(buffer, size));
    if (count > 0) return count;
    DORSAL_TRY(auto received, receive_into_layers());
    maybe_readable = tells_rest ? !received.is_drained : received.count > kTlsRecord;
    if (received.would_block) return std::size_t{0};
  }
  return try_read_buffered(buffer, size);
}

// Text that the layers have, or can make of what they were fed; 0 when there is none.
Result<std::size_t> Stream::State::try_read_buffered(char* buffer, std::size_t size) {
  if (!descriptor.is_open()) return stream_is_closed();
  DORSAL_TRY(auto count, layers.read(buffer, size));
  // Reading may have to answer, with a new key for example; a write under way takes that along.
  if (!is_writing()) DORSAL_TRY_VOID(try_flush());
  return count;
}

Task<Result<std::size_t>> Stream::State::wait_and_read(char* buffer,
                                                       std::size_t size,
                                                       Deadline deadline,
                                                       Precision precision) {
  read.into_buffer(buffer, size);
  return descriptor.run(read, deadline, precision);
}

Task<Result<std::size_t>> Stream::State::read_at_once(char* buffer,
                                                      std::size_t size,
                                                      Deadline deadline,
                                                      Precision precision) {
  if (!is_set(co_await asio::this_coro::cancellation_state)) {
    auto count = try_read(buffer, size);
    if (!count || *count > 0) co_return count;
  }
  co_return co_await wait_and_read(buffer, size, deadline, precision);
}

Task<Result<std::size_t>> Stream::State::read_layers(char* buffer,
                                                     std::size_t size,
                                                     Deadline deadline,
                                                     Precision precision) {
  if (is_set(co_await asio::this_coro::cancellation_state)) co_return refusals().refuse();
  if (++reads_in_turn >= kReadsPerTurn) {
    reads_in_turn = 0;
    co_await asio::post(use_task);
  }
  while (true) {
    auto count = maybe_readable ? try_read(buffer, size) : try_read_buffered(buffer, size);
    if (!count || *count > 0) co_return count;
    layers.trim();
    read.into_layers();
    auto received = co_await descriptor.run(read, deadline, precision);
    if (!received) co_return received.error();
  }
}

Task<Result<void>> Stream::State::write_plain(std::string_view first,
                                              std::string_view second,
                                              Deadline deadline) {
  if (is_set(co_await asio::this_coro::cancellation_state)) co_return refusals().refuse();
  DORSAL_CHECK(!is_writing());
  if (!descriptor.is_open()) co_return stream_is_closed();
  DORSAL_CO_TRY(bool is_sent, try_send(first, second));
  if (is_sent) co_return Result<void>();
  Write write(*this, first, second);
  auto sent = co_await descriptor.run(write, deadline, Precision::Coarse);
  if (!sent) co_return sent.error();
  co_return Result<void>();
}

Task<Result<void>> Stream::State::flush(Deadline deadline) {
  DORSAL_CO_TRY(bool is_flushed, try_flush());
  if (is_flushed) co_return Result<void>();
  Write write(*this);
  auto sent = co_await descriptor.run(write, deadline, Precision::Coarse);
  if (!sent) co_return sent.error();
  co_return Result<void>();
}

Task<Result<void>> Stream::State::write_layers(std::string_view first,
                                               std::string_view second,
                                               Deadline deadline) {
  if (is_set(co_await asio::this_coro::cancellation_state)) co_return refusals().refuse();
  DORSAL_CHECK(!is_writing());
  const std::size_t most = layers.largest_write();
  for (;;) {
    if (!descriptor.is_open()) co_return stream_is_closed();
    auto& source = first.empty() ? second : first;
    auto part = source.substr(0, most);
    DORSAL_CO_TRY_VOID(layers.write(part));
    source.remove_prefix(part.size());
    // Short texts share a packet.
    if (source.empty() && !second.empty() && second.size() <= most) continue;
    DORSAL_CO_TRY_VOID(co_await flush(deadline));
    if (first.empty() && second.empty()) co_return Result<void>();
    // Compressing takes so long that others want a turn in between.
    if (layers.frames() != nullptr) co_await asio::post(use_task);
  }
}

Task<Result<void>> Stream::State::wait_readable(Deadline deadline, Precision precision) {
  while (true) {
    if (layers.is_empty()) {
      read.into_nothing();
    } else {
      if (layers.has_text()) co_return Result<void>();
      layers.trim();
      read.into_layers();
    }
    auto ready = co_await descriptor.run(read, deadline, precision);
    if (!ready) co_return ready.error();
    if (layers.is_empty()) co_return Result<void>();
  }
}

Result<void> Stream::State::start_tls(const TlsContext& context,
                                      const std::string& server_name,
                                      std::string_view already_read) {
  if (!descriptor.is_open()) return stream_is_closed();
  DORSAL_CHECK(layers.is_empty() && !read.is_under_way());
  DORSAL_TRY_VOID(layers.start_tls(context, server_name));
  layers.feed(already_read);
  return {};
}

Task<Result<void>> Stream::State::shake_hands(Deadline deadline) {
  while (true) {
    auto is_complete = layers.tls()->handshake();
    if (!is_complete) {
      (void)try_flush();
      co_return is_complete.error();
    }
    DORSAL_CO_TRY_VOID(co_await flush(deadline));
    if (*is_complete) break;
    read.into_layers();
    auto received = co_await descriptor.run(read, deadline, Precision::Coarse);
    if (!received) co_return received.error();
  }
  is_encrypted = true;
  co_return Result<void>();
}

Stream::Stream() = default;
Stream::Stream(std::unique_ptr<State> state) : state_(std::move(state)) {}
Stream::~Stream() { close(); }
Stream::Stream(Stream&& other) noexcept = default;
Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    close();
    state_ = std::move(other.state_);
  }
  return *this;
}

Result<Stream> Stream::adopt(Loop& loop, int socket) {
  auto state = std::make_unique<State>(loop);
  DORSAL_TRY_VOID(state->descriptor.open(socket));
  Address peer;
  peer.size = sizeof peer.storage;
  if (::getpeername(socket, peer.get(), &peer.size) == 0 && peer.family() != AF_UNIX) {
    tune(socket);
    state->tells_rest = ask_for_rest(socket);
    state->peer_address = host_of(peer);
    state->peer_port = port_of(peer);
  }
  return Stream(std::move(state));
}

Task<Result<std::size_t>> Stream::read_some(char* buffer,
                                            std::size_t size,
                                            Deadline deadline,
                                            Precision precision) {
  DORSAL_CHECK(size > 0);
  if (state_ == nullptr) return fail_read(stream_is_closed());
  if (!state_->layers.is_empty()) return state_->read_layers(buffer, size, deadline, precision);
  if (state_->may_read_at_once()) return state_->read_at_once(buffer, size, deadline, precision);
  return state_->wait_and_read(buffer, size, deadline, precision);
}

Result<std::size_t> Stream::try_read(char* buffer, std::size_t size) {
  DORSAL_CHECK(size > 0);
  if (state_ == nullptr) return stream_is_closed();
  return state_->try_read(buffer, size);
}

bool Stream::try_write(std::string_view& bytes) {
  if (!is_open() || state_->is_writing()) return false;
  Layers& layers = state_->layers;
  if (layers.is_empty()) {
    std::string_view nothing;
    auto is_sent = state_->try_send(bytes, nothing);
    return is_sent && *is_sent;
  }
  for (bool has_written = false;; has_written = true) {
    auto is_flushed = state_->try_flush();
    if (!is_flushed || !*is_flushed) return false;
    if (bytes.empty()) return true;
    // Compressing takes time; write_all() lets others have a turn in between.
    if (has_written && layers.frames() != nullptr) return false;
    auto part = bytes.substr(0, layers.largest_write());
    if (!layers.write(part)) return false;
    bytes.remove_prefix(part.size());
  }
}

Task<Result<void>> Stream::write_all(std::string_view bytes, Deadline deadline) {
  return write_all2(bytes, {}, deadline);
}

Task<Result<void>> Stream::write_all2(std::string_view first,
                                      std::string_view second,
                                      Deadline deadline) {
  if (!is_open()) return fail(stream_is_closed());
  if (!state_->layers.is_empty()) return state_->write_layers(first, second, deadline);
  return state_->write_plain(first, second, deadline);
}

Task<Result<void>> Stream::wait_readable(Deadline deadline, Precision precision) {
  if (state_ == nullptr) return fail(stream_is_closed());
  return state_->wait_readable(deadline, precision);
}

Task<Result<void>> Stream::start_tls_server(const TlsContext& context,
                                            Deadline deadline,
                                            std::string_view already_read) {
  if (state_ == nullptr) return fail(stream_is_closed());
  DORSAL_CHECK(context.is_server());
  auto started = state_->start_tls(context, {}, already_read);
  if (!started) return fail(started.error());
  return state_->shake_hands(deadline);
}

Task<Result<void>> Stream::start_tls_client(const TlsContext& context,
                                            const std::string& server_name,
                                            Deadline deadline,
                                            std::string_view already_read) {
  if (state_ == nullptr) return fail(stream_is_closed());
  DORSAL_CHECK(!context.is_server());
  if (!already_read.empty()) return fail(corrupt("bytes arrived before TLS had begun"));
  auto started = state_->start_tls(context, server_name, {});
  if (!started) return fail(started.error());
  return state_->shake_hands(deadline);
}

void Stream::start_compression(const CompressionOptions& options, std::string_view already_read) {
  if (!is_open()) return;
  Layers& layers = state_->layers;
  DORSAL_CHECK(layers.frames() == nullptr);
  DORSAL_CHECK(!state_->read.is_under_way() && !state_->is_writing());
  layers.start_compression(state_->descriptor.loop().compressors(), options);
  layers.frames()->feed(already_read);
}

void Stream::begin_reply() {
  if (is_compressed()) state_->layers.frames()->begin_reply();
}

bool Stream::is_compressed() const {
  return state_ != nullptr && state_->layers.frames() != nullptr;
}
bool Stream::is_tls() const { return state_ != nullptr && state_->is_encrypted; }
std::string Stream::tls_version() const { return is_tls() ? state_->layers.tls()->version() : ""; }
std::string Stream::tls_cipher() const { return is_tls() ? state_->layers.tls()->cipher() : ""; }

TlsPeer Stream::tls_peer() const { return is_tls() ? state_->layers.tls()->peer() : TlsPeer(); }

TlsRefusal Stream::tls_refusal() const {
  if (state_ == nullptr || state_->layers.tls() == nullptr) return TlsRefusal::None;
  return state_->layers.tls()->refusal();
}

void Stream::shutdown_write() {
  if (!is_open()) return;
  if (is_tls()) {
    state_->layers.tls()->say_goodbye();
    (void)state_->try_flush();
  }
  ::shutdown(native_handle(), SHUT_WR);
}

Task<> Stream::linger(Deadline deadline) {
  constexpr std::size_t kMost = std::size_t{256} << 10;
  if (!is_open()) co_return;
  shutdown_write();
  std::array<char, 4096> unwanted;
  for (std::size_t total = 0; total < kMost;) {
    auto count = co_await state_->wait_and_read(unwanted.data(),
                                                unwanted.size(),
                                                deadline,
                                                Precision::Coarse);
    if (!count) co_return;
    total += *count;
  }
}

void Stream::close() {
  if (!is_open()) return;
  if (is_tls() && !state_->is_writing()) {
    state_->layers.tls()->say_goodbye();
    (void)state_->try_flush();
  }
  state_->descriptor.close();
}

bool Stream::is_open() const { return state_ != nullptr && state_->descriptor.is_open(); }
std::string Stream::peer_address() const { return state_ == nullptr ? "" : state_->peer_address; }
std::uint16_t Stream::peer_port() const { return state_ == nullptr ? 0 : state_->peer_port; }

std::string Stream::peer() const {
  if (peer_address().empty()) return "unix socket";
  return to_string(Endpoint(peer_address(), peer_port()));
}

int Stream::native_handle() const {
  return state_ == nullptr ? -1 : state_->descriptor.native_handle();
}

}  // namespace dorsal::io
