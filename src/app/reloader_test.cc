#include "app/reloader.h"

#include <gtest/gtest.h>

#include <fstream>

#include "app/config_keys.h"
#include "app/outcome.h"
#include "app/role_process.h"
#include "base/log.h"
#include "edge/coord/test_folder.h"
#include "edge/io/files.h"

namespace dorsal::app {
namespace {

Config parse(const std::string& text) {
  auto none = [](const std::string&) { return std::nullopt; };
  auto config = parse_config(text, "/etc/d.yaml", none, {});
  EXPECT_TRUE(config) << config.error().message;
  return *config;
}

std::string refusal(const std::string& before, const std::string& after) {
  auto checked = check_change(parse(before), parse(after), "/etc/d.yaml");
  return checked ? "taken up" : checked.error().message;
}

TEST(CheckChange, WhatOnlyARestartTakesUpIsRefusedWithItsLine) {
  EXPECT_EQ(refusal("proxy:\n  split_port: 1\n", "proxy:\n  listen: 127.0.0.1\n  split_port: 2\n"),
            "/etc/d.yaml:3: 'proxy.split_port' cannot change while it runs; restart it, or take "
            "the change back");
  EXPECT_EQ(refusal("proxy: {split_port: 1}", ""),
            "/etc/d.yaml: 'proxy.split_port' cannot change while it runs; restart it, or take the "
            "change back");
  EXPECT_EQ(refusal("", "proxy: {loops: 3}\nrun: elsewhere\n"),
            "/etc/d.yaml:1: 'proxy.loops' cannot change while it runs; /etc/d.yaml:2: 'run' cannot "
            "change while it runs; restart it, or take the change back");
}

TEST(CheckChange, WhatIsTakenUpOrOfNoMatterIsNot) {
  EXPECT_EQ(refusal("", "proxy: {causal_wait_ms: 3}\nlog: {level: debug}\n"), "taken up");
  EXPECT_EQ(refusal("", "node: {buffer_pool: 2G, settings: {a: b}}\ncluster: {acks: 2}"),
            "taken up");
  EXPECT_EQ(refusal("proxy: {split_port: 6033}", ""), "taken up") << "that is the default";
}

TEST(ChangedKeys, AreThoseThatWereWrittenDifferently) {
  auto changed = changed_keys(parse("proxy: {causal_wait_ms: 3}\nnode: {settings: {a: b}}"),
                              parse("proxy: {causal_wait_ms: 4}\nnode: {settings: {a: c}}"));
  std::vector<std::string> names;
  for (const auto* key : changed) names.push_back(key->name);
  EXPECT_EQ(names, (std::vector<std::string>{"node.settings", "proxy.causal_wait_ms"}));
}

TEST(Reload, EveryKeyThatNeedsARestartIsListedInTheManual) {
  auto page = io::read_file(DORSAL_SOURCE "/docs/configuration.md");
  ASSERT_TRUE(page);
  auto begin = page->find("Only a restart takes up: ");
  ASSERT_NE(begin, std::string::npos);
  auto list = page->substr(begin, page->find("\n\n", begin) - begin);
  for (const auto& key : config_keys()) {
    EXPECT_EQ(list.find("`" + key.name + "`") != std::string::npos, key.change == Change::Restart)
        << key.name;
  }
}

TEST(Outcome, IsReadAsItWasWritten) {
  coord::TestFolder folder;
  auto file = reload_file(folder.path(), "proxy");
  EXPECT_FALSE(read_outcome(file));
  ASSERT_TRUE(write_outcome(file, Outcome{42, true, "d.yaml:3: \"no\"\xff"}));
  auto outcome = read_outcome(file);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->began_ns, 42);
  EXPECT_TRUE(outcome->is_refused);
  EXPECT_EQ(outcome->message, "d.yaml:3: \"no\"\xEF\xBF\xBD");
  std::ofstream(file) << "{}";
  EXPECT_FALSE(read_outcome(file));
}

// The admin page's role: no ports, no certificates.
class ReloaderTest : public testing::Test {
 public:
  ~ReloaderTest() override {
    log_to("");
    log_threshold(LogLevel::Info);
  }

  void write(const std::string& text) { std::ofstream(folder_.file("d.yaml")) << text; }

  Outcome reload() {
    reloader_.reload();
    return read_outcome(reload_file(folder_.file("run"), "admin")).value_or(Outcome());
  }

  Config begin() {
    write("log: {file: first.log}\nrun: run\n");
    DORSAL_CHECK(io::make_directories(folder_.file("run"), 0700));
    auto config = begin_role(options_);
    DORSAL_CHECK(config);
    return *config;
  }

  coord::TestFolder folder_;
  RoleOptions options_{folder_.file("d.yaml"), {}};
  Reloader reloader_{"admin", options_, begin()};
};

TEST_F(ReloaderTest, TakesUpAConfigurationThatIsRight) {
  write("log: {file: second.log, level: debug}\nrun: run\n");
  auto outcome = reload();
  EXPECT_FALSE(outcome.is_refused) << outcome.message;
  EXPECT_EQ(outcome.message, "log.level, log.file");
  EXPECT_EQ(reloader_.config().log.level, LogLevel::Debug);
  log_debug("test", "a line of the second file");
  log_info("test", "flushed");
  EXPECT_NE(io::read_file(folder_.file("second.log"))->find("a line of the second file"),
            std::string::npos);
}

TEST_F(ReloaderTest, LeavesEverythingAsItWasWhenSomethingIsWrong) {
  for (const auto* wrong : {"log: {level: debug}\nrun: run\nproxy:\n  loops: many\n",
                            "log: {level: debug}\nrun: elsewhere\n",
                            "log: {level: debug, file: run}\nrun: run\n"}) {
    write(wrong);
    auto outcome = reload();
    EXPECT_TRUE(outcome.is_refused) << wrong;
    EXPECT_TRUE(outcome.message.starts_with(folder_.file("d.yaml"))) << outcome.message;
    EXPECT_EQ(reloader_.config().log.level, LogLevel::Info) << wrong;
    log_debug("test", "too unimportant");
    log_info("test", "still here");
  }
  auto log = *io::read_file(folder_.file("first.log"));
  EXPECT_NE(log.find("d.yaml:4: 'proxy.loops' must be"), std::string::npos) << log;
  EXPECT_NE(log.find("still here"), std::string::npos);
  EXPECT_EQ(log.find("too unimportant"), std::string::npos);
}

TEST_F(ReloaderTest, OpensTheLogAnewWhenItWasMovedAway) {
  ASSERT_EQ(std::rename(folder_.file("first.log").c_str(), folder_.file("first.log.1").c_str()), 0);
  EXPECT_FALSE(reload().is_refused);
  log_info("test", "after the move");
  EXPECT_NE(io::read_file(folder_.file("first.log"))->find("after the move"), std::string::npos);
}

}  // namespace
}  // namespace dorsal::app
