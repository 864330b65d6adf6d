#include "app/cli.h"

#include <gtest/gtest.h>

#include <vector>

#include "edge/coord/test_folder.h"

namespace dorsal::app {
namespace {

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

Outcome dorsal(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv = {"dorsal"};
  for (const auto& argument : arguments) argv.push_back(argument.c_str());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  int status = run(static_cast<int>(argv.size()), argv.data());
  std::fflush(stdout);
  return {status,
          ::testing::internal::GetCapturedStdout(),
          ::testing::internal::GetCapturedStderr()};
}

bool is_one_line(const std::string& text) {
  return !text.empty() && text.find('\n') == text.size() - 1;
}

TEST(Cli, HelpShowsAnExampleForEveryCommand) {
  for (const char* command :
       {"up", "down", "node", "proxy", "admin", "reload", "status", "certificates", "version"}) {
    auto outcome = dorsal({command, "--help"});
    EXPECT_EQ(outcome.status, 0) << command;
    EXPECT_NE(outcome.out.find(std::string("Example:\n  dorsal ") + command), std::string::npos)
        << outcome.out;
  }
  EXPECT_EQ(dorsal({"--help"}).status, 0);
}

TEST(Cli, VersionIsPrintedEitherWay) {
  EXPECT_EQ(dorsal({"--version"}).out, dorsal({"version"}).out);
  EXPECT_TRUE(dorsal({"version"}).out.starts_with("dorsal 0."));
  EXPECT_NE(dorsal({"version", "--json"}).out.find("\"version\""), std::string::npos);
}

TEST(Cli, WrongUsageIsOneSentenceAndStatus2) {
  const std::vector<std::vector<std::string>> cases = {
      {},
      {"upp"},
      {"up", "--bogus"},
      {"up", "--nodes", "0"},
      {"up", "--nodes", "10"},
      {"up", "--nodes", "many"},
      {"up", "--port-base", "70000"},
      {"up", "stray"},
      {"status", "--dir"},
      {"certificates"},
      {"certificates", "make"},
      {"certificates", "issue"},
      {"certificates", "issue", "node1"},
      {"certificates", "issue", "a", "b", "--days", "0"}};
  for (const auto& arguments : cases) {
    auto outcome = dorsal(arguments);
    auto shown = ::testing::PrintToString(arguments);
    EXPECT_EQ(outcome.status, 2) << shown;
    EXPECT_TRUE(is_one_line(outcome.err)) << shown << outcome.err;
    EXPECT_EQ(outcome.out, "") << shown;
  }
}

TEST(Cli, AMistypedCommandGetsASuggestion) {
  EXPECT_EQ(dorsal({"stauts"}).err,
            "dorsal: there is no command 'stauts'; did you mean 'status'?; see 'dorsal --help'\n");
}

TEST(Cli, AFailureIsOneSentenceAndStatus1) {
  coord::TestFolder folder;
  auto outcome = dorsal({"status", "--dir", folder.file("nowhere")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err,
            "dorsal status: there is no cluster: " + folder.file("nowhere/dorsal.yaml") +
                " does not exist; start one with 'dorsal up', or name another with --dir "
                "or --config\n");
}

TEST(Cli, CertificatesAreMadeIssuedAndListed) {
  coord::TestFolder folder;
  const auto dir = folder.file("authority");
  auto made = dorsal({"certificates", "create", "--dir", dir});
  EXPECT_EQ(made.status, 0) << made.err;
  auto issued = dorsal({"certificates", "issue", "node1", "db1", "10.0.0.1", "--dir", dir});
  EXPECT_EQ(issued.status, 0) << issued.err;
  EXPECT_TRUE(issued.out.starts_with(dir + "/bundles/node1 holds what node1 needs")) << issued.out;
  auto listed = dorsal({"certificates", "list", "--dir", dir, "--json"});
  EXPECT_NE(listed.out.find("\"name\": \"node1\""), std::string::npos) << listed.out;
  auto again = dorsal({"certificates", "issue", "node1", "db1", "--dir", dir});
  EXPECT_EQ(again.status, 1);
  EXPECT_TRUE(again.err.starts_with("dorsal certificates issue: node1 has a certificate"))
      << again.err;
  EXPECT_TRUE(is_one_line(again.err));
}

TEST(Cli, DownWhereNothingIsSaysSo) {
  coord::TestFolder folder;
  auto outcome = dorsal({"down", "--dir", folder.file("nowhere")});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "there is no cluster in " + folder.file("nowhere") + "\n");
}

TEST(Cli, ARoleWithoutItsConfigurationFails) {
  for (const char* role : {"node", "proxy", "admin"}) {
    auto outcome = dorsal({role, "--config", "/nonexistent/dorsal.yaml"});
    EXPECT_EQ(outcome.status, 1) << role;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  }
}

}  // namespace
}  // namespace dorsal::app
