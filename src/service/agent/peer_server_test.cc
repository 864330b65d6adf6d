// The agent's API over real sockets, asked by the client that agents use, and by worse ones.
#include "service/agent/peer_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "edge/io/connect.h"
#include "edge/io/listener.h"
#include "edge/io/scope.h"
#include "edge/peers/http_peers.h"
#include "edge/peers/messages.h"
#include "edge/peers/testing.h"

namespace dorsal::agent {
namespace {

using cluster::Agreement;
using cluster::Claim;
using cluster::NodeName;
using cluster::Objection;
using cluster::PeerState;
using cluster::Term;
using io::Task;
using peers::HttpPeers;
using peers::Identity;
using peers::PeerAddress;
using peers::testing::Authority;
using peers::testing::kCluster;
using peers::testing::kOtherCluster;
using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto kPatience = seconds(60);

// One authority for all tests: making keys takes a while under a sanitizer.
class PeerServerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    authority_ = new Authority;
    node1_ = authority_->issue(Identity::of_node(kCluster, "node1"));
    node2_ = authority_->issue(Identity::of_node(kCluster, "node2"));
  }
  static void TearDownTestSuite() { delete authority_; }

  PeerServerTest() { start({}); }

  void start(PeerLimits limits) {
    server_.reset();
    PeerAnswers answers;
    answers.state = [this] {
      PeerState state;
      state.node = NodeName("node2");
      state.cluster = kCluster;
      state.term = Term(7);
      state.primary = NodeName("node1");
      state.role = cluster::Role::Replica;
      state.gtid_executed = gtids_;
      return state;
    };
    answers.agree = [this](const Claim& claim) {
      if (claim.term == promised_) return Agreement{Objection::None, "", promised_, true};
      return Agreement{Objection::Promise, "node2 has promised term 7", promised_, true};
    };
    answers.metrics = [] { return std::string("dorsal_number 1\n"); };
    PeerServerOptions options{io::Endpoint("127.0.0.1", 0),
                              "node2",
                              kCluster,
                              authority_->server(node2_),
                              limits};
    auto server = PeerServer::start(std::move(options), std::move(answers), loop_, counters_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }

  PeerAddress address(const std::string& node = "node2") {
    return {NodeName(node), server_->local_endpoint()};
  }
  Claim claim(std::uint64_t term, const std::string& node = "node1") {
    return Claim{kCluster, NodeName(node), Term(term)};
  }
  HttpPeers client(const io::TlsContext& tls) { return HttpPeers(loop_, kCluster, tls); }
  HttpPeers client() { return client(authority_->client(node1_)); }

  Result<PeerState> ask_state(HttpPeers& peers, const std::string& node = "node2") {
    return io::block_on(loop_, peers.state(address(node), loop_.after(kPatience)));
  }
  Result<PeerState> ask_state(const io::TlsContext& tls) {
    auto peers = client(tls);
    return ask_state(peers);
  }
  Result<Agreement> ask_agree(HttpPeers& peers, Claim asked) {
    return io::block_on(loop_, peers.agree(address(), std::move(asked), loop_.after(kPatience)));
  }

  // Sends these bytes over TLS and returns all that comes until the server closes.
  std::string send(std::string bytes) {
    auto talk = [](io::Loop& loop,
                   io::Endpoint endpoint,
                   io::TlsContext tls,
                   std::string sent) -> Task<std::string> {
      const Deadline deadline = loop.after(kPatience);
      auto stream = co_await io::connect(loop, std::move(endpoint), deadline);
      EXPECT_TRUE(stream);
      const std::string no_name;
      EXPECT_TRUE(co_await stream->start_tls_client(tls, no_name, deadline));
      EXPECT_TRUE(co_await stream->write_all(sent, deadline));
      co_return co_await io::testing::read_exactly(*stream, 1 << 20, deadline);
    };
    auto endpoint = server_->local_endpoint();
    auto tls = authority_->client(node1_);
    return io::block_on(loop_, talk(loop_, std::move(endpoint), std::move(tls), std::move(bytes)));
  }

  // Sends these bytes without TLS and waits until the server has closed.
  void send_plain(std::string bytes) {
    auto talk = [](io::Loop& loop, io::Endpoint endpoint, std::string sent) -> Task<> {
      const Deadline deadline = loop.after(kPatience);
      auto stream = co_await io::connect(loop, std::move(endpoint), deadline);
      EXPECT_TRUE(stream);
      if (!sent.empty()) {
        EXPECT_TRUE(co_await stream->write_all(sent, deadline));
      }
      (void)co_await io::testing::read_exactly(*stream, 1 << 20, deadline);
      EXPECT_FALSE(deadline.has_passed(loop.now()));
    };
    io::block_on(loop_, talk(loop_, server_->local_endpoint(), std::move(bytes)));
  }

  std::int64_t refused(const std::string& reason) {
    return sum("dorsal_agent_api_refused_total", "reason", reason);
  }
  std::int64_t sum(const std::string& name, const std::string& label, const std::string& value) {
    std::int64_t total = 0;
    for (const auto& sample : counters_.read()) {
      const std::pair<std::string, std::string> wanted(label, value);
      const auto& labels = sample.labels;
      if (sample.name != name) continue;
      if (std::find(labels.begin(), labels.end(), wanted) != labels.end()) total += sample.value;
    }
    return total;
  }

  // Runs the agent's loop between two looks.
  template <class Condition>
  void wait_until(Condition condition) {
    const Deadline end = loop_.after(kPatience);
    while (!condition()) {
      ASSERT_FALSE(end.has_passed(loop_.now()));
      turn();
    }
  }
  void turn() { io::block_on(loop_, loop_.sleep_until(loop_.after(std::chrono::milliseconds(2)))); }
  void expect_refused(const char* reason) {
    wait_until([&] { return refused(reason) == 1; });
  }

  static Authority* authority_;
  static Authority::Files node1_;
  static Authority::Files node2_;
  io::Loop loop_;
  Counters counters_;
  std::string gtids_ = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-905";
  Term promised_{7};
  std::unique_ptr<PeerServer> server_;
};
Authority* PeerServerTest::authority_ = nullptr;
Authority::Files PeerServerTest::node1_;
Authority::Files PeerServerTest::node2_;

TEST_F(PeerServerTest, ANodeLearnsWhatTheAgentKnowsNow) {
  auto peers = client();
  auto state = ask_state(peers);
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->node, NodeName("node2"));
  EXPECT_EQ(state->term, Term(7));
  EXPECT_EQ(state->gtid_executed, gtids_);
  gtids_ += "6";
  EXPECT_EQ(ask_state(peers)->gtid_executed, gtids_);
}

TEST_F(PeerServerTest, AgreementAndObjectionAreBothAnswers) {
  auto peers = client();
  auto yes = ask_agree(peers, claim(7));
  ASSERT_TRUE(yes) << yes.error().message;
  EXPECT_TRUE(yes->agrees());
  auto no = ask_agree(peers, claim(6));
  ASSERT_TRUE(no) << no.error().message;
  EXPECT_EQ(no->objection, Objection::Promise);
  EXPECT_EQ(no->reason, "node2 has promised term 7");
}

TEST_F(PeerServerTest, AnswersLargerThanABufferArriveWhole) {
  gtids_ = std::string(300'000, '7');
  auto peers = client();
  auto state = ask_state(peers);
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->gtid_executed, gtids_);
}

TEST_F(PeerServerTest, OneConnectionServesManyQuestions) {
  auto peers = client();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(ask_agree(peers, claim(7)));
  EXPECT_EQ(peers.connections(), 1u);
}

TEST_F(PeerServerTest, ManyQuestionsAtOnceAreAllAnswered) {
  auto peers = client();
  std::vector<PeerAddress> asked(12, address());
  auto answers = io::block_on(
      loop_,
      peers::ask_all(loop_, peers, std::move(asked), claim(7), loop_.after(kPatience)));
  ASSERT_EQ(answers.size(), 12u);
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(answer->agrees());
  }
}

TEST_F(PeerServerTest, AQuestionOutlivesARestartOfTheServer) {
  auto peers = client();
  ASSERT_TRUE(ask_state(peers));
  const auto where = address();
  server_.reset();
  auto gone = io::block_on(loop_, peers.state(where, loop_.after(kPatience)));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::Unavailable);
  EXPECT_THAT(gone.error().message, StartsWith("node2 at 127.0.0.1:"));
  start({});
  EXPECT_TRUE(ask_state(peers));
}

// ---- who is not let in ----

TEST_F(PeerServerTest, WhoShowsNoCertificateIsRefused) {
  auto answer = ask_state(authority_->client());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(answer.error().message, HasSubstr("it refuses this node's certificate"));
  expect_refused("no_certificate");
}

TEST_F(PeerServerTest, AnExpiredCertificateIsRefused) {
  auto late = authority_->issue("late", peers::to_uri(Identity::of_node(kCluster, "node1")), -1);
  auto answer = ask_state(authority_->client(late));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("expired"));
  expect_refused("expired");
}

TEST_F(PeerServerTest, ACertificateOfAnotherAuthorityIsRefused) {
  Authority other;
  auto files = other.issue(Identity::of_node(kCluster, "node1"));
  auto tls = io::TlsContext::client(io::TlsVerify::CaOnly,
                                    authority_->certificate(),
                                    files.certificate,
                                    files.key);
  ASSERT_TRUE(tls);
  EXPECT_FALSE(ask_state(*tls));
  expect_refused("other_authority");
}

TEST_F(PeerServerTest, ACertificateOfAnotherClusterIsRefused) {
  auto files = authority_->issue("stray", peers::to_uri(Identity::of_node(kOtherCluster, "node1")));
  EXPECT_FALSE(ask_state(authority_->client(files)));
  expect_refused("other_cluster");
}

TEST_F(PeerServerTest, ACertificateOfTheAuthorityForAUserOfMysqlIsRefused) {
  EXPECT_FALSE(ask_state(authority_->client(authority_->issue("user", ""))));
  expect_refused("no_name");
}

TEST_F(PeerServerTest, OldVersionsOfTlsAreRefused) {
  // A ClientHello of TLS 1.1 with one cipher, TLS_RSA_WITH_AES_128_CBC_SHA, and nothing else.
  std::string hello("\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x02", 11);
  hello += std::string(32, 'r') + std::string("\x00\x00\x02\x00\x2f\x01\x00", 7);
  send_plain(hello);
  expect_refused("old_tls");
}

TEST_F(PeerServerTest, GarbageIsRefused) {
  send_plain("GET /v1/state HTTP/1.1\r\n\r\n");
  expect_refused("no_tls");
  auto peers = client();
  EXPECT_TRUE(ask_state(peers));
}

TEST_F(PeerServerTest, NobodySpeaksForAnotherNode) {
  auto peers = client();
  auto answer = ask_agree(peers, claim(7, "node3"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(answer.error().message,
              EndsWith("this is the certificate of node1, which does not speak for node3"));
}

TEST_F(PeerServerTest, AProxyMaySeeTheStateAndClaimNothing) {
  auto peers = client(authority_->client(authority_->issue(Identity::of_proxy(kCluster))));
  EXPECT_TRUE(ask_state(peers));
  auto answer = ask_agree(peers, claim(7));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("the certificate of a proxy"));
}

// ---- what the client refuses ----

TEST_F(PeerServerTest, AnotherNodeAtThatAddressIsRefused) {
  auto peers = client();
  auto answer = ask_state(peers, "node3");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(answer.error().message, EndsWith("its certificate is that of node2"));
}

TEST_F(PeerServerTest, AServerOfAnotherClusterIsRefused) {
  HttpPeers peers(loop_, kOtherCluster, authority_->client(node1_));
  auto answer = ask_state(peers);
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message,
              EndsWith(std::string("its certificate is of another cluster, ") + kCluster));
}

TEST_F(PeerServerTest, AServerOfAnotherAuthorityIsRefused) {
  Authority other;
  auto answer = ask_state(other.client(other.issue(Identity::of_node(kCluster, "node1"))));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(answer.error().message, HasSubstr("the server's certificate is refused"));
  expect_refused("refused_by_peer");
}

TEST_F(PeerServerTest, AServerThatSaysNothingEndsTheCallInTime) {
  auto listener = io::Listener::open(loop_, io::Endpoint("127.0.0.1", 0));
  ASSERT_TRUE(listener);
  auto peers = client();
  PeerAddress silent{NodeName("node2"), listener->local_endpoint()};
  auto deadline = loop_.after(std::chrono::milliseconds(50));
  auto answer = io::block_on(loop_, peers.state(silent, deadline));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::Timeout);
}

// Its yes would make the other agent wait for a node that never hears it.
TEST_F(PeerServerTest, WhoHearsNothingAsksForNoAgreement) {
  auto listener = io::Listener::open(loop_, io::Endpoint("127.0.0.1", 0));
  ASSERT_TRUE(listener);
  std::string received;
  auto listen = [](io::Listener& at, io::TlsContext tls, std::string& all) -> Task<> {
    const Deadline never = Deadline::never();
    auto accepted = co_await at.accept(never);
    EXPECT_TRUE(accepted);
    EXPECT_TRUE(co_await accepted->start_tls_server(tls, never));
    constexpr std::size_t kLengthOfFirst = 14;
    all = co_await io::testing::read_exactly(*accepted, kLengthOfFirst, never);
  };
  io::Scope scope(loop_);
  scope.spawn(listen(*listener, authority_->server(node2_), received));
  auto peers = client();
  PeerAddress silent{NodeName("node2"), listener->local_endpoint()};
  const Deadline deadline = loop_.after(kPatience);
  auto answer = io::block_on(loop_, peers.agree(std::move(silent), claim(7), deadline));
  EXPECT_FALSE(answer) << "it has hung up";
  io::block_on(loop_, scope.join());
  EXPECT_EQ(received, "GET /v1/state ");
}

// ---- requests ----

TEST_F(PeerServerTest, WhatIsNotThereIsSaid) {
  struct Case {
    const char* request;
    const char* status;
  };
  const Case cases[] = {
      {"GET /v2/state HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 "},
      {"DELETE /v1/state HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 405 "},
      {"GET /v1/agree HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 405 "},
      {"POST /v1/agree HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
       "HTTP/1.1 400 "},
      {"GET /v1/state HTTP/1.0\r\n\r\n", "HTTP/1.1 400 "},
      {"nonsense\r\n\r\n", "HTTP/1.1 400 "},
      {"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 "},
  };
  for (const auto& each : cases) EXPECT_THAT(send(each.request), StartsWith(each.status));
}

TEST_F(PeerServerTest, RequestsInOnePieceAreAnsweredInTheirOrder) {
  auto answers = send(
      "GET /metrics HTTP/1.1\r\n\r\n"
      "GET /none HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_LT(answers.find("200 OK"), answers.find("404 Not Found"));
  EXPECT_NE(answers.find("404 Not Found"), std::string::npos);
}

TEST_F(PeerServerTest, AnIncompatibleVersionIsToldWhatToDo) {
  const auto body = peers::encode(claim(7), peers::ApiVersions{9, 9});
  auto answer = send("POST /v1/agree HTTP/1.1\r\nConnection: close\r\nContent-Length: " +
                     std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 409 "));
  EXPECT_THAT(answer, HasSubstr("upgrade Dorsal"));
}

TEST_F(PeerServerTest, HugeRequestsAreRefusedBeforeTheyAreRead) {
  EXPECT_THAT(send("POST /v1/agree HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n" +
                   std::string(200'000, 'x')),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(send("GET /" + std::string(200'000, 'x')), StartsWith("HTTP/1.1 413 "));
}

// ---- slow and many ----

TEST_F(PeerServerTest, WhoNeverBeginsTheHandshakeIsDisconnected) {
  start({.handshake = std::chrono::milliseconds(50)});
  send_plain("");
  expect_refused("slow");
}

TEST_F(PeerServerTest, WhoNeverEndsARequestIsDisconnected) {
  start({.request = std::chrono::milliseconds(50)});
  EXPECT_EQ(send("GET /v1/state HTTP/1.1\r\nHost: "), "");
  expect_refused("slow");
}

TEST_F(PeerServerTest, WhoIsIdleForLongIsDisconnectedAndComesBack) {
  start({.idle = std::chrono::milliseconds(20)});
  auto peers = client();
  ASSERT_TRUE(ask_state(peers));
  wait_until([&] {
    const Deadline later = loop_.after(std::chrono::milliseconds(40));
    io::block_on(loop_, loop_.sleep_until(later));
    EXPECT_TRUE(ask_state(peers));
    return peers.connections() > 1;
  });
}

TEST_F(PeerServerTest, AFloodOfStrangersKeepsNobodyOut) {
  PeerLimits limits;
  limits.handshakes = 4;
  limits.handshake = std::chrono::minutes(5);
  start(limits);
  auto flood = [](io::Loop& loop, io::Endpoint endpoint) -> Task<std::vector<io::Stream>> {
    std::vector<io::Stream> strangers;
    for (int i = 0; i < 20; ++i) {
      auto stream = co_await io::connect(loop, endpoint, loop.after(kPatience));
      EXPECT_TRUE(stream);
      strangers.push_back(*std::move(stream));
    }
    co_return strangers;
  };
  auto strangers = io::block_on(loop_, flood(loop_, server_->local_endpoint()));
  auto peers = client();
  auto state = ask_state(peers);
  EXPECT_TRUE(state) << state.error().message;
  EXPECT_GE(refused("crowded"), 16);
}

TEST_F(PeerServerTest, OneNodeCannotTakeEveryConnection) {
  start({.per_name = 2});
  std::vector<std::unique_ptr<HttpPeers>> greedy;
  for (int i = 0; i < 2; ++i) {
    greedy.push_back(std::make_unique<HttpPeers>(loop_, kCluster, authority_->client(node1_)));
    ASSERT_TRUE(ask_state(*greedy.back()));
  }
  auto peers = client();
  EXPECT_FALSE(ask_state(peers));
  expect_refused("crowded");
  auto other = client(authority_->client(node2_));
  EXPECT_TRUE(ask_state(other));
}

TEST_F(PeerServerTest, AnAgentThatIsBusyDoesNotMakeAskersWait) {
  start({.answer = std::chrono::milliseconds(50)});
  // The asker has a loop of its own here; the agent's does nothing.
  io::Loop asker;
  HttpPeers peers(asker, kCluster, authority_->client(node1_));
  auto answer = io::block_on(asker, peers.state(address(), asker.after(kPatience)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::Unavailable);
  EXPECT_THAT(answer.error().message, EndsWith("the agent is busy and does not answer"));
  server_.reset();
  // The question is still in the queue of the agent's loop.
  turn();
}

// ---- certificates that change ----

TEST_F(PeerServerTest, AnotherAuthorityCountsFromTheNextRequestOn) {
  auto peers = client();
  ASSERT_TRUE(ask_state(peers));
  Authority other;
  server_->change(other.server(other.issue(Identity::of_node(kCluster, "node2"))));
  // The request at hand is answered, and its connection is the last of the old kind.
  wait_until([&] { return !ask_state(peers); });
  peers.change(other.client(other.issue(Identity::of_node(kCluster, "node1"))));
  auto state = ask_state(peers);
  EXPECT_TRUE(state) << state.error().message;
}

TEST_F(PeerServerTest, APortInUseIsSaid) {
  PeerServerOptions options{server_->local_endpoint(),
                            "node2",
                            kCluster,
                            authority_->server(node2_)};
  auto second = PeerServer::start(std::move(options), PeerAnswers(), loop_, counters_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::Conflict);
}

TEST_F(PeerServerTest, RequestsAreCounted) {
  auto peers = client();
  ASSERT_TRUE(ask_agree(peers, claim(7)));
  EXPECT_EQ(sum("dorsal_agent_api_requests_total", "request", "/v1/agree"), 1);
  EXPECT_EQ(sum("dorsal_agent_api_connections", "node", "node2"), 1);
}

}  // namespace
}  // namespace dorsal::agent
