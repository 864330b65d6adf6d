// What one mysqld, and the folder it works in, say of themselves at one moment.
//
// Plain values: edge/instance fills them in, core/failover reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/cluster/topology.h"
#include "core/mysql/gtid_set.h"

namespace dorsal::cluster {

// How far the data folder of a node has come.
enum class DataStage {
  Empty,     // there is none
  HalfMade,  // an initialisation was begun and did not end
  Fresh,     // initialised; has never held anything of the cluster
  Cloning,   // a clone into it was begun; only the server can tell whether it was completed
  Member,    // holds the cluster's data
};

std::string_view to_string(DataStage stage);

enum class Process {
  Stopped,
  Starting,  // runs, but has not answered yet since it was started (it may be recovering)
  Silent,    // has answered before, but does not now
  Answers,
};

enum class Receiver { Off, Connecting, On };

// A configured replication source, and how following it goes.
struct Following {
  std::string host;
  std::uint16_t port = 0;
  bool is_as_we_configure = false;  // our account, GTID auto-position, TLS with verification
  Receiver receiver = Receiver::Off;
  bool applier_runs = false;
  mysql::GtidSet retrieved;          // since the receiver last found an empty relay log
  std::uint32_t receiver_error = 0;  // MySQL's number, 0: none
  std::uint32_t applier_error = 0;
  std::string error_text;  // of either
};

enum class CloneState { None, Running, Completed, Failed };

struct CloneProgress {
  CloneState state = CloneState::None;
  int percent = 0;
};

// What a running server said. Read in the order of the members, so that what is in neither set of
// the first two is of later.
struct ServerFacts {
  mysql::GtidSet in_flight;  // in the binlog, and not executed yet: they wait for acknowledgements
  mysql::GtidSet executed;
  mysql::GtidSet purged;
  std::string uuid;
  std::string version;
  bool writable = false;                  // it is not read-only for all
  bool source_semi_sync = false;          // it demands acknowledgements …
  std::uint32_t required_acks = 1;        // … so many of each commit …
  bool source_semi_sync_active = false;   // … and has not fallen back to asynchronous
  bool replica_semi_sync = false;         // it offers acknowledgements
  bool replica_semi_sync_active = false;  // its receiver gives them now
  bool syncs_relay_log = false;           // what it has received is on disk
  std::int64_t waiting_for_acks = 0;      // clients inside a commit
  std::int64_t acknowledged = 0;          // commits so far, since it started
  std::int64_t acknowledging = 0;         // replicas connected that give acknowledgements
  bool locks_accounts = false;  // a change of accounts is under way there, so nobody can log in
  std::optional<Following> following;  // empty: no source is configured
  CloneProgress clone;
  std::optional<std::int64_t> heartbeat_ms;  // the newest heartbeat in its own tables
};

struct Server {
  DataStage stage = DataStage::Empty;
  Process process = Process::Stopped;
  std::optional<std::int64_t> pid;
  bool may_be_writable = false;  // it is, or it does not answer and was when it last did
  bool wants_restart = false;    // it ended only to be started again, as at the end of a clone
  // Stopped: why it ended, with the last error of its log, empty if it never ran. Starting, Silent:
  // why it could not be asked.
  std::string last_words;
  std::optional<ServerFacts> facts;  // only when it answers
  mysql::GtidSet saved_strays;       // transactions that were put aside for people
  std::string storage_trouble;       // why nothing can be written beside its data; empty: it can
  std::string door_trouble;          // Answers: why no new connection gets in; empty: they do
  Remembered remembered;             // in the node's folder
};

}  // namespace dorsal::cluster
