// The small readers and writers of text in this folder.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "edge/instance/bootstrap_sql.h"
#include "edge/instance/error_log.h"
#include "edge/instance/mysqld_version.h"
#include "edge/instance/secrets.h"
#include "edge/instance/server_facts.h"
#include "edge/instance/socket_path.h"
#include "edge/instance/sql_text.h"
#include "edge/instance/test_folder.h"
#include "edge/io/files.h"

namespace dorsal::instance {
namespace {

TEST(MysqldVersion, IsReadFromTheBanner) {
  EXPECT_EQ(*parse_mysqld_version("/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))"),
            "9.7.4");
  EXPECT_EQ(*parse_mysqld_version("mysqld  Ver 8.0.26 for Linux"), "8.0.26");
}

TEST(MysqldVersion, TooOldAndForeignServersAreRefused) {
  EXPECT_EQ(parse_mysqld_version("mysqld  Ver 8.0.25 for Linux").error().message,
            "it is 8.0.25; Dorsal needs 8.0.26 or newer");
  EXPECT_EQ(
      parse_mysqld_version("mysqld  Ver 10.11.6-MariaDB for debian-linux-gnu").error().message,
      "it is MariaDB; Dorsal needs MySQL or Percona Server 8.0.26 or newer");
  EXPECT_FALSE(parse_mysqld_version("hello"));
}

TEST(ErrorLog, TheCauseIsToldNotTheAborting) {
  EXPECT_EQ(
      last_words(
          "2026-01-01T00:00:00Z 0 [System] [MY-010116] [Server] starting\n"
          "2026-01-01T00:00:01Z 0 [ERROR] [MY-010262] [Server] Can't start server: Bind on TCP/IP "
          "port: Address already in use\n"
          "2026-01-01T00:00:01Z 0 [ERROR] [MY-010119] [Server] Aborting\n")
          .error,
      "Can't start server: Bind on TCP/IP port: Address already in use");
  EXPECT_EQ(last_words("all is well\n").error, "");
  EXPECT_EQ(last_words("all is well\n").signal, 0);
}

TEST(ErrorLog, TheSignalOfACrashIsTold) {
  const LastWords words = last_words(
      "2026-01-01T00:00:00.1Z 0 [ERROR] [MY-011904] [InnoDB] Space id and page number are wrong\n"
      "2026-01-01T00:00:00Z UTC - mysqld got signal 11 ;\n"
      "Most likely, you have hit a bug, but this error can also be caused by malfunctioning "
      "hardware.\n");
  EXPECT_EQ(words.error, "Space id and page number are wrong");
  EXPECT_EQ(words.signal, 11);
}

TEST(Secrets, AreOnePrivateLine) {
  TestFolder folder;
  ASSERT_TRUE(io::write_file_atomically(folder.path + "/app", "s3cret\n", 0600));
  EXPECT_EQ(*load_secret(folder.path, "app"), "s3cret");
}

TEST(Secrets, OthersMustNotReadThem) {
  TestFolder folder;
  const std::string path = folder.path + "/app";
  ASSERT_TRUE(io::write_file_atomically(path, "s3cret\n", 0600));
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_EQ(load_secret(folder.path, "app").error().message,
            path + " may be read by others; run: chmod 600 " + path);
}

TEST(Secrets, MissingEmptyAndLongOnesAreRefused) {
  TestFolder folder;
  EXPECT_EQ(load_secret(folder.path, "app").error().kind, ErrorKind::NotFound);
  for (const std::string& text :
       {std::string("\n"), std::string(33, 'a'), std::string("a b"), std::string("a\nb\n")}) {
    ASSERT_TRUE(io::write_file_atomically(folder.path + "/app", text, 0600));
    EXPECT_FALSE(load_secret(folder.path, "app")) << text;
  }
}

TEST(Secrets, AServiceThatTakesLongerPasswordsGetsThem) {
  TestFolder folder;
  const std::string password(33, 'a');
  ASSERT_TRUE(io::write_file_atomically(folder.path + "/store", password, 0600));
  EXPECT_EQ(*load_secret(folder.path, "store", 33), password);
}

TEST(SqlText, QuotesWhatNeedsIt) { EXPECT_EQ(quote("a'b\\c"), "'a\\'b\\\\c'"); }

TEST(BootstrapSql, StaysOutOfTheBinaryLog) {
  const std::string sql = render_bootstrap_sql(Secrets());
  EXPECT_TRUE(sql.starts_with("SET sql_log_bin=0;\n"));
}

TEST(SocketPath, AShortFolderHoldsItsSocket) {
  EXPECT_EQ(*choose_socket_path("/srv/node1", "/run"), "/srv/node1/mysqld.sock");
}

TEST(SocketPath, ALongOneGetsAPrivatePlaceElsewhere) {
  TestFolder runtime;
  const std::string dir = "/" + std::string(120, 'd');
  const std::string path = *choose_socket_path(dir, runtime.path);
  EXPECT_TRUE(path.starts_with(runtime.path + "/dorsal-"));
  EXPECT_LE(path.size(), 107u);
  EXPECT_EQ(path, *choose_socket_path(dir, runtime.path));
}

TEST(SocketPath, AFolderThatOthersCanWriteToIsRefused) {
  TestFolder runtime;
  const std::string shared = runtime.path + "/dorsal-" + std::to_string(::geteuid());
  ASSERT_EQ(::mkdir(shared.c_str(), 0700), 0);
  ASSERT_EQ(::chmod(shared.c_str(), 0777), 0);
  EXPECT_EQ(choose_socket_path("/" + std::string(120, 'd'), runtime.path).error().message,
            shared + " is not a folder of ours alone (mode 0700); remove it");
}

mysql::ResultSet replica_status(const std::vector<std::pair<std::string, std::string>>& values) {
  mysql::ResultSet set;
  mysql::TextRow row;
  for (const auto& [name, value] : values) {
    mysql::Column column;
    column.name = name;
    set.columns.push_back(column);
    row.emplace_back(value);
  }
  set.rows.push_back(row);
  return set;
}

std::vector<std::pair<std::string, std::string>> well() {
  return {
      {"Source_Host", "db1"},
      {"Source_Port", "6041"},
      {"Source_User", kReplicationUser},
      {"Auto_Position", "1"},
      {"Source_SSL_Allowed", "Yes"},
      {"Source_SSL_Verify_Server_Cert", "Yes"},
      {"Source_SSL_CA_File", "/tls/ca.pem"},
      {"Replica_IO_Running", "Connecting"},
      {"Replica_SQL_Running", "Yes"},
      {"Retrieved_Gtid_Set", "11111111-1111-1111-1111-111111111111:1-3"},
      {"Last_IO_Errno", "2003"},
      {"Last_IO_Error", "Error connecting to source. This was attempt 3/9. Message: Can't connect"},
      {"Last_SQL_Errno", "0"},
      {"Last_SQL_Error", ""}};
}

using cluster::DataStage;

TEST(ServerFacts, AServerIsWritableUntilItIsReadOnlyInBothWays) {
  EXPECT_TRUE(is_writable(false, false, DataStage::Member));
  EXPECT_TRUE(is_writable(false, true, DataStage::Member)) << "those with privileges may write";
  EXPECT_TRUE(is_writable(true, false, DataStage::Member)) << "commits are still under way";
  EXPECT_FALSE(is_writable(true, true, DataStage::Member));
}

TEST(ServerFacts, TheRecipientOfACloneIsClosedByReadOnly) {
  EXPECT_TRUE(is_writable(false, false, DataStage::Cloning));
  EXPECT_FALSE(is_writable(false, true, DataStage::Cloning));
}

TEST(Following, IsReadFromReplicaStatus) {
  const auto following = *read_following(replica_status(well()), "/tls/ca.pem");
  EXPECT_EQ(following.host, "db1");
  EXPECT_EQ(following.port, 6041);
  EXPECT_TRUE(following.is_as_we_configure);
  EXPECT_EQ(following.receiver, cluster::Receiver::Connecting);
  EXPECT_TRUE(following.applier_runs);
  EXPECT_EQ(following.retrieved.count(), 3u);
  EXPECT_EQ(following.receiver_error, 2003u);
  EXPECT_EQ(following.error_text, "Can't connect");
}

TEST(Following, AnotherAuthorityIsNotAsWeConfigure) {
  EXPECT_FALSE(read_following(replica_status(well()), "/elsewhere/ca.pem")->is_as_we_configure);
}

}  // namespace
}  // namespace dorsal::instance
