#include "edge/coord/etcd_store.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.h"

namespace dorsal::coord {
namespace {

// Who makes the marker is decided by etcd; the loser reads the winner's.
constexpr int kMostTries = 5;

// "/a" and "/a/b" of "/a/b/c".
std::vector<std::string> paths_above(const std::string& path) {
  std::vector<std::string> above;
  for (auto slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    above.push_back(path.substr(0, slash));
  }
  return above;
}

std::string encode_marker(const std::string& cluster) {
  return nlohmann::ordered_json{{"format", EtcdStore::kFormat}, {"cluster", cluster}}.dump();
}

// Empty when it is no marker of ours.
struct Marker {
  int format = 0;
  std::string cluster;
};

Marker decode_marker(const std::string& text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  Marker marker;
  if (!json.is_object()) return marker;
  auto format = json.find("format");
  auto cluster = json.find("cluster");
  if (format == json.end() || !format->is_number_integer()) return marker;
  if (cluster == json.end() || !cluster->is_string()) return marker;
  marker.format = format->get<int>();
  marker.cluster = cluster->get<std::string>();
  return marker;
}

}  // namespace

EtcdStore::EtcdStore(io::Loop& loop, EtcdOptions options)
    : options_(std::move(options)),
      marker_key_(options_.address.prefix),
      all_(EtcdRange::prefixed(marker_key_ + "/")),
      client_(loop, options_),
      watch_(loop, client_, all_) {
  DORSAL_CHECK(!marker_key_.empty());
}

std::string EtcdStore::key_of(const std::string& key) const { return all_.begin + key; }

Entry EtcdStore::entry_of(EtcdEntry entry) const {
  return Entry{entry.key.substr(all_.begin.size()),
               std::move(entry.value),
               Revision(entry.changed)};
}

std::string EtcdStore::where() const { return fmt::format("{} in etcd", marker_key_); }

Result<void> EtcdStore::learn(const EtcdEntries& found) {
  const std::uint64_t created = found.entries.empty() ? 0 : found.entries.front().created;
  if (marker_ != 0) {
    if (created == marker_) return {};
    return unavailable(
        fmt::format("the store {} was {} while this process ran; restart it if that is right",
                    where(),
                    created == 0 ? "removed" : "replaced"));
  }
  if (created == 0) return {};
  const auto marker = decode_marker(found.entries.front().value);
  if (marker.format == 0) {
    return invalid(fmt::format("{} is no store of Dorsal; look at cluster.store", where()));
  }
  if (marker.format > kFormat) {
    return invalid(
        fmt::format("the store {} has format {}, and this dorsal knows formats up to {}; "
                    "use the newer dorsal that wrote it",
                    where(),
                    marker.format,
                    kFormat));
  }
  if (marker.cluster != options_.cluster) {
    return invalid(
        fmt::format("the store {} belongs to cluster '{}', not '{}'; look at "
                    "cluster.store and cluster.name",
                    where(),
                    marker.cluster,
                    options_.cluster));
  }
  marker_ = created;
  return {};
}

io::Task<Result<EtcdAnswer>> EtcdStore::transact(std::string question,
                                                 Effect effect,
                                                 Deadline deadline) {
  std::string path = "kv/txn";
  co_return co_await client_.call(std::move(path), std::move(question), effect, deadline);
}

io::Task<Result<EtcdEntries>> EtcdStore::read(EtcdRange range, Deadline deadline) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    auto question = etcd_transaction({etcd_was_created_at(marker_key_, marker_)},
                                     {etcd_get(range)},
                                     {etcd_get(EtcdRange::key(marker_key_))});
    DORSAL_CO_TRY(auto answer, co_await transact(std::move(question), Effect::Read, deadline));
    if (answer.responses.size() != 1) co_return unavailable("etcd left an answer out");
    auto& response = answer.responses.front();
    if (answer.succeeded) {
      if (response.count != response.entries.size()) {
        co_return unavailable("etcd left entries out");
      }
      if (marker_ == 0 && response.count > 0) {
        co_return invalid(
            fmt::format("{} holds keys that are no store of Dorsal; look at cluster.store",
                        where()));
      }
      co_return std::move(response);
    }
    DORSAL_CO_TRY_VOID(learn(response));
  }
  co_return unavailable(fmt::format("the store {} comes and goes", where()));
}

// Why the marker could not be made: something else is there, or above.
Result<void> EtcdStore::explain(const EtcdAnswer& refused,
                                const std::vector<std::string>& owners) const {
  for (std::size_t i = 0; i < owners.size(); ++i) {
    if (refused.responses[i + 1].count == 0) continue;
    return invalid(
        fmt::format("{} lies within the key {}, which is there already; look at cluster.store",
                    where(),
                    owners[i]));
  }
  if (refused.responses[0].count == 0) return {};
  return invalid(
      fmt::format("{} holds keys that are no store of Dorsal; look at cluster.store", where()));
}

// May be asked twice: the second time it finds what the first has done.
io::Task<Result<void>> EtcdStore::found(Deadline deadline) {
  const auto above = paths_above(marker_key_);
  for (int tries = 0; tries < kMostTries; ++tries) {
    DORSAL_CO_TRY_VOID(co_await read(EtcdRange::key(marker_key_), deadline));
    if (marker_ != 0) co_return Result<void>();
    std::vector<std::string> compares = {etcd_was_created_at(marker_key_, 0),
                                         etcd_are_all_absent(all_)};
    std::vector<std::string> looks = {etcd_get_first_key(all_)};
    for (const auto& path : above) {
      compares.push_back(etcd_was_created_at(path, 0));
      looks.push_back(etcd_get_first_key(EtcdRange::key(path)));
    }
    auto marker = etcd_put(marker_key_, encode_marker(options_.cluster));
    auto question = etcd_transaction(compares, {marker}, looks);
    DORSAL_CO_TRY(auto answer, co_await transact(std::move(question), Effect::Read, deadline));
    if (answer.succeeded) continue;
    if (answer.responses.size() != looks.size()) co_return unavailable("etcd left an answer out");
    auto read_again = co_await read(EtcdRange::key(marker_key_), deadline);
    if (!read_again) co_return read_again.error();
    if (marker_ == 0) DORSAL_CO_TRY_VOID(explain(answer, above));
  }
  co_return unavailable(fmt::format("the store {} comes and goes", where()));
}

io::Task<Result<std::uint64_t>> EtcdStore::write(std::string key,
                                                 std::string operation,
                                                 Revision expected,
                                                 Deadline deadline) {
  if (marker_ == 0) DORSAL_CO_TRY_VOID(co_await found(deadline));
  auto question = etcd_transaction(
      {etcd_was_created_at(marker_key_, marker_), etcd_was_changed_at(key, expected.value())},
      {operation},
      {etcd_get(EtcdRange::key(marker_key_)), etcd_get_first_key(EtcdRange::key(key))});
  DORSAL_CO_TRY(auto answer, co_await transact(std::move(question), Effect::Write, deadline));
  if (answer.succeeded) co_return answer.revision;
  constexpr std::size_t kLooks = 2;
  if (answer.responses.size() != kLooks) co_return unavailable("etcd left an answer out");
  DORSAL_CO_TRY_VOID(learn(answer.responses[0]));
  const auto& there = answer.responses[1].entries;
  co_return conflict(fmt::format("'{}' is at revision {}, not {}",
                                 key.substr(all_.begin.size()),
                                 there.empty() ? 0 : there.front().changed,
                                 expected.value()));
}

io::Task<Result<std::optional<Entry>>> EtcdStore::get(std::string key, Deadline deadline) {
  auto range = EtcdRange::key(key_of(key));
  DORSAL_CO_TRY(auto read_entries, co_await read(std::move(range), deadline));
  if (read_entries.entries.empty()) co_return std::optional<Entry>();
  if (read_entries.entries.front().key != key_of(key))
    co_return unavailable("etcd gave another key");
  co_return std::optional<Entry>(entry_of(std::move(read_entries.entries.front())));
}

io::Task<Result<std::vector<Entry>>> EtcdStore::list(std::string prefix, Deadline deadline) {
  auto range = EtcdRange::prefixed(key_of(prefix));
  if (prefix.empty()) range.end = range.begin + kAside;
  DORSAL_CO_TRY(auto read_entries, co_await read(std::move(range), deadline));
  std::vector<Entry> entries;
  for (auto& entry : read_entries.entries) {
    if (!entry.key.starts_with(all_.begin)) co_return unavailable("etcd gave a key of others");
    entries.push_back(entry_of(std::move(entry)));
  }
  co_return entries;
}

io::Task<Result<Revision>> EtcdStore::put(std::string key,
                                          std::string value,
                                          Revision expected,
                                          Deadline deadline) {
  auto full = key_of(key);
  auto operation = etcd_put(full, value);
  DORSAL_CO_TRY(auto revision,
                co_await write(std::move(full), std::move(operation), expected, deadline));
  co_return Revision(revision);
}

io::Task<Result<void>> EtcdStore::erase(std::string key, Revision expected, Deadline deadline) {
  auto full = key_of(key);
  auto operation = etcd_delete(full);
  DORSAL_CO_TRY_VOID(co_await write(std::move(full), std::move(operation), expected, deadline));
  co_return Result<void>();
}

io::Task<Result<Revision>> EtcdStore::changed_since(Revision seen, Deadline deadline) {
  DORSAL_CO_TRY(auto newest, co_await watch_.changed_since(seen.value(), deadline));
  co_return Revision(newest);
}

}  // namespace dorsal::coord
