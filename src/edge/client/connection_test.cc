#include "edge/client/connection.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "edge/client/fake_server.h"
#include "edge/io/certificates.h"
#include "edge/io/scope.h"

namespace dorsal::client {
namespace {

using Tls = mysql::ClientLoginOptions::Tls;

class ConnectionTest : public ::testing::Test {
 protected:
  ConnectOptions options(const FakeServer& server) {
    ConnectOptions made;
    made.endpoint = server.endpoint();
    made.login.user = "app";
    made.login.password = Secret("secret");
    made.login.tls = Tls::Off;
    return made;
  }
  Deadline soon() { return loop_.after(std::chrono::seconds(20)); }
  Deadline shortly() { return loop_.after(std::chrono::milliseconds(100)); }

  Result<std::unique_ptr<Connection>> connect(ConnectOptions chosen) {
    return io::block_on(loop_, Connection::connect(loop_, std::move(chosen), soon()));
  }
  std::unique_ptr<Connection> connected(const FakeServer& server) {
    auto made = connect(options(server));
    EXPECT_TRUE(made) << made.error().message;
    return *std::move(made);
  }
  Result<std::string> scalar(Connection& connection, const std::string& sql) {
    return io::block_on(loop_, connection.scalar(sql, soon()));
  }

  io::Loop loop_;
};

TEST_F(ConnectionTest, LogsInAndAsks) {
  FakeServer server(loop_, {});
  auto connection = connected(server);
  EXPECT_EQ(connection->greeting().server_version, "9.9.9-fake");
  server.answer("SELECT 1", FakeServer::one_column(connection->capabilities(), {"1"}));
  EXPECT_EQ(*scalar(*connection, "SELECT 1"), "1");
  EXPECT_EQ(*scalar(*connection, "SELECT 1"), "1");
}

TEST_F(ConnectionTest, AReplyMayComeInPieces) {
  FakeServer::Options pieces;
  pieces.piece_bytes = 1;
  FakeServer server(loop_, pieces);
  auto connection = connected(server);
  server.answer("SELECT 2", FakeServer::one_column(connection->capabilities(), {"a", "b"}));
  auto results = io::block_on(loop_, connection->execute("SELECT 2", soon()));
  ASSERT_TRUE(results);
  ASSERT_EQ(results->size(), 1u);
  EXPECT_EQ((*results)[0].rows.size(), 2u);
  EXPECT_EQ((*results)[0].rows[1][0], "b");
}

TEST_F(ConnectionTest, CompressesIfItAsksForThatAndTheServerOffersIt) {
  Number received;
  Number received_packets;
  Number sent;
  Number sent_packets;
  io::CompressionNumbers numbers{received, received_packets, sent, sent_packets};
  for (auto wanted : {mysql::capability::kCompress, mysql::capability::kZstdCompression}) {
    for (std::uint32_t offered : {wanted, std::uint32_t{0}}) {
      FakeServer::Options with;
      with.more_capabilities = offered;
      FakeServer server(loop_, with);
      auto chosen = options(server);
      chosen.login.capabilities = wanted;
      chosen.compression_numbers = &numbers;
      auto connection = connect(chosen);
      ASSERT_TRUE(connection) << connection.error().message;
      EXPECT_EQ((*connection)->stream().is_compressed(), offered != 0);
      const std::string large(100'000, 'x');
      server.answer(large, FakeServer::one_column((*connection)->capabilities(), {large, "1"}));
      const auto received_before = received.value();
      EXPECT_EQ(*scalar(**connection, large), large);
      EXPECT_EQ(*scalar(**connection, large), large);
      const auto grown = received.value() - received_before;
      EXPECT_EQ(grown > 0, offered != 0);
      EXPECT_LT(grown, 10'000);
    }
  }
  EXPECT_GT(sent_packets.value(), 400'000);
  EXPECT_LT(sent.value(), 40'000);
}

TEST_F(ConnectionTest, ARefusalIsAValueOfLogIn) {
  FakeServer server(loop_, {});
  auto wrong = options(server);
  wrong.login.password = Secret("guess");
  auto login = io::block_on(loop_, Connection::log_in(loop_, wrong, soon()));
  ASSERT_TRUE(login) << login.error().message;
  EXPECT_EQ(login->connection, nullptr);
  EXPECT_EQ(login->refused->code, 1045);
}

TEST_F(ConnectionTest, ARefusalIsAFailureOfConnect) {
  FakeServer server(loop_, {});
  auto wrong = options(server);
  wrong.login.password = Secret("guess");
  auto connection = connect(wrong);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().kind, ErrorKind::Unavailable);
  EXPECT_EQ(
      connection.error().message,
      "log in to " + io::to_string(server.endpoint()) +
          ": ERROR 1045 (28000): Access denied for user 'app'@'localhost' (using password: YES)");
}

TEST_F(ConnectionTest, AServerThatIsFullRefusesBeforeItsGreeting) {
  FakeServer::Options full;
  full.greets_with = mysql::ErrPacket{1040, "08004", "Too many connections"};
  FakeServer server(loop_, full);
  auto login = io::block_on(loop_, Connection::log_in(loop_, options(server), soon()));
  ASSERT_TRUE(login) << login.error().message;
  EXPECT_EQ(login->refused->code, 1040);
}

TEST_F(ConnectionTest, AServerThatSaysNothingIsATimeout) {
  FakeServer::Options silent;
  silent.greets = false;
  FakeServer server(loop_, silent);
  auto login = io::block_on(loop_, Connection::log_in(loop_, options(server), shortly()));
  EXPECT_EQ(login.error().kind, ErrorKind::Timeout);
}

TEST_F(ConnectionTest, NobodyListeningIsUnavailable) {
  ConnectOptions nobody;
  {
    FakeServer server(loop_, {});
    nobody = options(server);
  }
  EXPECT_EQ(connect(nobody).error().kind, ErrorKind::Unavailable);
}

TEST_F(ConnectionTest, AnErrLeavesTheConnectionUsable) {
  FakeServer server(loop_, {});
  auto connection = connected(server);
  server.answer("BAD", FakeServer::err(1064, "42000", "You have an error"));
  server.answer("GOOD", FakeServer::ok(connection->capabilities()));
  auto bad = io::block_on(loop_, connection->execute("BAD", soon()));
  EXPECT_EQ(bad.error().kind, ErrorKind::Invalid);
  EXPECT_EQ(bad.error().message, "ERROR 1064 (42000): You have an error");
  EXPECT_TRUE(io::block_on(loop_, connection->execute("GOOD", soon())));
}

TEST_F(ConnectionTest, AScalarThatIsNotThereIsNotFound) {
  FakeServer server(loop_, {});
  auto connection = connected(server);
  server.answer("NULL", FakeServer::one_column(connection->capabilities(), {std::nullopt}));
  server.answer("NONE", FakeServer::one_column(connection->capabilities(), {}));
  server.answer("OK", FakeServer::ok(connection->capabilities()));
  for (const char* sql : {"NULL", "NONE", "OK"}) {
    EXPECT_EQ(scalar(*connection, sql).error().kind, ErrorKind::NotFound) << sql;
  }
}

TEST_F(ConnectionTest, AServerThatGoesAwayBreaksTheConnection) {
  FakeServer server(loop_, {});
  auto connection = connected(server);
  EXPECT_EQ(scalar(*connection, "not in the list").error().kind, ErrorKind::Unavailable);
  EXPECT_EQ(scalar(*connection, "SELECT 1").error().kind, ErrorKind::Unavailable);
}

TEST_F(ConnectionTest, ALateReplyIsNeverTakenForThatOfTheNextStatement) {
  FakeServer server(loop_, {});
  auto connection = connected(server);
  server.hang_on("SLEEP");
  server.answer("SELECT 1", FakeServer::one_column(connection->capabilities(), {"1"}));
  auto late = io::block_on(loop_, connection->scalar("SLEEP", shortly()));
  EXPECT_EQ(late.error().kind, ErrorKind::Timeout);
  EXPECT_FALSE(connection->stream().is_open());
  EXPECT_FALSE(scalar(*connection, "SELECT 1"));
}

TEST_F(ConnectionTest, AReplyWithoutEndIsRefused) {
  FakeServer server(loop_, {});
  auto connection = connected(server);
  std::vector<std::optional<std::string>> rows(17, std::string(1 << 20, 'x'));
  server.answer("HUGE", FakeServer::one_column(connection->capabilities(), rows));
  EXPECT_FALSE(scalar(*connection, "HUGE"));
  EXPECT_FALSE(connection->stream().is_open());
}

TEST_F(ConnectionTest, BytesBehindAReplyBreakTheConnection) {
  FakeServer server(loop_, {});
  auto connection = connected(server);
  auto ok = FakeServer::ok(connection->capabilities());
  server.answer("TWICE", ok + ok);
  auto reply = io::block_on(loop_, connection->query("TWICE", soon()));
  EXPECT_EQ(reply.error().kind, ErrorKind::Corrupt);
}

io::Task<> wait_for_quit(io::Loop& loop, const FakeServer& server, Deadline deadline) {
  while (server.quits() == 0 && !deadline.has_passed(loop.now())) {
    auto next_look = loop.after(std::chrono::milliseconds(1));
    (void)co_await loop.sleep_until(next_look);
  }
}

TEST_F(ConnectionTest, CloseSaysGoodbye) {
  FakeServer server(loop_, {});
  connected(server)->close();
  io::block_on(loop_, wait_for_quit(loop_, server, soon()));
  EXPECT_EQ(server.quits(), 1);
}

// ---- TLS and unix sockets ----

class ConnectionTlsTest : public ConnectionTest {
 protected:
  ConnectionTlsTest() {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    authority_ = io::AuthorityFiles::in(folder_);
    EXPECT_TRUE(io::create_authority(authority_, "test"));
    io::CertificateRequest request;
    request.certificate_file = folder_ + "/server.pem";
    request.key_file = folder_ + "/server-key.pem";
    request.common_name = "server";
    request.names = {"127.0.0.1", "localhost"};
    EXPECT_TRUE(io::issue_certificate(authority_, request));
  }
  ~ConnectionTlsTest() override { std::filesystem::remove_all(folder_); }

  FakeServer::Options with_tls() {
    FakeServer::Options made;
    made.tls = *io::TlsContext::server(folder_ + "/server.pem", folder_ + "/server-key.pem");
    return made;
  }
  ConnectOptions verifying(const FakeServer& server, const std::string& name) {
    auto made = options(server);
    made.login.tls = Tls::Required;
    made.tls = *io::TlsContext::client(io::TlsVerify::CaAndName, authority_.certificate);
    made.tls_name = name;
    return made;
  }

  std::string folder_ = (std::filesystem::temp_directory_path() / "dorsal-client-XXXXXX").string();
  io::AuthorityFiles authority_;
};

TEST_F(ConnectionTlsTest, LogsInOverTls) {
  FakeServer server(loop_, with_tls());
  auto connection = connect(verifying(server, "127.0.0.1"));
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_TRUE((*connection)->stream().is_tls());
  server.answer("SELECT 1", FakeServer::one_column((*connection)->capabilities(), {"1"}));
  EXPECT_EQ(*scalar(**connection, "SELECT 1"), "1");
}

TEST_F(ConnectionTlsTest, ACertificateOfAnotherNameIsRefused) {
  FakeServer server(loop_, with_tls());
  EXPECT_EQ(connect(verifying(server, "db.example.com")).error().kind, ErrorKind::Invalid);
}

TEST_F(ConnectionTlsTest, RequiredTlsIsNeverGoneWithout) {
  FakeServer server(loop_, {});
  EXPECT_FALSE(connect(verifying(server, "127.0.0.1")));
}

TEST_F(ConnectionTlsTest, PreferredTlsWithoutSettingsGoesOnInClear) {
  FakeServer server(loop_, with_tls());
  auto chosen = options(server);
  chosen.login.tls = Tls::Preferred;
  auto connection = connect(chosen);
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_FALSE((*connection)->stream().is_tls());
}

TEST_F(ConnectionTlsTest, AUnixSocketWorksToo) {
  FakeServer server(loop_, {}, io::Endpoint::unix_socket(folder_ + "/socket"));
  auto connection = connect(options(server));
  ASSERT_TRUE(connection) << connection.error().message;
}

}  // namespace
}  // namespace dorsal::client
