#include "edge/coord/etcd_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dorsal::coord {
namespace {

constexpr Duration kMostPatience = std::chrono::seconds(8);

// etcd takes its time over passwords (bcrypt).
constexpr Duration kLogInPatience = std::chrono::seconds(3);

// A write that was refused is not tried again when less is left: its deadline would most likely
// pass while it is under way, and put in doubt what is certain now.
constexpr Duration kEnoughForAWrite = std::chrono::milliseconds(100);

constexpr Duration kFirstPause = std::chrono::milliseconds(25);
constexpr Duration kLongestPause = std::chrono::milliseconds(200);

constexpr std::uint64_t kUnauthenticated = 16;
constexpr std::uint64_t kInvalidArgument = 3;
constexpr std::uint64_t kPermissionDenied = 7;
constexpr std::uint64_t kResourceExhausted = 8;
constexpr std::uint64_t kFailedPrecondition = 9;
constexpr std::uint64_t kOutOfRange = 11;

constexpr std::string_view kAuthIsOff = "etcdserver: authentication is not enabled";

// Said before anything is proposed to the cluster, so that another member may be asked.
constexpr std::string_view kNotProposed[] = {"etcdserver: no leader",
                                             "etcdserver: too many requests",
                                             "etcdserver: not capable"};

// The token is missing, has run out, or is older than the newest change of users and roles.
constexpr std::string_view kBadToken[] = {"etcdserver: invalid auth token",
                                          "etcdserver: user name is empty",
                                          "etcdserver: revision of auth store is old"};

bool is_one_of(std::string_view message, const auto& known) {
  return std::any_of(std::begin(known), std::end(known), [&](std::string_view each) {
    return message.starts_with(each);
  });
}

// The request itself is at fault, and every member would say the same.
bool is_final(const EtcdRefusal& refusal) {
  constexpr std::uint64_t kFinal[] = {kInvalidArgument,
                                      kPermissionDenied,
                                      kResourceExhausted,
                                      kFailedPrecondition,
                                      kOutOfRange};
  return std::find(std::begin(kFinal), std::end(kFinal), refusal.code) != std::end(kFinal);
}

}  // namespace

EtcdClient::EtcdClient(io::Loop& loop, const EtcdOptions& options)
    : loop_(loop),
      options_(options),
      patience_(options.least_patience),
      transfers_(loop, options.tls) {}

void EtcdClient::notice(const std::string& sentence) const {
  if (options_.notice) options_.notice(sentence);
}

std::string EtcdClient::name_of(std::size_t endpoint) const {
  return to_url(options_.address, options_.address.endpoints[endpoint]);
}

HttpRequest EtcdClient::request_for(std::size_t endpoint,
                                    std::string path,
                                    std::string body) const {
  HttpRequest request;
  request.endpoint = options_.address.endpoints[endpoint];
  request.uses_tls = options_.address.uses_tls;
  request.path = "/v3/" + std::move(path);
  request.body = std::move(body);
  // The gateway hands this on to the member, which then refuses at once when it has no leader.
  request.headers.emplace_back("Grpc-Metadata-hasleader: true");
  return request;
}

// Another call may have left it already.
void EtcdClient::leave(std::size_t endpoint, const std::string& reason) {
  if (endpoint != current_ || endpoint_count() == 1) return;
  current_ = (current_ + 1) % endpoint_count();
  // Once, while nobody answers.
  if (!std::exchange(has_answered_, false)) return;
  notice(
      fmt::format("left={} reason=\"{}\" next={}", name_of(endpoint), reason, name_of(current_)));
}

void EtcdClient::note_speed(Duration took) {
  patience_ = std::max(options_.least_patience, std::min(4 * took, kMostPatience));
}

Result<void> EtcdClient::check_cluster(std::uint64_t cluster_id) {
  if (cluster_id_ == 0) cluster_id_ = cluster_id;
  if (cluster_id == cluster_id_) return {};
  return invalid(
      fmt::format("it belongs to another etcd cluster ({:x}, not {:x})", cluster_id, cluster_id_));
}

EtcdClient::Attempt EtcdClient::judge_refusal(const HttpOutcome& outcome) {
  Attempt attempt;
  const auto refusal = decode_etcd_refusal(outcome.body);
  attempt.reason =
      refusal.message.empty() ? fmt::format("HTTP status {}", outcome.status) : refusal.message;
  constexpr int kNotFound = 404;
  if (refusal.code == kUnauthenticated || is_one_of(refusal.message, kBadToken)) {
    attempt.verdict = Verdict::NoToken;
  } else if (outcome.status == kNotFound || is_one_of(refusal.message, kNotProposed)) {
    attempt.verdict = Verdict::NotDone;
  } else {
    attempt.verdict = is_final(refusal) ? Verdict::Refused : Verdict::Unknown;
  }
  return attempt;
}

// `floor` is the highest revision that was known when the request was sent.
EtcdClient::Attempt EtcdClient::judge(const HttpOutcome& outcome, std::uint64_t floor) {
  constexpr int kOk = 200;
  Attempt attempt;
  attempt.reason = outcome.reason;
  attempt.was_late = outcome.is_late;
  if (outcome.status == 0) {
    attempt.verdict = outcome.may_have_arrived ? Verdict::Unknown : Verdict::NotDone;
    return attempt;
  }
  if (outcome.status != kOk) return judge_refusal(outcome);
  auto answer = decode_etcd_answer(outcome.body);
  attempt.verdict = Verdict::Unknown;
  if (!answer) {
    attempt.reason = fmt::format("its answer is none of etcd's: {}", answer.error().message);
    return attempt;
  }
  if (auto same = check_cluster(answer->cluster_id); !same) {
    attempt.reason = same.error().message;
    return attempt;
  }
  if (answer->revision < floor) {
    attempt.reason = fmt::format("it went back from revision {} to {}, as after a restore",
                                 floor,
                                 answer->revision);
    return attempt;
  }
  newest_ = std::max(newest_, answer->revision);
  has_answered_ = true;
  attempt.verdict = Verdict::Answered;
  attempt.answer = *std::move(answer);
  return attempt;
}

io::Task<EtcdClient::Attempt> EtcdClient::send(std::size_t endpoint,
                                               std::string path,
                                               std::string body,
                                               std::string token,
                                               Deadline deadline) {
  auto request = request_for(endpoint, std::move(path), std::move(body));
  if (!token.empty()) request.headers.push_back("Authorization: " + token);
  const auto floor = newest_;
  auto outcome = co_await transfers_.post(std::move(request), deadline);
  co_return judge(outcome, floor);
}

io::Task<EtcdClient::Attempt> EtcdClient::log_in(std::size_t endpoint, Deadline deadline) {
  auto body = etcd_log_in(options_.user, options_.password.view());
  std::string path = "auth/authenticate";
  auto attempt = co_await send(endpoint, std::move(path), std::move(body), std::string(), deadline);
  if (attempt.verdict == Verdict::Answered && attempt.answer.token.empty()) {
    attempt.verdict = Verdict::NotDone;
    attempt.reason = "its answer to the log-in has no token";
  }
  // Whatever became of it, what the log-in is for has not been sent.
  if (attempt.verdict == Verdict::Unknown) attempt.verdict = Verdict::NotDone;
  if (attempt.verdict == Verdict::Refused && attempt.reason.starts_with(kAuthIsOff)) {
    auth_is_off_ = true;
    attempt.verdict = Verdict::Answered;
    notice("authentication=off reason=\"etcd does not ask for the user that is configured\"");
  } else if (attempt.verdict == Verdict::Refused) {
    attempt.reason = fmt::format("it refuses user '{}': {}", options_.user, attempt.reason);
  } else if (attempt.verdict == Verdict::Answered) {
    if (has_logged_in_) notice("token=renewed");
    has_logged_in_ = true;
    token_ = attempt.answer.token;
  }
  co_return attempt;
}

io::Task<EtcdClient::Attempt> EtcdClient::attempt(std::size_t endpoint,
                                                  std::string path,
                                                  std::string body,
                                                  Deadline deadline) {
  if (needs_token()) {
    const auto limit = loop_.after(std::max(patience_, kLogInPatience)).earlier_of(deadline);
    auto logged_in = co_await log_in(endpoint, limit);
    if (logged_in.verdict != Verdict::Answered) co_return logged_in;
  }
  const auto begin = loop_.now();
  const auto limit = Deadline::after(begin, patience_).earlier_of(deadline);
  auto token = token_;
  auto made = co_await send(endpoint, std::move(path), std::move(body), token, limit);
  if (made.verdict == Verdict::Answered) note_speed(loop_.now() - begin);
  const bool is_slow = made.was_late && !deadline.has_passed(loop_.now());
  if (is_slow) patience_ = std::max(patience_, std::min(2 * patience_, kMostPatience));
  if (made.verdict == Verdict::NoToken) {
    auth_is_off_ = false;
    if (token_ == token) token_.clear();
  }
  co_return made;
}

io::Task<Result<EtcdAnswer>> EtcdClient::call(std::string path,
                                              std::string body,
                                              Effect effect,
                                              Deadline deadline) {
  std::string reason;
  Duration pause = kFirstPause;
  for (std::size_t tries = 1; !deadline.has_passed(loop_.now()); ++tries) {
    const auto endpoint = current_;
    auto made = co_await attempt(endpoint, path, body, deadline);
    if (made.verdict == Verdict::Answered) co_return std::move(made.answer);
    if (co_await io::cancelled()) co_return unavailable("cancelled");
    const auto failure = fmt::format("{}: {}", name_of(endpoint), made.reason);
    // That the caller's own deadline cut the last attempt short explains less than what was before.
    const bool was_cut = made.was_late && deadline.has_passed(loop_.now());
    if (reason.empty() || !was_cut) reason = failure;
    if (made.verdict == Verdict::Refused) co_return unavailable("etcd at " + failure);
    const bool has_token = !options_.user.empty();
    if (made.verdict == Verdict::NoToken && !has_token) co_return unavailable("etcd at " + failure);
    if (made.verdict != Verdict::NoToken) leave(endpoint, made.reason);
    if (made.verdict == Verdict::Unknown && effect == Effect::Write) {
      co_return timeout(
          fmt::format("etcd at {}; whether the write took place is unknown", failure));
    }
    if (tries % endpoint_count() == 0) {
      (void)co_await loop_.sleep_until(loop_.after(pause).earlier_of(deadline));
      pause = std::min(2 * pause, kLongestPause);
    }
    if (effect == Effect::Write && deadline.left(loop_.now()) < kEnoughForAWrite) break;
  }
  if (reason.empty()) reason = "the deadline has passed";
  co_return unavailable(fmt::format("etcd does not answer; last, {}", reason));
}

io::Task<Result<HttpRequest>> EtcdClient::stream_request(std::string path,
                                                         std::string body,
                                                         std::size_t attempt,
                                                         Deadline deadline) {
  const auto endpoint = (current_ + attempt) % endpoint_count();
  if (needs_token()) {
    auto logged_in = co_await log_in(endpoint, deadline);
    if (logged_in.verdict != Verdict::Answered) co_return unavailable(logged_in.reason);
  }
  auto request = request_for(endpoint, std::move(path), std::move(body));
  if (!token_.empty()) request.headers.push_back("Authorization: " + token_);
  co_return request;
}

}  // namespace dorsal::coord
