#include "service/agent/peer_server.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "base/log.h"
#include "edge/io/event.h"
#include "edge/io/listener.h"
#include "edge/io/scope.h"
#include "edge/io/thread.h"
#include "edge/peers/http_message.h"
#include "edge/peers/identity.h"
#include "edge/peers/messages.h"
#include "service/agent/peer_guests.h"
#include "service/agent/refusal_log.h"

namespace dorsal::agent {
namespace {

using io::Task;
using peers::HttpRequest;
using peers::HttpResponse;
using peers::Identity;

constexpr peers::HttpLimits kRequestLimits;
constexpr auto kLinger = std::chrono::seconds(1);
constexpr std::string_view kText = "text/plain; version=0.0.4; charset=utf-8";

// The word for the log and the metrics.
std::string_view reason_of(io::TlsRefusal refusal) {
  switch (refusal) {
    case io::TlsRefusal::NoCertificate:
      return "no_certificate";
    case io::TlsRefusal::Expired:
      return "expired";
    case io::TlsRefusal::NotYetValid:
      return "not_yet_valid";
    case io::TlsRefusal::OtherAuthority:
      return "other_authority";
    case io::TlsRefusal::BadCertificate:
      return "bad_certificate";
    case io::TlsRefusal::OldVersion:
      return "old_tls";
    case io::TlsRefusal::NotTls:
      return "no_tls";
    case io::TlsRefusal::ByOtherSide:
      return "refused_by_peer";
    case io::TlsRefusal::None:
      break;
  }
  return RefusalLog::kGone;
}

HttpResponse refuse(int status, std::string_view sentence) {
  return HttpResponse{status, "application/json", peers::encode_failure(sentence), true};
}

// Bytes came, and will never be a request.
bool is_nonsense(const Error& error) {
  return error.kind == ErrorKind::Corrupt || error.kind == ErrorKind::Invalid;
}

HttpResponse refuse_nonsense(const Error& error) {
  if (error.kind == ErrorKind::Corrupt) return refuse(400, "no request: " + error.message);
  return refuse(413, "the request is too large: " + error.message);
}

// What is asked, as a label that no asker can choose.
std::string_view label_of(const HttpRequest& request) {
  for (std::string_view known : {"/v1/state", "/v1/agree", "/metrics"}) {
    if (request.target == known) return known;
  }
  return "other";
}

HttpResponse answer_claim(const PeerAnswers& answers,
                          const Identity& asker,
                          const HttpRequest& request) {
  auto claim = peers::decode_claim(request.body);
  if (!claim) {
    return refuse(claim.error().kind == ErrorKind::Conflict ? 409 : 400, claim.error().message);
  }
  if (asker.kind != Identity::Kind::Node || asker.node != claim->node.value()) {
    return refuse(403,
                  fmt::format("this is the certificate of {}, which does not speak for {}",
                              peers::to_string(asker),
                              claim->node.value()));
  }
  return HttpResponse{200, "application/json", peers::encode(answers.agree(*claim)), true};
}

// On the agent's loop.
HttpResponse answer(const PeerAnswers& answers, const Identity& asker, const HttpRequest& request) {
  const bool is_claim = request.target == "/v1/agree";
  if (label_of(request) == "other") {
    return refuse(404, "there is nothing here of that name");
  }
  if (request.method != (is_claim ? "POST" : "GET")) {
    return refuse(405, is_claim ? "this wants a POST" : "this wants a GET");
  }
  if (is_claim) return answer_claim(answers, asker, request);
  if (request.target == "/metrics") {
    return HttpResponse{200, std::string(kText), answers.metrics(), true};
  }
  return HttpResponse{200, "application/json", peers::encode(answers.state()), true};
}

// A question on its way to the agent's loop and back. It outlives whoever stops waiting.
struct Question {
  Identity asker;
  HttpRequest request;
  std::optional<HttpResponse> response;
  io::Event* waiter = nullptr;  // of the server's loop; null once nobody waits
};

}  // namespace

// Everything but the constructor, the destructor and ask_agent() runs on the thread of its own.
class PeerServer::Impl {
 public:
  Impl(PeerServerOptions options, PeerAnswers answers, io::Loop& agent_loop, Counters& counters)
      : options_(std::move(options)),
        agent_loop_(agent_loop),
        answers_(std::make_shared<const PeerAnswers>(std::move(answers))),
        counters_(counters),
        refusals_(counters, options_.node),
        guests_(options_.limits.handshakes, options_.limits.connections, options_.limits.per_name),
        open_(counters.gauge("dorsal_agent_api_connections",
                             "Connections to the agent's API.",
                             {{"node", options_.node}})),
        tls_(options_.tls),
        scope_(loop_) {}

  ~Impl() {
    *is_alive_ = false;
    if (!thread_.joinable()) return;
    loop_.post([this] { scope_.cancel(); });
    thread_.join();
  }

  Result<void> start() {
    auto listener = io::Listener::open(loop_, options_.listen);
    if (!listener) return listener.error();
    listener_.emplace(*std::move(listener));
    scope_.spawn(accept_for_ever());
    thread_ = io::start_quiet_thread([this] { io::block_on(loop_, scope_.join()); });
    return {};
  }

  void change(io::TlsContext tls) {
    loop_.post([this, tls = std::move(tls)] {
      tls_ = tls;
      ++generation_;
    });
  }

  const io::Endpoint& local_endpoint() const { return listener_->local_endpoint(); }

 private:
  Task<> accept_for_ever();
  Task<> serve(io::Stream stream);
  Task<std::optional<Identity>> let_in(io::Stream& stream, PeerGuests::Handle guest);
  Task<> answer_requests(io::Stream& stream, const Identity& asker);
  Task<Result<HttpRequest>> read_request(io::Stream& stream, std::string& unread, Deadline end);
  Task<HttpResponse> ask_agent(Identity asker, HttpRequest request);
  Result<Identity> identify(const io::Stream& stream);
  void count(std::string_view request, int status);
  void note(std::string_view reason, std::string_view sentence, const io::Stream& stream) {
    refusals_.note(reason, sentence, stream.peer(), loop_.now());
  }

  const PeerServerOptions options_;
  io::Loop& agent_loop_;
  // The agent's loop may have a question in its queue when this is gone; it looks here first.
  const std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
  const std::shared_ptr<const PeerAnswers> answers_;
  Counters& counters_;
  RefusalLog refusals_;
  PeerGuests guests_;
  Number& open_;
  io::TlsContext tls_;
  std::uint64_t generation_ = 0;
  io::Loop loop_;
  std::optional<io::Listener> listener_;
  io::Scope scope_;
  std::thread thread_;
};

Task<> PeerServer::Impl::accept_for_ever() {
  while (!co_await io::cancelled()) {
    auto stream = co_await listener_->accept(Deadline::never());
    if (!stream) continue;
    scope_.spawn(serve(*std::move(stream)));
  }
}

Task<> PeerServer::Impl::serve(io::Stream stream) {
  const auto guest = guests_.arrive(stream);
  open_.set(static_cast<std::int64_t>(guests_.size()));
  auto asker = co_await let_in(stream, guest);
  if (asker) co_await answer_requests(stream, *asker);
  co_await stream.linger(loop_.after(kLinger));
  guests_.leave(guest);
  open_.set(static_cast<std::int64_t>(guests_.size()));
}

Task<std::optional<Identity>> PeerServer::Impl::let_in(io::Stream& stream,
                                                       PeerGuests::Handle guest) {
  const Deadline deadline = loop_.after(options_.limits.handshake);
  const io::TlsContext tls = tls_;
  auto started = co_await stream.start_tls_server(tls, deadline);
  if (co_await io::cancelled()) co_return std::nullopt;
  if (guest->was_dropped) {
    note("crowded", "too many others were coming in, and it was the oldest of them", stream);
    co_return std::nullopt;
  }
  if (!started) {
    const bool is_late = started.error().kind == ErrorKind::Timeout;
    note(is_late ? "slow" : reason_of(stream.tls_refusal()), started.error().message, stream);
    co_return std::nullopt;
  }
  auto identity = identify(stream);
  if (!identity) co_return std::nullopt;
  if (!guests_.come_in(guest, peers::to_string(*identity))) {
    note("crowded", "too many connections with certificates of that name", stream);
    co_return std::nullopt;
  }
  co_return *std::move(identity);
}

Result<Identity> PeerServer::Impl::identify(const io::Stream& stream) {
  const auto shown = stream.tls_peer();
  auto identity = peers::parse_identity(shown.uris);
  if (!identity) {
    note("no_name", identity.error().message + ": " + shown.subject, stream);
    return identity;
  }
  if (identity->cluster != options_.cluster) {
    auto refused =
        invalid(fmt::format("the certificate of {} is of another cluster, {}, and this is {}",
                            peers::to_string(*identity),
                            identity->cluster,
                            options_.cluster));
    note("other_cluster", refused.message, stream);
    return refused;
  }
  return identity;
}

Task<> PeerServer::Impl::answer_requests(io::Stream& stream, const Identity& asker) {
  const auto generation = generation_;
  const Deadline end = loop_.after(options_.limits.connection);
  std::string unread;
  for (bool keeps_open = true; keeps_open;) {
    auto request = co_await read_request(stream, unread, end);
    if (!request && !is_nonsense(request.error())) co_return;
    keeps_open = request && request->keeps_open && generation == generation_;
    const std::string_view label = request ? label_of(*request) : "other";
    HttpResponse response;
    if (request) {
      Identity known = asker;
      response = co_await ask_agent(std::move(known), *std::move(request));
    } else {
      note("bad_request", request.error().message, stream);
      response = refuse_nonsense(request.error());
    }
    response.keeps_open = keeps_open;
    count(label, response.status);
    const auto bytes = peers::encode(response);
    auto sent = co_await stream.write_all(bytes, loop_.after(options_.limits.sending));
    if (!sent) co_return;
  }
}

// Timeout and Unavailable end the connection without a word.
Task<Result<HttpRequest>> PeerServer::Impl::read_request(io::Stream& stream,
                                                         std::string& unread,
                                                         Deadline end) {
  Deadline deadline = loop_.after(options_.limits.idle).earlier_of(end);
  bool has_begun = false;
  std::array<char, 4096> part;
  for (;;) {
    DORSAL_CO_TRY(auto parsed, peers::parse_request(unread, kRequestLimits));
    if (parsed) {
      unread.erase(0, parsed->bytes);
      co_return std::move(parsed->message);
    }
    if (!unread.empty() && !std::exchange(has_begun, true)) {
      deadline = loop_.after(options_.limits.request);
    }
    auto count = co_await stream.read_some(part.data(), part.size(), deadline);
    if (!count) {
      if (has_begun && count.error().kind == ErrorKind::Timeout) {
        note("slow", "its request takes too long", stream);
      }
      co_return count.error();
    }
    unread.append(part.data(), *count);
  }
}

Task<HttpResponse> PeerServer::Impl::ask_agent(Identity asker, HttpRequest request) {
  io::Event answered(loop_);
  auto question = std::make_shared<Question>();
  question->asker = std::move(asker);
  question->request = std::move(request);
  question->waiter = &answered;
  agent_loop_.post([question, answers = answers_, is_alive = is_alive_, own_loop = &loop_] {
    if (!*is_alive) return;
    auto response = answer(*answers, question->asker, question->request);
    own_loop->post([question, response = std::move(response)] {
      if (question->waiter == nullptr) return;
      question->response = response;
      question->waiter->set();
    });
  });
  const Deadline deadline = loop_.after(options_.limits.answer);
  co_await answered.wait(deadline);
  question->waiter = nullptr;
  if (question->response) co_return *std::move(question->response);
  co_return refuse(503, "the agent is busy and does not answer");
}

void PeerServer::Impl::count(std::string_view request, int status) {
  counters_
      .counter("dorsal_agent_api_requests_total",
               "Requests to the agent's API, by the status that they were answered with.",
               {{"node", options_.node},
                {"request", std::string(request)},
                {"status", std::to_string(status)}})
      .add();
}

Result<std::unique_ptr<PeerServer>> PeerServer::start(PeerServerOptions options,
                                                      PeerAnswers answers,
                                                      io::Loop& loop,
                                                      Counters& counters) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(answers), loop, counters);
  DORSAL_TRY_VOID(impl->start());
  return std::unique_ptr<PeerServer>(new PeerServer(std::move(impl)));
}

PeerServer::PeerServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PeerServer::~PeerServer() = default;
void PeerServer::change(io::TlsContext tls) { impl_->change(std::move(tls)); }
const io::Endpoint& PeerServer::local_endpoint() const { return impl_->local_endpoint(); }

}  // namespace dorsal::agent
