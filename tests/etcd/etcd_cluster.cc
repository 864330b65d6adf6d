#include "etcd_cluster.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/check.h"
#include "edge/io/scope.h"

namespace dorsal::coord {
namespace {

constexpr int kMostStarts = 5;

void pause_a_moment() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }

}  // namespace

EtcdCluster::EtcdCluster(const EtcdSetup& setup) : setup_(setup) {
  if (setup_.uses_tls) certificates_.emplace(folder_.path());
  for (int tries = 0; tries < kMostStarts; ++tries) {
    if (try_to_start()) return;
  }
  DORSAL_CHECK(false);
}

EtcdCluster::~EtcdCluster() {
  for (auto& member : members_) {
    if (member.process) member.process->kill_and_reap();
  }
}

bool EtcdCluster::try_to_start() {
  for (int i = 0; i < size(); ++i) {
    if (members_[i].process) members_[i].process->kill_and_reap();
    (void)io::remove_tree(fmt::format("{}/m{}", folder_.path(), i));
  }
  members_.clear();
  members_.resize(setup_.members);
  for (auto& member : members_) {
    member.client_port = io::testing::free_port(loop_);
    member.peer_port = io::testing::free_port(loop_);
  }
  for (int i = 0; i < size(); ++i) start(i);
  wait_for_leader();
  for (auto& member : members_) {
    if (member.process->poll()) return false;
  }
  return true;
}

std::string EtcdCluster::client_url(const Member& member) const {
  return fmt::format("{}://127.0.0.1:{}", setup_.uses_tls ? "https" : "http", member.client_port);
}

void EtcdCluster::start(int number) {
  auto& member = members_[number];
  auto peer_url = [](const Member& each) {
    return fmt::format("http://127.0.0.1:{}", each.peer_port);
  };
  std::string peers;
  for (int i = 0; i < size(); ++i) {
    peers += fmt::format("{}m{}={}", i == 0 ? "" : ",", i, peer_url(members_[i]));
  }
  io::SpawnOptions options;
  options.program = "etcd";
  options.arguments = {"--name",
                       fmt::format("m{}", number),
                       "--data-dir",
                       fmt::format("{}/m{}", folder_.path(), number),
                       "--listen-client-urls",
                       client_url(member),
                       "--advertise-client-urls",
                       client_url(member),
                       "--listen-peer-urls",
                       peer_url(member),
                       "--initial-advertise-peer-urls",
                       peer_url(member),
                       "--initial-cluster",
                       peers,
                       "--log-level",
                       "warn"};
  auto add = [&](std::vector<std::string> more) {
    options.arguments.insert(options.arguments.end(), more.begin(), more.end());
  };
  if (setup_.uses_tls) {
    add({"--cert-file", certificates_->certificate, "--key-file", certificates_->key});
  }
  if (setup_.wants_certificates) {
    add({"--client-cert-auth", "--trusted-ca-file", certificates_->authority.certificate});
  }
  if (setup_.token_ttl_s > 0) add({"--auth-token-ttl", std::to_string(setup_.token_ttl_s)});
  options.output_file = fmt::format("{}/m{}.log", folder_.path(), number);
  options.die_with_parent = true;
  auto spawned = io::ChildProcess::spawn(loop_, std::move(options));
  DORSAL_CHECK(spawned);
  member.process = std::move(*spawned);
}

void EtcdCluster::kill(int member, int signal) {
  if (signal == SIGKILL) {
    members_[member].process->kill_and_reap();
  } else {
    (void)members_[member].process->kill(signal);
  }
}

Result<io::Output> EtcdCluster::try_control(std::vector<std::string> arguments) {
  std::string endpoints;
  for (auto& member : members_) {
    if (member.process->poll()) continue;
    endpoints += (endpoints.empty() ? "" : ",") + client_url(member);
  }
  std::vector<std::string> all = {"ETCDCTL_API=3", "etcdctl", "--endpoints", endpoints};
  if (setup_.uses_tls) {
    all.insert(all.end(),
               {"--cacert",
                certificates_->authority.certificate,
                "--cert",
                certificates_->certificate,
                "--key",
                certificates_->key});
  }
  all.insert(all.end(), arguments.begin(), arguments.end());
  auto deadline = loop_.after(std::chrono::seconds(60));
  return io::block_on(loop_, io::run_to_end(loop_, "env", std::move(all), deadline));
}

std::string EtcdCluster::control(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "--command-timeout=60s");
  auto output = try_control(std::move(arguments));
  DORSAL_CHECK(output);
  EXPECT_TRUE(output->status.ok()) << output->text;
  return output->text;
}

void EtcdCluster::wait_for_leader() {
  for (;;) {
    for (auto& member : members_) {
      if (member.process->poll()) return;
    }
    auto output = try_control({"endpoint", "health"});
    if (output && output->status.ok()) return;
    pause_a_moment();
  }
}

int EtcdCluster::leader() {
  for (;;) {
    auto output = try_control({"endpoint", "status", "--write-out", "json"});
    DORSAL_CHECK(output);
    auto json = nlohmann::json::parse(output->text, nullptr, false);
    for (const auto& each : json.is_array() ? json : nlohmann::json::array()) {
      const auto& status = each["Status"];
      if (status["header"]["member_id"] != status["leader"]) continue;
      for (int i = 0; i < size(); ++i) {
        if (each["Endpoint"] == client_url(members_[i])) return i;
      }
    }
    pause_a_moment();
  }
}

EtcdOptions EtcdCluster::options(const std::string& prefix, int first) const {
  EtcdOptions options;
  options.address.uses_tls = setup_.uses_tls;
  options.address.prefix = prefix;
  for (int i = 0; i < size(); ++i) {
    const auto& member = members_[(first + i) % size()];
    options.address.endpoints.emplace_back("127.0.0.1", member.client_port);
  }
  options.cluster = "shop";
  options.least_patience = std::chrono::seconds(20);
  if (setup_.uses_tls) options.tls.authority = certificates_->authority.certificate;
  if (setup_.wants_certificates) {
    options.tls.certificate = certificates_->certificate;
    options.tls.key = certificates_->key;
  }
  return options;
}

}  // namespace dorsal::coord
