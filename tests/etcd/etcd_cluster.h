// A real etcd of several members, on loopback ports and in a folder of its own, for a test. All of
// it is gone when this object is.
#pragma once

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge/coord/etcd_store.h"
#include "edge/io/loop.h"
#include "edge/io/process.h"
#include "edge/io/testing.h"

namespace dorsal::coord {

struct EtcdSetup {
  int members = 3;
  bool uses_tls = false;            // members show a certificate of the folder's authority
  bool wants_certificates = false;  // and want one from clients
  int token_ttl_s = 0;              // 0: etcd's own
};

class EtcdCluster {
 public:
  // Returns once the members have a leader.
  explicit EtcdCluster(const EtcdSetup& setup = {});
  ~EtcdCluster();
  EtcdCluster(const EtcdCluster&) = delete;
  EtcdCluster& operator=(const EtcdCluster&) = delete;

  int size() const { return static_cast<int>(members_.size()); }
  void kill(int member, int signal);  // SIGKILL waits for the end
  void start(int member);
  void pause(int member) { kill(member, SIGSTOP); }
  void go_on(int member) { kill(member, SIGCONT); }

  int leader();

  // The output of etcdctl; the test fails when it fails.
  std::string control(std::vector<std::string> arguments);

  // For a store in it; the first of the endpoints is `first`. It has the patience of a test on a
  // slow machine: where nothing is broken, no write ends in doubt.
  EtcdOptions options(const std::string& prefix, int first = 0) const;

  const std::string& folder() const { return folder_.path(); }
  const io::testing::Certificates& certificates() const { return *certificates_; }

 private:
  struct Member {
    int client_port = 0;
    int peer_port = 0;
    std::optional<io::ChildProcess> process;
  };

  std::string client_url(const Member& member) const;
  bool try_to_start();
  void wait_for_leader();
  Result<io::Output> try_control(std::vector<std::string> arguments);

  const EtcdSetup setup_;
  io::testing::ScratchFolder folder_;
  std::optional<io::testing::Certificates> certificates_;
  io::Loop loop_;
  std::vector<Member> members_;
};

}  // namespace dorsal::coord
