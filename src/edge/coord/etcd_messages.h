// What is said to etcd's JSON gateway and what it answers, without any input or output.
//
// Format: https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/ and rpc.proto of etcd 3.4. Keys and
// values are base64, 64-bit numbers are strings, and what is zero, false or empty is left out. A
// watch answers with one JSON object per line. Decoders keep what the store needs and pass over the
// rest; they fail Corrupt for what no etcd says, and for JSON that is nested too deeply.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dorsal::coord {

// ---- Questions ----

// One key, or all from `begin` to before `end`.
struct EtcdRange {
  std::string begin;
  std::string end;  // empty: only the key `begin`

  static EtcdRange key(std::string key) { return EtcdRange{std::move(key), {}}; }
  // Every key that begins with the prefix.
  static EtcdRange prefixed(std::string prefix);
};

// The parts of a transaction. Each is JSON by itself.
std::string etcd_was_changed_at(const std::string& key, std::uint64_t revision);  // 0: is absent
std::string etcd_was_created_at(const std::string& key, std::uint64_t revision);  // 0: is absent
std::string etcd_are_all_absent(const EtcdRange& range);
std::string etcd_get(const EtcdRange& range);
std::string etcd_get_first_key(const EtcdRange& range);
std::string etcd_put(const std::string& key, std::string_view value);
std::string etcd_delete(const std::string& key);

std::string etcd_transaction(const std::vector<std::string>& compares,
                             const std::vector<std::string>& when_all_hold,
                             const std::vector<std::string>& otherwise);

// The key of the range that was changed last, without its value, and how many keys there are.
std::string etcd_newest_of(const EtcdRange& range);

// Every change of the range from that revision on, that one included.
std::string etcd_watch(const EtcdRange& range, std::uint64_t first_revision);

// Holds the password: wipe it.
std::string etcd_log_in(std::string_view user, std::string_view password);

// ---- Answers ----

struct EtcdEntry {
  std::string key;
  std::string value;
  std::uint64_t created = 0;  // the revisions of its creation and of its last change
  std::uint64_t changed = 0;
};

// Of one range in a transaction, or of a range by itself.
struct EtcdEntries {
  std::vector<EtcdEntry> entries;
  std::uint64_t count = 0;  // of all keys in the range, also those that were not asked for
};

struct EtcdAnswer {
  std::uint64_t cluster_id = 0;
  std::uint64_t revision = 0;
  bool succeeded = false;              // of a transaction: all compares held
  std::vector<EtcdEntries> responses;  // of a transaction, in the order of its operations
  EtcdEntries range;                   // of a range by itself
  std::string token;                   // of a log-in
};

struct EtcdWatchAnswer {
  std::uint64_t cluster_id = 0;
  std::uint64_t revision = 0;   // the member's newest when it said this
  bool was_created = false;     // the watch has begun; nothing is told yet
  bool was_cancelled = false;   // nothing more will come
  std::uint64_t compacted = 0;  // not 0: changes before this revision are gone, so it cannot begin
  std::uint64_t changed = 0;    // the newest change in it; 0: it tells of none
  std::string reason;           // why it was cancelled
};

struct EtcdRefusal {
  std::uint64_t code = 0;  // of gRPC
  std::string message;     // printable, and of bounded length
};

Result<EtcdAnswer> decode_etcd_answer(std::string_view json);

// An error in the stream counts as a cancellation.
Result<EtcdWatchAnswer> decode_etcd_watch_answer(std::string_view line);

// The body of an answer with another status than 200; what is no refusal of etcd's gives an empty
// message.
EtcdRefusal decode_etcd_refusal(std::string_view json);

// Takes the lines of a watch apart.
class EtcdLines {
 public:
  // Corrupt when a line becomes longer than the limit.
  explicit EtcdLines(std::size_t limit) : limit_(limit) {}
  Result<std::vector<std::string>> feed(std::string_view bytes);

 private:
  const std::size_t limit_;
  std::string begun_;
};

}  // namespace dorsal::coord
