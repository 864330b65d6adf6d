// The real Instance: a folder on disk and a mysqld that is our direct child.
//
//   DIR/identity      format, cluster, node, how far the data has come (node_folder.h)
//   DIR/lock          held while an agent runs this node
//   DIR/my.cnf        written anew before each start
//   DIR/data          the server's data; DIR/data.new while it is being initialised
//   DIR/files         secure_file_priv
//   DIR/mysqld.log    the server's error log
//   DIR/mysqld.sock   unless that path is too long for a socket, see socket_path()
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "edge/instance/instance.h"
#include "edge/io/loop.h"

namespace dorsal::instance {

struct Options {
  std::string dir;      // the node's own folder
  std::string mysqld;   // path of the program
  std::string address;  // host:port to listen on and to tell others
  std::string secrets_dir;
  std::string tls_ca;                      // PEM files: the authority …
  std::string tls_cert;                    // … and this node's certificate …
  std::string tls_key;                     // … and key
  std::string runtime_dir = "/tmp";        // for a socket whose path in `dir` would be too long
  std::uint32_t clone_mib_per_second = 0;  // when it is cloned, at most; 0: no limit
  std::uint64_t buffer_pool_bytes = std::uint64_t{128} << 20;
  // mysqld settings of the user's, by name; those that would break a promise are refused by open().
  std::vector<std::pair<std::string, std::string>> settings;
};

class MysqldInstance final : public Instance {
 public:
  // The loop outlives the instance; its thread lives as long as the process (parent-death signal).
  MysqldInstance(io::Loop& loop, Options options);
  ~MysqldInstance() override;  // kills the server if it still runs

  // Where the server's socket is; valid after open().
  const std::string& socket_path() const;

  io::Task<Result<void>> open(cluster::NodeName node,
                              std::optional<std::string> cluster_uuid) override;
  io::Task<Result<void>> claim(Identity identity) override;
  io::Task<cluster::Server> observe(Deadline deadline) override;
  io::Task<> exited(Deadline deadline) override;
  io::Task<Result<void>> initialise(Deadline deadline) override;
  io::Task<Result<void>> start_over(Deadline deadline) override;
  io::Task<Result<std::string>> save_strays(mysql::GtidSet strays, Deadline deadline) override;
  io::Task<Result<void>> drop_data(Deadline deadline) override;
  io::Task<Result<void>> set_data_aside(Deadline deadline) override;
  io::Task<Result<void>> accept_data(Deadline deadline) override;
  io::Task<Result<void>> remember(cluster::Remembered remembered, Deadline deadline) override;
  io::Task<Result<void>> start() override;
  io::Task<> stop(Deadline deadline) override;
  io::Task<> kill() override;
  io::Task<Result<void>> open_for_writes(Deadline deadline) override;
  io::Task<Result<void>> fence(Deadline deadline) override;
  io::Task<Result<void>> close_for_writes(Duration drain, Deadline deadline) override;
  io::Task<Result<void>> require_acks(std::uint32_t count, Deadline deadline) override;
  io::Task<Result<void>> stop_requiring_acks(Deadline deadline) override;
  io::Task<Result<void>> give_acks(bool wanted, Deadline deadline) override;
  io::Task<Result<void>> sync_relay_log(bool wanted, Deadline deadline) override;
  io::Task<Result<void>> start_receiver(Deadline deadline) override;
  io::Task<Result<void>> stop_receiver(Deadline deadline) override;
  io::Task<Result<void>> stop_applier(Deadline deadline) override;
  io::Task<Result<void>> start_applier(Deadline deadline) override;
  io::Task<Result<void>> await_applied(mysql::GtidSet transactions, Deadline deadline) override;
  io::Task<Result<void>> change_source(Peer source, Deadline deadline) override;
  io::Task<Result<void>> start_replication(Deadline deadline) override;
  io::Task<Result<void>> forget_source(Deadline deadline) override;
  io::Task<Result<std::size_t>> record_origins(Deadline deadline) override;
  io::Task<Result<void>> reload_tls(Deadline deadline) override;
  io::Task<Result<void>> clone_from(Peer donor) override;
  io::Task<Result<void>> beat(std::size_t slot, std::int64_t stamp_ms, Deadline deadline) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dorsal::instance
