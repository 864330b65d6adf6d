// Questions to an etcd cluster: finds a member that answers, logs in, and knows which questions may
// be asked twice.
//
// All calls go to one member until it fails or is slow; then the next is asked at once. How long is
// slow follows from how long answers took, so a distant or loaded etcd is not given up again and
// again. Every request asks the member to refuse when it knows of no leader, instead of waiting.
//
// A write that may have arrived is never sent again: etcd may have done it, or may still do it
// after we stopped waiting, also when the answer was an error such as "request timed out". The
// caller gets Timeout and looks. Sending it again could not write twice, as its compares would
// fail, but then it would answer that somebody else was first, when that was ourselves.
//
// An answer from another etcd cluster than before, or from one that knows less than it did (it was
// put back from a snapshot), is not believed for as long as this object lives.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "base/secret.h"
#include "edge/coord/etcd_address.h"
#include "edge/coord/etcd_messages.h"
#include "edge/coord/http_transfers.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::coord {

struct EtcdOptions {
  EtcdAddress address;
  HttpTls tls;
  std::string user;  // empty: no log-in
  Secret password;
  std::string cluster;  // the name of the Dorsal cluster whose store it is

  // How long one member is waited for, at the least, before the next is asked. A leader that died
  // is replaced after one to two seconds; whoever waits for the old one longer than that is late.
  Duration least_patience = std::chrono::milliseconds(500);

  // May be empty. Called on the loop with one sentence, for the log, when something was handled but
  // an operator may want to know: a member is left for another, a watch lost its place.
  std::function<void(const std::string&)> notice;
};

class EtcdClient {
 public:
  enum class Effect { Read, Write };

  // The loop and the options outlive it.
  EtcdClient(io::Loop& loop, const EtcdOptions& options);

  // Posts to "/v3/PATH". Unavailable: no member answered by the deadline, or etcd refused; nothing
  // was done. Timeout, for a write: nobody knows whether it was done.
  io::Task<Result<EtcdAnswer>> call(std::string path,
                                    std::string body,
                                    Effect effect,
                                    Deadline deadline);

  // Ready to be posted as a stream to the member at hand, of the number `attempt` after the one
  // that calls go to.
  io::Task<Result<HttpRequest>> stream_request(std::string path,
                                               std::string body,
                                               std::size_t attempt,
                                               Deadline deadline);

  // The token was refused in a stream: log in anew for the next one.
  void forget_token() { token_.clear(); }

  // Invalid when the answer comes from elsewhere than the answers before.
  Result<void> check_cluster(std::uint64_t cluster_id);

  std::size_t endpoint_count() const { return options_.address.endpoints.size(); }
  HttpTransfers& transfers() { return transfers_; }
  void notice(const std::string& sentence) const;

 private:
  enum class Verdict { Answered, NotDone, Unknown, NoToken, Refused };
  struct Attempt {
    Verdict verdict = Verdict::NotDone;
    EtcdAnswer answer;
    std::string reason;
    bool was_late = false;
  };

  io::Task<Attempt> attempt(std::size_t endpoint,
                            std::string path,
                            std::string body,
                            Deadline deadline);
  io::Task<Attempt> send(std::size_t endpoint,
                         std::string path,
                         std::string body,
                         std::string token,
                         Deadline deadline);
  io::Task<Attempt> log_in(std::size_t endpoint, Deadline deadline);
  static Attempt judge_refusal(const HttpOutcome& outcome);
  Attempt judge(const HttpOutcome& outcome, std::uint64_t floor);
  HttpRequest request_for(std::size_t endpoint, std::string path, std::string body) const;
  bool needs_token() const { return !options_.user.empty() && !auth_is_off_ && token_.empty(); }
  std::string name_of(std::size_t endpoint) const;
  void leave(std::size_t endpoint, const std::string& reason);
  void note_speed(Duration took);

  io::Loop& loop_;
  const EtcdOptions& options_;
  std::size_t current_ = 0;
  std::string token_;
  bool auth_is_off_ = false;
  bool has_logged_in_ = false;
  bool has_answered_ = true;      // since the last notice
  std::uint64_t cluster_id_ = 0;  // 0: nobody has answered yet
  std::uint64_t newest_ = 0;      // the highest revision that an answer had
  Duration patience_;
  HttpTransfers transfers_;
};

}  // namespace dorsal::coord
