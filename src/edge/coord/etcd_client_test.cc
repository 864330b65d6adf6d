// The client before a server that does what no etcd does, or at the worst moment.
#include "edge/coord/etcd_client.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "edge/coord/etcd_store.h"
#include "edge/io/listener.h"
#include "edge/io/scope.h"
#include "edge/io/stream.h"

namespace dorsal::coord {
namespace {

struct Reply {
  std::string bytes;
  bool closes = false;
  bool goes_on = false;  // sends the bytes again and again
  bool is_silent = false;
};

Reply with_status(int status, const std::string& body) {
  return Reply{
      fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body)};
}

Reply ok(const std::string& body) { return with_status(200, body); }

// A transaction without entries, of a store that is not there yet.
Reply empty_store() {
  return ok(R"({"header":{"cluster_id":"1","revision":"5"},"succeeded":true,)"
            R"("responses":[{"response_range":{}}]})");
}

// An HTTP server whose answers a function makes.
class FakeServer {
 public:
  using Answer = std::function<Reply(const std::string& request)>;

  FakeServer(io::Loop& loop, Answer answer)
      : loop_(loop),
        answer_(std::move(answer)),
        listener_(*io::Listener::open(loop, io::Endpoint("127.0.0.1", 0))),
        scope_(loop) {
    scope_.spawn(accept_all());
  }

  io::Endpoint endpoint() const { return listener_.local_endpoint(); }
  const std::vector<std::string>& requests() const { return requests_; }

 private:
  io::Task<> accept_all() {
    for (;;) {
      auto stream = co_await listener_.accept(Deadline::never());
      if (!stream) co_return;
      scope_.spawn(serve(std::move(*stream)));
    }
  }

  io::Task<> serve(io::Stream stream) {
    std::string unread;
    for (;;) {
      auto request = co_await read_request(stream, unread);
      if (request.empty()) co_return;
      requests_.push_back(request);
      const Reply reply = answer_(request);
      if (reply.is_silent) {
        (void)co_await stream.wait_readable(Deadline::never());
        co_return;
      }
      do {
        auto sent = co_await stream.write_all(reply.bytes, Deadline::never());
        if (!sent) co_return;
      } while (reply.goes_on);
      if (reply.closes) co_return;
    }
  }

  static bool is_whole(const std::string& bytes) {
    constexpr std::string_view kLength = "Content-Length: ";
    const auto head = bytes.find("\r\n\r\n");
    const auto length = bytes.find(kLength);
    if (head == std::string::npos || length == std::string::npos) return false;
    return bytes.size() - head - 4 >= std::stoul(bytes.substr(length + kLength.size()));
  }

  static io::Task<std::string> read_request(io::Stream& stream, std::string& unread) {
    char buffer[4096];
    while (!is_whole(unread)) {
      auto got = co_await stream.read_some(buffer, sizeof buffer, Deadline::never());
      if (!got) co_return std::string();
      unread.append(buffer, *got);
    }
    co_return std::exchange(unread, {});
  }

  io::Loop& loop_;
  Answer answer_;
  std::vector<std::string> requests_;
  io::Listener listener_;
  io::Scope scope_;
};

class EtcdClientTest : public ::testing::Test {
 protected:
  EtcdOptions options(const std::vector<const FakeServer*>& servers) {
    EtcdOptions made;
    for (const auto* server : servers) made.address.endpoints.push_back(server->endpoint());
    made.address.prefix = "/dorsal/shop";
    made.cluster = "shop";
    return made;
  }

  Deadline in(int milliseconds) { return loop_.after(std::chrono::milliseconds(milliseconds)); }
  Deadline hang_limit() { return in(60'000); }

  io::Loop loop_;
};

bool is_write(const std::string& request) {
  return request.find("request_put") != std::string::npos;
}

TEST_F(EtcdClientTest, NonsenseIsRefusedWithinTheDeadline) {
  const Reply cases[] = {ok("garbage"),
                         ok(""),
                         ok("{}"),
                         ok(R"({"header":{"cluster_id":"1","revision":"1"},"succeeded":true})"),
                         with_status(200, std::string(1 << 20, '[')),
                         with_status(500, "\x1b[2J<html>"),
                         with_status(404, "Not Found"),
                         with_status(302, ""),
                         Reply{"SSH-2.0-OpenSSH_9.2\r\n", true},
                         Reply{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", true},
                         Reply{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
                         Reply{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", true},
                         Reply{"", true}};
  for (const auto& reply : cases) {
    FakeServer server(loop_, [&](const std::string&) { return reply; });
    EtcdStore store(loop_, options({&server}));
    auto read = io::block_on(loop_, store.get("key", in(300)));
    ASSERT_FALSE(read) << reply.bytes.substr(0, 100);
    EXPECT_EQ(read.error().kind, ErrorKind::Unavailable) << read.error().message;
    EXPECT_EQ(read.error().message.find('\x1b'), std::string::npos);
  }
}

TEST_F(EtcdClientTest, AnEndlessAnswerIsCutOff) {
  FakeServer server(loop_, [](const std::string&) {
    Reply reply;
    reply.goes_on = true;
    reply.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 100; ++i) reply.bytes += "3e8\r\n" + std::string(1000, ' ') + "\r\n";
    return reply;
  });
  EtcdStore store(loop_, options({&server}));
  auto read = io::block_on(loop_, store.get("key", in(5000)));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::Unavailable);
}

TEST_F(EtcdClientTest, AnotherMemberIsAskedForWhatOneDoesNotAnswer) {
  FakeServer silent(loop_, [](const std::string&) {
    Reply reply;
    reply.is_silent = true;
    return reply;
  });
  FakeServer good(loop_, [](const std::string&) { return empty_store(); });
  EtcdStore store(loop_, options({&silent, &good}));
  auto read = io::block_on(loop_, store.get("key", hang_limit()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_FALSE(read->has_value());
  // It stays with the one that answers.
  auto asked = silent.requests().size();
  ASSERT_TRUE(io::block_on(loop_, store.get("key", hang_limit())));
  EXPECT_EQ(silent.requests().size(), asked);
}

// libcurl would send it again by itself, because the connection had been kept from before.
TEST_F(EtcdClientTest, AWriteWhoseConnectionClosesIsNeverSentAgain) {
  FakeServer server(loop_, [](const std::string& request) {
    Reply closed;
    closed.closes = true;
    return is_write(request) ? closed : empty_store();
  });
  FakeServer other(loop_, [](const std::string&) { return empty_store(); });
  auto made = options({&server, &other});
  EtcdClient client(loop_, made);
  auto post = [&](const std::string& body, EtcdClient::Effect effect) {
    return io::block_on(loop_, client.call("kv/txn", body, effect, hang_limit()));
  };
  ASSERT_TRUE(post("{}", EtcdClient::Effect::Read));
  auto written = post(etcd_transaction({}, {etcd_put("a", "b")}, {}), EtcdClient::Effect::Write);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::Timeout);
  EXPECT_TRUE(written.error().message.ends_with("whether the write took place is unknown"))
      << written.error().message;
  EXPECT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(other.requests().size(), 0U);
}

TEST_F(EtcdClientTest, AWriteThatWasRefusedBeforeItWasDoneGoesToTheNext) {
  FakeServer leaderless(loop_, [](const std::string&) {
    return with_status(503, R"({"error":"etcdserver: no leader","code":14})");
  });
  FakeServer good(loop_, [](const std::string&) { return empty_store(); });
  auto made = options({&leaderless, &good});
  EtcdClient client(loop_, made);
  auto call = client.call("kv/txn", "{}", EtcdClient::Effect::Write, hang_limit());
  EXPECT_TRUE(io::block_on(loop_, std::move(call)));
  EXPECT_EQ(good.requests().size(), 1U);
}

// A second try with so little time left would end in doubt, where now it is certain.
TEST_F(EtcdClientTest, AWriteThatWasRefusedIsNotTriedAgainJustBeforeItsDeadline) {
  FakeServer server(loop_, [](const std::string&) {
    return with_status(503, R"({"error":"etcdserver: no leader","code":14})");
  });
  auto made = options({&server});
  EtcdClient client(loop_, made);
  auto call = client.call("kv/txn", "{}", EtcdClient::Effect::Write, in(100));
  auto written = io::block_on(loop_, std::move(call));
  ASSERT_FALSE(written);
  EXPECT_LE(server.requests().size(), 1U) << written.error().message;
}

TEST_F(EtcdClientTest, AWriteThatEtcdGaveUpIsInDoubt) {
  FakeServer slow(loop_, [](const std::string&) {
    return with_status(503, R"({"error":"etcdserver: request timed out","code":14})");
  });
  FakeServer good(loop_, [](const std::string&) { return empty_store(); });
  auto made = options({&slow, &good});
  EtcdClient client(loop_, made);
  auto call = client.call("kv/txn", "{}", EtcdClient::Effect::Write, hang_limit());
  auto written = io::block_on(loop_, std::move(call));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::Timeout);
  EXPECT_EQ(good.requests().size(), 0U);
}

TEST_F(EtcdClientTest, AnEtcdThatGoesBackIsNotBelieved) {
  FakeServer server(loop_, [answers = 0](const std::string&) mutable {
    const int revision = ++answers == 1 ? 9 : 5;
    return ok(fmt::format(R"({{"header":{{"cluster_id":"1","revision":"{}"}}}})", revision));
  });
  auto made = options({&server});
  EtcdClient client(loop_, made);
  auto first = client.call("kv/range", "{}", EtcdClient::Effect::Read, hang_limit());
  ASSERT_TRUE(io::block_on(loop_, std::move(first)));
  auto second = client.call("kv/range", "{}", EtcdClient::Effect::Read, in(300));
  auto read = io::block_on(loop_, std::move(second));
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("it went back from revision 9 to 5"), std::string::npos)
      << read.error().message;
}

TEST_F(EtcdClientTest, AWatchThatTalksNonsenseNeitherEndsNorBlocksAnything) {
  FakeServer server(loop_, [](const std::string& request) {
    if (request.find("POST /v3/watch") == std::string::npos) {
      return ok(R"({"header":{"cluster_id":"1","revision":"5"}})");
    }
    Reply reply;
    reply.goes_on = true;
    reply.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + std::string(100'000, 'x');
    return reply;
  });
  EtcdStore store(loop_, options({&server}));
  auto told = io::block_on(loop_, store.changed_since(Revision(5), in(500)));
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().kind, ErrorKind::Timeout);
}

TEST_F(EtcdClientTest, ThePasswordIsSentOnlyToLogIn) {
  FakeServer server(loop_, [](const std::string& request) {
    if (request.find("POST /v3/auth/authenticate") == std::string::npos) return empty_store();
    return ok(R"({"header":{"cluster_id":"1","revision":"5"},"token":"T.1"})");
  });
  auto made = options({&server});
  made.user = "dorsal";
  made.password = Secret("not for all");
  EtcdStore store(loop_, made);
  ASSERT_TRUE(io::block_on(loop_, store.get("key", hang_limit())));
  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_NE(server.requests()[0].find(R"({"name":"dorsal","password":"not for all"})"),
            std::string::npos);
  EXPECT_NE(server.requests()[1].find("Authorization: T.1\r\n"), std::string::npos);
  EXPECT_EQ(server.requests()[1].find("not for all"), std::string::npos);
}

}  // namespace
}  // namespace dorsal::coord
