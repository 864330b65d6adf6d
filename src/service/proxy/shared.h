// What all loops of one proxy share, and what each loop has for itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
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
#include "service/proxy/pool.h"
#include "service/proxy/prepared_texts.h"
#include "service/proxy/proxy.h"
#include "service/proxy/servers.h"
#include "service/proxy/session_registry.h"

namespace dorsal::proxy {

// The proxy's own numbers; their names and meanings are what the metrics page shows.
struct ProxyNumbers {
  explicit ProxyNumbers(Counters& counters);

  Number& sessions;
  Number& logins;
  Number& logins_refused;
  Number& protocol_errors;
  Number& proxy_header_errors;
  Number& on_primary;        // statements that had to run there
  Number& reads_at_once;     // on a replica known to be far enough
  Number& reads_waited;      // on a replica, after waiting for it
  Number& reads_timed_out;   // on the primary, since the replica did not get there in time
  Number& reads_no_replica;  // on the primary, since no replica was worth asking
  Number& reads_refused;     // on the replicas port, since no replica got there in time
  Number& reads_retried;     // again elsewhere, after the replica failed
  Number& read_only_begun;   // read-only transactions that a replica became home for
  Number& read_only_moved;   // of these, those that went on to the primary
  Number& probes;            // questions to the primary for its position
  Number& tied;              // sessions that keep their connection between two statements
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
};

// Facts about the servers that sessions need before they have a connection of their own; the
// monitor of the primary keeps them up to date. Thread-safe.
class ServerFacts {
 public:
  struct Facts {
    std::string version = "8.4.0-dorsal";  // what clients are greeted with
    std::string sql_mode;                  // @@global.sql_mode
    std::string isolation;                 // @@global.transaction_isolation
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
  Counters& counters;
  ProxyNumbers numbers;
  Servers servers;
  Frontier frontier;
  AccountBook accounts;
  Credentials credentials;
  Admission admission;
  ServerFacts facts;
  SessionRegistry sessions;
  PoolLimits pool_limits;
  const RsaKey rsa_key;

  // Every loop closes idle connections that another loop waits to open, see PoolLimit.
  void ask_loops_for_room();
  std::size_t loop_count();

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
  std::unique_ptr<AccountProbe> account_probe;
  Inspector inspector{*this};
  std::unordered_map<std::uint32_t, Session*> sessions;  // those of this loop, by their numbers
  PreparedTexts prepared_texts;
  std::unique_ptr<Pools> pools;
  std::size_t turn = 0;  // varies which replica a new session begins with

  // Takes up the newest options. Who keeps a reference to a part of them over an await keeps the
  // pointer too.
  void refresh_options();
  // Ends what the loop's parts still run, and closes the pools. On the loop, when its sessions have
  // ended.
  io::Task<> stop();

  // Takes up the newest topology, if there is a newer one.
  void refresh_view();

  // Buffers of kBufferBytes for one read at a time each; kept for reuse.
  std::unique_ptr<char[]> take_buffer();
  void give_buffer(std::unique_ptr<char[]> buffer);
  static constexpr std::size_t kBufferBytes = std::size_t{64} * 1024;

 private:
  std::uint64_t seen_version_ = 0;
  std::vector<std::unique_ptr<char[]>> spare_buffers_;
};

}  // namespace dorsal::proxy
