// What all loops of one proxy share, and what each loop has for itself.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/counters.h"
#include "base/crypto.h"
#include "base/published.h"
#include "edge/io/compression.h"
#include "edge/io/event.h"
#include "edge/io/loop.h"
#include "edge/io/scope.h"
#include "service/proxy/accounts.h"
#include "service/proxy/admission.h"
#include "service/proxy/credentials.h"
#include "service/proxy/frontier.h"
#include "service/proxy/inspector.h"
#include "service/proxy/lost_writes.h"
#include "service/proxy/pool.h"
#include "service/proxy/prepared_texts.h"
#include "service/proxy/proxy.h"
#include "service/proxy/servers.h"
#include "service/proxy/session_registry.h"
#include "service/proxy/wait_turns.h"

namespace dorsal::proxy {

// Which way a read took.
enum class ReadPath : std::uint8_t {
  Replica,           // known to be far enough
  ReplicaAfterWait,  // which got there in time
  PrimaryAfterWait,  // since the replica did not get there in time
  PrimaryNoReplica,  // since no replica was worth asking
  Refused,           // on the replicas port, since no replica got there in time
};
inline constexpr std::size_t kReadPaths = 5;
std::string_view to_string(ReadPath path);

// The proxy's own numbers; their names and meanings are what the metrics page shows.
struct ProxyNumbers {
  explicit ProxyNumbers(Counters& counters);

  Number& sessions;
  Number& logins;
  Number& logins_refused;
  Number& protocol_errors;
  Number& proxy_header_errors;
  Number& on_primary;  // statements that had to run there
  Number& reads(ReadPath path) { return *reads_[static_cast<std::size_t>(path)]; }
  Number& reads_retried;  // again elsewhere, after the replica failed
  Number& lost_write(Verdict::Kind kind) { return *lost_writes_[static_cast<std::size_t>(kind)]; }
  Number& read_only_begun;  // read-only transactions that a replica became home for
  Number& read_only_moved;  // of these, those that went on to the primary
  Number& probes;           // questions to the primary for its position
  Number& alone;            // 1: there are no other proxies, so that global reads need not ask it
  Number& tied;             // sessions that keep their connection between two statements
  io::CompressionNumbers client_compression;
  io::CompressionNumbers server_compression;

  // A session is tied for another reason than before; empty: not any more.
  void note_tie(std::string_view reason, std::string_view before);

 private:
  struct Tie {
    std::string_view reason;
    Number* times;
  };
  std::vector<Tie> ties_;
  std::array<Number*, kVerdicts> lost_writes_{};
  std::array<Number*, kReadPaths> reads_{};
};

// Facts about the servers that sessions need before they have a connection of their own; the
// monitor of the primary keeps them up to date. Thread-safe.
class ServerFacts {
 public:
  struct Facts {
    std::string version = "8.4.0-dorsal";  // what clients are greeted with
    std::string sql_mode;                  // @@global.sql_mode
    std::string isolation;                 // @@global.transaction_isolation
    std::uint32_t wait_timeout = 28800;    // seconds; @@global.wait_timeout
    std::uint32_t interactive_timeout = 28800;
  };
  Facts get() const {
    std::lock_guard lock(mutex_);
    return facts_;
  }
  void set(Facts facts) {
    std::lock_guard lock(mutex_);
    facts_ = std::move(facts);
  }

 private:
  mutable std::mutex mutex_;
  Facts facts_;
};

struct Shared {
  Shared(Options options_, const cluster::SharedTopology& topology_, Counters& counters_);

  Published<Options> options;  // loops have the newest in their LoopContext
  const cluster::SharedTopology& topology;
  const std::string name;  // by which other proxies tell its connections apart
  Counters& counters;
  ProxyNumbers numbers;
  Servers servers;
  Frontier frontier;
  AccountBook accounts;
  Credentials credentials{counters};
  Admission admission;
  ServerFacts facts;
  SessionRegistry sessions;
  PoolLimits pool_limits;
  const RsaKey rsa_key;

  // Every loop closes idle connections that another loop waits to open, see PoolLimit.
  void ask_loops_for_room();
  std::size_t loop_count();

  // Runs it on every loop soon; the number says on how many.
  std::size_t on_each_loop(const std::function<void(LoopContext&)>& run);

 private:
  friend struct LoopContext;
  std::mutex mutex_;
  std::vector<LoopContext*> loops_;
};

class PrimaryProbe;
class Session;

// One event loop's part of the proxy. Everything in it is used on its thread only.
struct LoopContext {
  LoopContext(Shared& shared_, io::Loop& loop_);
  ~LoopContext();

  Shared& shared;
  io::Loop& loop;
  std::shared_ptr<const Options> options;  // refreshed by refresh_options(); never null
  std::shared_ptr<const ServerView> view;  // refreshed by refresh_view()
  std::unique_ptr<PrimaryProbe> probe;
  std::unique_ptr<LostWrites> lost_writes;
  std::unique_ptr<AccountProbe> account_probe;
  Inspector inspector{*this};
  std::unordered_map<std::uint32_t, Session*> sessions;  // those of this loop, by their numbers
  WaitTurns wait_turns{loop};
  PreparedTexts prepared_texts;
  std::unique_ptr<Pools> pools;
  std::minstd_rand dice{1};  // which replicas a read is weighed between

  // Takes up the newest options. Who keeps a reference to a part of them over an await keeps the
  // pointer too.
  void refresh_options();
  // Ends what the loop's parts still run, and closes the pools. On the loop, when its sessions have
  // ended.
  io::Task<> stop();

  // Takes up the newest topology, if there is a newer one; who goes through the view's servers over
  // an await keeps a pointer to the view. Never one of a lower term: the store may
  // have been restored from an old copy, or be an old member's word, and the primary of then may
  // have been replaced. With a higher term sessions leave the primary that they are at.
  void refresh_view();
  std::uint64_t view_version() const { return seen_version_; }  // of the topology

  // Texts with room for a reply, for one command at a time each. What is given back is left empty.
  void take_text(std::string& text);
  void give_text(std::string& text);
  static constexpr std::size_t kSmallText = 1024;  // that much is not worth giving back

  // Buffers of kBufferBytes for one read at a time each; kept for reuse.
  std::unique_ptr<char[]> take_buffer();
  void give_buffer(std::unique_ptr<char[]> buffer);
  static constexpr std::size_t kBufferBytes = std::size_t{64} * 1024;

 private:
  void warm_successor();
  std::uint64_t seen_version_ = 0;
  std::int64_t warmed_for_ms_ = 0;  // the switchover that connections were opened for
  cluster::Term seen_term_;
  std::vector<std::unique_ptr<char[]>> spare_buffers_;
  std::vector<std::string> spare_texts_;
};

}  // namespace dorsal::proxy
