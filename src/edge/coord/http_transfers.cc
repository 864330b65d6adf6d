#include "edge/coord/http_transfers.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/secret.h"
#include "edge/io/resolver.h"
#include "edge/io/scope.h"
#include "edge/io/socket.h"
#include "edge/io/worker.h"

namespace dorsal::coord {
namespace {

// How long the thread sleeps when nobody wakes it.
constexpr int kLongestTurn_ms = 1000;

// libcurl ends a transfer at its deadline; only if it cannot, we leave without it.
constexpr Duration kGrace = std::chrono::milliseconds(200);

// Addresses are looked up anew after this time, and used on when that fails.
constexpr Duration kAddressesAreGood = std::chrono::seconds(10);

constexpr long kMostIdleConnections = 16;
constexpr std::chrono::seconds kAuthoritiesAreGood(60);

struct DeleteMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct DeleteEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct DeleteList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, DeleteEasy>;
using List = std::unique_ptr<curl_slist, DeleteList>;

List make_list(const std::vector<std::string>& lines) {
  curl_slist* list = nullptr;
  for (const auto& line : lines) {
    curl_slist* longer = curl_slist_append(list, line.c_str());
    DORSAL_CHECK(longer != nullptr);
    list = longer;
  }
  return List(list);
}

std::string host_in_url(const io::Endpoint& endpoint) {
  return endpoint.host.find(':') == std::string::npos ? endpoint.host : "[" + endpoint.host + "]";
}

// libcurl's words are lower case or upper case as it likes, and may end in a full stop.
std::string tidy(std::string_view text) {
  std::string out;
  for (char c : text) out += c >= ' ' && c < 0x7f ? c : ' ';
  while (!out.empty() && (out.back() == '.' || out.back() == ' ')) out.pop_back();
  return out;
}

template <class T>
void set(CURL* easy, CURLoption option, T value) {
  DORSAL_CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

}  // namespace

// Where the loop's side learns what has come. Lives in the frame of whoever waits.
struct HttpTransfers::Waiter {
  explicit Waiter(io::Loop& loop) : event(loop) {}
  io::Event event;
  std::string bytes;
  int status = 0;
  bool has_ended = false;
  HttpOutcome outcome;  // once it has ended; without the body
};

struct HttpTransfers::Impl {
  // The thread's own while it has its turn, except `waiter`, which is the loop's.
  struct Transfer {
    Easy easy;
    List headers;
    List resolved;
    std::string body;
    std::size_t sent = 0;
    std::string received;
    std::size_t most_bytes = 0;
    bool* has_news = nullptr;  // for a stream: set when something came
    bool is_too_large = false;
    bool has_ended = false;
    CURLcode code = CURLE_OK;
    char words[CURL_ERROR_SIZE] = {};
    Waiter* waiter = nullptr;

    ~Transfer() { wipe(body); }

    static std::size_t give(char* out, std::size_t size, std::size_t count, void* self_) {
      auto* self = static_cast<Transfer*>(self_);
      const auto piece = std::min(size * count, self->body.size() - self->sent);
      std::copy_n(self->body.data() + self->sent, piece, out);
      self->sent += piece;
      return piece;
    }

    // libcurl asks for this when it wants to send the body a second time.
    static int refuse_to_rewind(void* self_, curl_off_t, int) {
      return static_cast<Transfer*>(self_)->sent == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
    }

    static std::size_t take(char* bytes, std::size_t size, std::size_t count, void* self_) {
      auto* self = static_cast<Transfer*>(self_);
      self->is_too_large = self->received.size() + size * count > self->most_bytes;
      if (self->is_too_large) return 0;
      self->received.append(bytes, size * count);
      if (self->has_news != nullptr) *self->has_news = true;
      return size * count;
    }

    int status() const {
      long code_of_http = 0;
      curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &code_of_http);
      return static_cast<int>(code_of_http);
    }

    std::string reason() const {
      if (is_too_large) return fmt::format("its answer is longer than {} bytes", most_bytes);
      return tidy(words[0] != '\0' ? words : curl_easy_strerror(code));
    }
  };

  struct Addresses {
    std::string text;  // as libcurl wants them
    TimePoint good_until;
  };

  Impl(io::Loop& loop_, HttpTls tls_) : loop(loop_), tls(std::move(tls_)), work(loop_) {
    scope.emplace(loop_);
    static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
    DORSAL_CHECK(kReady == CURLE_OK);
    multi.reset(curl_multi_init());
    DORSAL_CHECK(multi != nullptr);
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, kMostIdleConnections);
  }

  ~Impl() {
    wake();
    scope.reset();
    for (auto* list : {&starting, &transfers, &dropped}) {
      for (auto& transfer : *list) curl_multi_remove_handle(multi.get(), transfer->easy.get());
      list->clear();
    }
  }

  std::unique_ptr<Transfer> make(HttpRequest request, const std::string& addresses);
  void set_tls(CURL* easy) const;
  Transfer* begin(HttpRequest request, const std::string& addresses, Deadline deadline);
  void drop(Transfer* transfer);
  void wake();
  bool has_work() const { return !transfers.empty() || !starting.empty() || !dropped.empty(); }

  io::Task<> take_turns();
  void turn();
  void note_ends();
  void deliver();
  static void deliver_to(Waiter& waiter, Transfer& transfer);

  io::Loop& loop;
  const HttpTls tls;
  io::Event work;
  std::map<std::string, Addresses> addresses;  // by endpoint

  // The lists are the loop's; what is in `transfers` and `dropped` is the thread's during a turn.
  std::vector<std::unique_ptr<Transfer>> starting;
  std::vector<std::unique_ptr<Transfer>> transfers;
  std::vector<std::unique_ptr<Transfer>> dropped;

  // The thread's during a turn.
  std::vector<Transfer*> to_start;
  std::vector<std::unique_ptr<Transfer>> to_drop;
  bool has_news = false;

  std::atomic<bool> is_woken{false};
  bool has_begun = false;
  std::unique_ptr<CURLM, DeleteMulti> multi;
  io::Worker worker;
  std::optional<io::Scope> scope;  // the taking of turns; ends before everything else
};

void HttpTransfers::Impl::set_tls(CURL* easy) const {
  set(easy, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  set(easy, CURLOPT_CA_CACHE_TIMEOUT, static_cast<long>(kAuthoritiesAreGood.count()));
  if (!tls.authority.empty()) {
    set(easy, CURLOPT_CAINFO, tls.authority.c_str());
    // Without this the system's authorities would count as well.
    set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  if (tls.certificate.empty()) return;
  set(easy, CURLOPT_SSLCERT, tls.certificate.c_str());
  set(easy, CURLOPT_SSLKEY, tls.key.c_str());
}

std::unique_ptr<HttpTransfers::Impl::Transfer> HttpTransfers::Impl::make(
    HttpRequest request,
    const std::string& resolved) {
  auto transfer = std::make_unique<Transfer>();
  transfer->easy.reset(curl_easy_init());
  DORSAL_CHECK(transfer->easy != nullptr);
  CURL* easy = transfer->easy.get();
  auto url = fmt::format("{}://{}:{}{}",
                         request.uses_tls ? "https" : "http",
                         host_in_url(request.endpoint),
                         request.endpoint.port,
                         request.path);
  // Without "Expect:" libcurl would wait for a go-ahead before it sends a large body.
  request.headers.insert(request.headers.end(), {"Content-Type: application/json", "Expect:"});
  transfer->headers = make_list(request.headers);
  if (!resolved.empty()) transfer->resolved = make_list({resolved});
  transfer->body = std::move(request.body);
  transfer->most_bytes = request.most_bytes;

  set(easy, CURLOPT_URL, url.c_str());
  set(easy, CURLOPT_PROTOCOLS_STR, request.uses_tls ? "https" : "http");
  set(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(easy, CURLOPT_PROXY, "");
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_HTTPHEADER, transfer->headers.get());
  set(easy, CURLOPT_RESOLVE, transfer->resolved.get());
  set(easy, CURLOPT_POST, 1L);
  set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer->body.size()));
  set(easy, CURLOPT_READFUNCTION, &Transfer::give);
  set(easy, CURLOPT_READDATA, transfer.get());
  set(easy, CURLOPT_SEEKFUNCTION, &Transfer::refuse_to_rewind);
  set(easy, CURLOPT_SEEKDATA, transfer.get());
  set(easy, CURLOPT_WRITEFUNCTION, &Transfer::take);
  set(easy, CURLOPT_WRITEDATA, transfer.get());
  set(easy, CURLOPT_ERRORBUFFER, transfer->words);
  set(easy, CURLOPT_PRIVATE, transfer.get());
  set_tls(easy);
  return transfer;
}

// A deadline that is never makes a stream.
HttpTransfers::Impl::Transfer* HttpTransfers::Impl::begin(HttpRequest request,
                                                          const std::string& resolved,
                                                          Deadline deadline) {
  auto transfer = make(std::move(request), resolved);
  if (deadline.is_never()) {
    transfer->has_news = &has_news;
  } else {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.left(loop.now()));
    set(transfer->easy.get(),
        CURLOPT_TIMEOUT_MS,
        static_cast<long>(std::max<std::int64_t>(1, left.count())));
  }
  auto* raw = transfer.get();
  starting.push_back(std::move(transfer));
  if (!std::exchange(has_begun, true)) scope->spawn(take_turns());
  wake();
  return raw;
}

void HttpTransfers::Impl::drop(Transfer* transfer) {
  transfer->waiter = nullptr;
  auto move_from = [&](std::vector<std::unique_ptr<Transfer>>& from) {
    auto found = std::find_if(from.begin(), from.end(), [&](const auto& each) {
      return each.get() == transfer;
    });
    if (found == from.end()) return;
    dropped.push_back(std::move(*found));
    from.erase(found);
  };
  move_from(starting);
  move_from(transfers);
  wake();
}

void HttpTransfers::Impl::wake() {
  work.set();
  is_woken.store(true);
  curl_multi_wakeup(multi.get());
}

// The loop hands over what is to be done, and takes back what has come when the thread is through.
io::Task<> HttpTransfers::Impl::take_turns() {
  while (!co_await io::cancelled()) {
    if (!has_work()) {
      work.reset();
      if (!co_await work.wait(Deadline::never())) co_return;
      continue;
    }
    to_drop = std::move(dropped);
    dropped.clear();
    for (auto& transfer : starting) {
      to_start.push_back(transfer.get());
      transfers.push_back(std::move(transfer));
    }
    starting.clear();
    auto take_turn = [this] { turn(); };
    co_await io::on_worker(worker, std::move(take_turn));
    deliver();
  }
}

void HttpTransfers::Impl::turn() {
  for (auto* transfer : to_start) curl_multi_add_handle(multi.get(), transfer->easy.get());
  to_start.clear();
  for (auto& transfer : to_drop) curl_multi_remove_handle(multi.get(), transfer->easy.get());
  to_drop.clear();
  has_news = false;
  for (;;) {
    int running = 0;
    curl_multi_perform(multi.get(), &running);
    note_ends();
    if (is_woken.exchange(false) || has_news) return;
    curl_multi_poll(multi.get(), nullptr, 0, kLongestTurn_ms, nullptr);
  }
}

void HttpTransfers::Impl::note_ends() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const CURLcode code = message->data.result;
    void* owner = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
    auto* transfer = static_cast<Transfer*>(owner);
    transfer->code = code;
    transfer->has_ended = true;
    curl_multi_remove_handle(multi.get(), easy);
    has_news = true;
  }
}

void HttpTransfers::Impl::deliver() {
  for (auto& transfer : transfers) {
    if (transfer->waiter != nullptr) deliver_to(*transfer->waiter, *transfer);
  }
}

void HttpTransfers::Impl::deliver_to(Waiter& waiter, Transfer& transfer) {
  if (waiter.has_ended) return;
  const bool is_stream = transfer.has_news != nullptr;
  if (!transfer.has_ended && (!is_stream || transfer.received.empty())) return;
  waiter.status = transfer.status();
  if (waiter.bytes.size() + transfer.received.size() > transfer.most_bytes) {
    transfer.is_too_large = true;
  } else {
    waiter.bytes += transfer.received;
  }
  transfer.received.clear();
  if (transfer.has_ended || transfer.is_too_large) {
    const bool is_complete = transfer.code == CURLE_OK && !transfer.is_too_large;
    waiter.has_ended = true;
    waiter.outcome.status = is_complete ? waiter.status : 0;
    waiter.outcome.reason = is_complete ? "it ended the answer" : transfer.reason();
    waiter.outcome.may_have_arrived = transfer.sent > 0;
    waiter.outcome.is_late = transfer.code == CURLE_OPERATION_TIMEDOUT;
  }
  waiter.event.set();
}

// Ties a transfer to the frame that waits for it.
class HttpTransfers::Use {
 public:
  Use(HttpTransfers& transfers,
      HttpRequest request,
      const std::string& addresses,
      Deadline deadline)
      : impl_(*transfers.impl_), waiter_(transfers.loop_) {
    transfer_ = impl_.begin(std::move(request), addresses, deadline);
    transfer_->waiter = &waiter_;
  }
  ~Use() { impl_.drop(transfer_); }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

  Waiter& waiter() { return waiter_; }

 private:
  Impl& impl_;
  Waiter waiter_;
  Impl::Transfer* transfer_;
};

HttpTransfers::HttpTransfers(io::Loop& loop, HttpTls tls)
    : loop_(loop), impl_(std::make_unique<Impl>(loop, std::move(tls))) {}
HttpTransfers::~HttpTransfers() = default;

// In the form of CURLOPT_RESOLVE; empty when libcurl needs no help.
io::Task<Result<std::string>> HttpTransfers::resolve(io::Endpoint endpoint, Deadline deadline) {
  io::Address literal;
  if (io::parse_address(endpoint.host, endpoint.port, literal)) co_return std::string();
  auto name = io::to_string(endpoint);
  auto& known = impl_->addresses[name];
  if (!known.text.empty() && loop_.now() < known.good_until) co_return known.text;
  auto found = co_await loop_.resolver().resolve(loop_, endpoint.host, endpoint.port, deadline);
  if (!found && known.text.empty()) co_return found.error();
  if (!found) co_return known.text;
  std::string text;
  for (const auto& address : *found) {
    text += fmt::format("{}{}", text.empty() ? "" : ",", io::host_of(address));
  }
  known.text = fmt::format("{}:{}:{}", endpoint.host, endpoint.port, text);
  known.good_until = loop_.now() + kAddressesAreGood;
  co_return known.text;
}

io::Task<HttpOutcome> HttpTransfers::post(HttpRequest request, Deadline deadline) {
  HttpOutcome failed;
  auto addresses = co_await resolve(request.endpoint, deadline);
  if (!addresses) {
    failed.reason = addresses.error().message;
    failed.is_late = addresses.error().kind == ErrorKind::Timeout;
    co_return failed;
  }
  Use use(*this, std::move(request), *addresses, deadline);
  auto& waiter = use.waiter();
  const Deadline last =
      Deadline::at(deadline.is_never() ? deadline.when() : deadline.when() + kGrace);
  while (!waiter.has_ended) {
    waiter.event.reset();
    if (co_await waiter.event.wait(last)) continue;
    const bool is_cancelled = co_await io::cancelled();
    failed.reason = is_cancelled ? "cancelled" : "its answer takes too long";
    failed.may_have_arrived = true;
    failed.is_late = !is_cancelled;
    co_return failed;
  }
  auto outcome = std::move(waiter.outcome);
  if (outcome.status != 0) outcome.body = std::move(waiter.bytes);
  co_return outcome;
}

HttpStream::HttpStream(HttpTransfers& transfers) : transfers_(transfers) {}
HttpStream::~HttpStream() = default;

io::Task<Result<void>> HttpStream::open(HttpRequest request, Deadline deadline) {
  DORSAL_CO_TRY(auto addresses, co_await transfers_.resolve(request.endpoint, deadline));
  use_ = std::make_unique<HttpTransfers::Use>(transfers_,
                                              std::move(request),
                                              addresses,
                                              Deadline::never());
  co_return Result<void>();
}

io::Task<Result<std::string>> HttpStream::read(Deadline deadline) {
  auto& waiter = use_->waiter();
  for (;;) {
    if (!waiter.bytes.empty()) co_return std::exchange(waiter.bytes, {});
    if (waiter.has_ended) co_return unavailable(waiter.outcome.reason);
    waiter.event.reset();
    if (co_await waiter.event.wait(deadline)) continue;
    if (co_await io::cancelled()) co_return unavailable("cancelled");
    co_return timeout("nothing came");
  }
}

int HttpStream::status() const { return use_ ? use_->waiter().status : 0; }

}  // namespace dorsal::coord
