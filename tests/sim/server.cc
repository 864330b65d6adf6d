#include "server.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dorsal::sim {

std::string uuid_of(Origin origin) {
  return fmt::format("{:08x}-0000-0000-0000-000000000000", origin);
}

namespace {

void add(mysql::GtidSet& set, Transaction transaction) {
  set.add(*mysql::parse_uuid(uuid_of(transaction.origin)),
          "",
          transaction.number,
          transaction.number);
}

}  // namespace

void Server::start() {
  crash();
  runs = true;
  synced_ = relay.size();  // by its agent
}

void Server::crash() {
  runs = answers = hangs = lacks_purged = writable = closes = false;
  source_semi_sync = replica_semi_sync = applier_runs = false;
  receiver = cluster::Receiver::Off;
  syncs_relay_log = true;
  required_acks = 1;
  ++life;
  // Recovery commits them all.
  for (const Waiting& each : waiting) commit(each.transaction);
  waiting.clear();
  acknowledged.clear();
  let_through = 0;
}

void Server::log(Transaction transaction) {
  binlog.push_back(transaction);
  in_binlog_.insert(transaction);
  if (transaction.origin == origin) next_number_ = std::max(next_number_, transaction.number + 1);
}

void Server::commit(Transaction transaction) { add(executed_, transaction); }

std::optional<Transaction> Server::write(std::uint64_t client,
                                         std::optional<Transaction> played_back) {
  if (!runs || !answers || hangs || disk_is_broken || !writable) return std::nullopt;
  const Transaction transaction = played_back.value_or(Transaction{origin, next_number_});
  log(transaction);
  waiting.push_back({transaction, client, binlog.size() - 1});
  return transaction;
}

void Server::purge() {
  purged = binlog.size() - waiting.size();
  purged_set_ = executed_;
}

void Server::write_stray() {
  const Transaction transaction{origin, next_number_};
  log(transaction);
  commit(transaction);
}

std::vector<Server::Waiting> Server::acknowledge(NodeId replica,
                                                 std::size_t position,
                                                 std::uint32_t acks) {
  auto& known = acknowledged[replica];
  known = std::max(known, position);
  std::vector<std::size_t> positions;
  for (const auto& [name, where] : acknowledged) positions.push_back(where);
  if (acks == 0 || positions.size() < acks) return {};
  std::sort(positions.rbegin(), positions.rend());
  const std::size_t through = positions[acks - 1];
  std::vector<Waiting> released;
  while (!waiting.empty() && waiting.front().position < through) {
    commit(waiting.front().transaction);
    ++let_through;
    released.push_back(waiting.front());
    waiting.pop_front();
  }
  return released;
}

mysql::GtidSet Server::in_flight() const {
  mysql::GtidSet set;
  for (const Waiting& each : waiting) add(set, each.transaction);
  return set;
}

void Server::receive(Transaction transaction) {
  if (has_received(transaction)) return;
  relay.push_back(transaction);
  in_relay_.insert(transaction);
  add(retrieved_, transaction);
  if (syncs_relay_log) synced_ = relay.size();
}

void Server::sync_relay_log(bool wanted) {
  syncs_relay_log = wanted;
  if (wanted) synced_ = relay.size();
}

std::vector<Server::Waiting> Server::release_all() {
  std::vector<Waiting> released(waiting.begin(), waiting.end());
  for (const Waiting& each : released) commit(each.transaction);
  waiting.clear();
  return released;
}

void Server::recover_relay() { lose_newest_of_relay(relay.size()); }

void Server::lose_newest_of_relay(std::size_t count) {
  relay.resize(relay.size() - std::min(count, relay.size() - applied));
  in_relay_ = std::set<Transaction>(relay.begin(), relay.end());
  retrieved_ = mysql::GtidSet();
  for (const Transaction& each : relay) add(retrieved_, each);
  synced_ = std::min(synced_, relay.size());
}

void Server::apply_next() {
  // The applier's own commits would wait for acknowledgements that nobody gives.
  if (source_semi_sync || disk_is_broken) return;
  if (applied >= relay.size()) return;
  const Transaction transaction = relay[applied++];
  if (has(transaction)) return;
  log(transaction);
  commit(transaction);
}

void Server::forget_relay() {
  relay.clear();
  in_relay_.clear();
  retrieved_ = mysql::GtidSet();
  applied = synced_ = 0;
}

void Server::lose_data() {
  binlog.clear();
  in_binlog_.clear();
  executed_ = mysql::GtidSet();
  waiting.clear();
  purged = 0;
  purged_set_ = mysql::GtidSet();
  forget_relay();
  source.reset();
  heartbeat_ms.reset();
  origin += kNodes;
  next_number_ = 1;
  stage = cluster::DataStage::Empty;
}

void Server::replace_data(const Server& donor) {
  lose_data();
  stage = cluster::DataStage::Cloning;
  heartbeat_ms = donor.heartbeat_ms;
  std::set<Transaction> waits;
  for (const Waiting& each : donor.waiting) waits.insert(each.transaction);
  for (const Transaction& each : donor.binlog) {
    if (waits.contains(each)) continue;
    log(each);
    commit(each);
  }
  purge();
}

}  // namespace dorsal::sim
