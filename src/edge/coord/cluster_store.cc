#include "edge/coord/cluster_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "edge/coord/records.h"

namespace dorsal::coord {
namespace {

constexpr std::string_view kCharter = "cluster";
constexpr std::string_view kLeadership = "leadership";
constexpr std::string_view kMember = "member/";
constexpr std::string_view kState = "state/";
constexpr std::string_view kPause = "pause";
constexpr std::string_view kPromise = "promise/";
constexpr std::string_view kServerId = "server-id/";

// A write that meets conflicts again and again has a rival that writes without end; give up then.
constexpr int kMostTries = 100;

std::string member_key(const cluster::NodeName& name) {
  return fmt::format("{}{}", kMember, name.value());
}

std::string server_id_key(cluster::ServerId id) {
  return fmt::format("{}{}", kServerId, id.value());
}

template <class T>
Result<T> decode(const Entry& entry, Result<T> (*decode_value)(const std::string&)) {
  return decode_value(entry.value).in(fmt::format("store key '{}'", entry.key));
}

bool is_conflict(const Error& error) { return error.kind == ErrorKind::Conflict; }

cluster::Node& node_of(std::vector<cluster::Node>& nodes, const cluster::Member& member) {
  cluster::Node node;
  node.member = member;
  return nodes.emplace_back(std::move(node));
}

// What nodes say stands behind the members that it is about.
Result<void> add_words(Snapshot& snapshot, const std::vector<Entry>& entries) {
  for (const auto& entry : entries) {
    const bool is_state = entry.key.starts_with(kState);
    if (!is_state && !entry.key.starts_with(kPromise)) continue;
    const std::string name = entry.key.substr(is_state ? kState.size() : kPromise.size());
    for (auto& node : snapshot.topology.nodes) {
      if (name != node.member.name.value()) continue;
      if (is_state) {
        DORSAL_TRY(node.state, decode(entry, decode_state));
      } else {
        DORSAL_TRY(node.promise, decode(entry, decode_promise));
      }
    }
  }
  return {};
}

// Votes stood with the members once.
void add_former_votes(Snapshot& snapshot, const std::vector<Entry>& entries) {
  for (const auto& entry : entries) {
    if (!entry.key.starts_with(kMember) || !had_vote(entry.value)) continue;
    snapshot.topology.leadership.votes[cluster::NodeName(entry.key.substr(kMember.size()))] = {};
  }
}

Result<Snapshot> read_snapshot(const std::vector<Entry>& entries) {
  Snapshot snapshot;
  for (const auto& entry : entries) {
    snapshot.newest = std::max(snapshot.newest, entry.revision);
    if (entry.key == kCharter) {
      DORSAL_TRY(snapshot.topology.charter, decode(entry, decode_charter));
      snapshot.has_charter = true;
    } else if (entry.key == kLeadership) {
      DORSAL_TRY(snapshot.topology.leadership, decode(entry, decode_leadership));
      snapshot.leadership_revision = entry.revision;
    } else if (entry.key == kPause) {
      DORSAL_TRY(snapshot.topology.pause, decode(entry, decode_pause));
    } else if (entry.key.starts_with(kMember)) {
      DORSAL_TRY(auto member, decode(entry, decode_member));
      node_of(snapshot.topology.nodes, member);
    }
  }
  DORSAL_TRY_VOID(add_words(snapshot, entries));
  if (snapshot.topology.leadership.votes.empty()) add_former_votes(snapshot, entries);
  return snapshot;
}

}  // namespace

struct ClusterStore::Roll {
  struct Seat {
    cluster::Member member;
    Entry entry;
  };
  std::vector<Seat> members;
  std::map<std::uint32_t, std::string> owners;  // server_id to node

  const Seat* find(const cluster::NodeName& name) const {
    auto found = std::find_if(members.begin(), members.end(), [&](const Seat& seat) {
      return seat.member.name == name;
    });
    return found == members.end() ? nullptr : &*found;
  }

  const Seat* other_at(const std::string& address, const cluster::NodeName& name) const {
    auto found = std::find_if(members.begin(), members.end(), [&](const Seat& seat) {
      return seat.member.address == address && seat.member.name != name;
    });
    return found == members.end() ? nullptr : &*found;
  }

  std::optional<cluster::ServerId> claimed_by(const cluster::NodeName& name) const {
    for (const auto& [id, owner] : owners) {
      if (owner == name.value()) return cluster::ServerId(id);
    }
    return std::nullopt;
  }

  cluster::ServerId lowest_free() const {
    std::uint32_t id = 1;
    while (owners.contains(id)) ++id;
    return cluster::ServerId(id);
  }
};

io::Task<Result<Snapshot>> ClusterStore::load(Deadline deadline) {
  auto seen = seen_;
  DORSAL_CO_TRY(auto entries, co_await store_.list("", deadline));
  DORSAL_CO_TRY(auto snapshot, read_snapshot(entries));
  // The newest change may have been the removal of a key, which leaves no entry to see it by.
  snapshot.newest = std::max(snapshot.newest, seen);
  co_return snapshot;
}

io::Task<Result<Revision>> ClusterStore::changed_since(Revision seen, Deadline deadline) {
  DORSAL_CO_TRY(auto newest, co_await store_.changed_since(seen, deadline));
  seen_ = std::max(seen_, newest);
  co_return newest;
}

io::Task<Result<cluster::Charter>> ClusterStore::found(cluster::Charter charter,
                                                       Deadline deadline) {
  std::string key(kCharter);
  DORSAL_CO_TRY(auto there, co_await store_.get(key, deadline));
  if (there) co_return decode(*there, decode_charter);
  auto written = co_await store_.put(key, encode(charter), Revision(), deadline);
  if (written) co_return charter;
  if (!is_conflict(written.error())) co_return written.error();
  DORSAL_CO_TRY(auto first, co_await store_.get(key, deadline));
  if (!first) co_return written.error();
  co_return decode(*first, decode_charter);
}

io::Task<Result<void>> ClusterStore::change_charter(cluster::Mode mode,
                                                    std::uint32_t acks,
                                                    Deadline deadline) {
  const std::string key(kCharter);
  for (int tries = 0; tries < kMostTries; ++tries) {
    DORSAL_CO_TRY(auto there, co_await store_.get(key, deadline));
    if (!there) co_return not_found("there is no cluster yet");
    DORSAL_CO_TRY(auto charter, decode(*there, decode_charter));
    charter.mode = mode;
    charter.acks = acks;
    auto written = co_await store_.put(key, encode(charter), there->revision, deadline);
    if (written) co_return Result<void>();
    if (!is_conflict(written.error())) co_return written.error();
  }
  co_return conflict("others change the charter all the time");
}

io::Task<Result<ClusterStore::Roll>> ClusterStore::read_roll(Deadline deadline) {
  DORSAL_CO_TRY(auto entries, co_await store_.list("", deadline));
  Roll roll;
  for (auto& entry : entries) {
    if (entry.key.starts_with(kMember)) {
      DORSAL_CO_TRY(auto member, decode(entry, decode_member));
      Roll::Seat seat;
      seat.member = std::move(member);
      seat.entry = std::move(entry);
      roll.members.push_back(std::move(seat));
    } else if (entry.key.starts_with(kServerId)) {
      std::uint32_t id = 0;
      const char* end = entry.key.data() + entry.key.size();
      auto parsed = std::from_chars(entry.key.data() + kServerId.size(), end, id);
      if (parsed.ec != std::errc() || parsed.ptr != end) {
        co_return corrupt(fmt::format("store key '{}' names no server_id", entry.key));
      }
      roll.owners[id] = entry.value;
    }
  }
  co_return roll;
}

// The claim stands before the member: a node that dies in between finds its claim again.
io::Task<Result<cluster::ServerId>> ClusterStore::claim_server_id(
    cluster::NodeName name,
    std::optional<cluster::ServerId> wanted,
    Deadline deadline) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    DORSAL_CO_TRY(auto roll, co_await read_roll(deadline));
    auto mine = roll.claimed_by(name);
    if (mine && wanted && *mine != *wanted) {
      co_return conflict(
          fmt::format("node {} was admitted with server_id {} and cannot have {} now",
                      name.value(),
                      mine->value(),
                      wanted->value()));
    }
    if (mine) co_return *mine;
    auto id = wanted ? *wanted : roll.lowest_free();
    if (auto owner = roll.owners.find(id.value()); owner != roll.owners.end()) {
      co_return conflict(fmt::format("server_id {} belongs to node {}; node {} needs another one",
                                     id.value(),
                                     owner->second,
                                     name.value()));
    }
    auto claimed = co_await store_.put(server_id_key(id), name.value(), Revision(), deadline);
    if (claimed) co_return id;
    if (!is_conflict(claimed.error())) co_return claimed.error();
  }
  co_return unavailable("the store changes too fast to claim a server_id in it");
}

io::Task<Result<void>> ClusterStore::withdraw(std::string key,
                                              Revision written,
                                              std::optional<Entry> before,
                                              Deadline deadline) {
  if (!before) co_return co_await store_.erase(std::move(key), written, deadline);
  DORSAL_CO_TRY_VOID(co_await store_.put(std::move(key), before->value, written, deadline));
  co_return Result<void>();
}

// Writes the member, then looks whether another has the same address. Of two that come at once, the
// later always sees the earlier; both may step back, never both stay.
io::Task<Result<cluster::Member>> ClusterStore::settle(cluster::Member member, Deadline deadline) {
  auto key = member_key(member.name);
  DORSAL_CO_TRY(auto before, co_await store_.get(key, deadline));
  if (before) {
    DORSAL_CO_TRY(auto known, decode(*before, decode_member));
    if (known.address == member.address) co_return known;
    known.address = member.address;
    member = std::move(known);
  }
  auto expected = before ? before->revision : Revision();
  DORSAL_CO_TRY(auto written, co_await store_.put(key, encode(member), expected, deadline));
  DORSAL_CO_TRY(auto roll, co_await read_roll(deadline));
  const auto* rival = roll.other_at(member.address, member.name);
  if (rival == nullptr) co_return member;
  DORSAL_CO_TRY_VOID(co_await withdraw(key, written, before, deadline));
  co_return conflict(fmt::format("address {} belongs to node {}; node {} needs another one",
                                 member.address,
                                 rival->member.name.value(),
                                 member.name.value()));
}

io::Task<Result<cluster::Member>> ClusterStore::admit(cluster::NodeName name,
                                                      std::string address,
                                                      std::optional<cluster::ServerId> wanted,
                                                      Deadline deadline) {
  // Before anything is claimed: a refused node leaves no trace.
  DORSAL_CO_TRY(auto roll, co_await read_roll(deadline));
  if (const auto* rival = roll.other_at(address, name)) {
    co_return conflict(fmt::format("address {} belongs to node {}; node {} needs another one",
                                   address,
                                   rival->member.name.value(),
                                   name.value()));
  }
  cluster::Member member;
  DORSAL_CO_TRY(member.server_id, co_await claim_server_id(name, wanted, deadline));
  member.name = std::move(name);
  member.address = std::move(address);
  co_return co_await settle(std::move(member), deadline);
}

io::Task<Result<void>> ClusterStore::change_member(cluster::NodeName name,
                                                   std::function<void(cluster::Member&)> change,
                                                   Deadline deadline) {
  auto key = member_key(name);
  for (int tries = 0; tries < kMostTries; ++tries) {
    DORSAL_CO_TRY(auto entry, co_await store_.get(key, deadline));
    if (!entry) {
      co_return not_found(fmt::format("node {} is no member of the cluster", name.value()));
    }
    DORSAL_CO_TRY(auto known, decode(*entry, decode_member));
    change(known);
    std::string changed = encode(known);
    if (changed == entry->value) co_return Result<void>();
    auto written = co_await store_.put(key, std::move(changed), entry->revision, deadline);
    if (written) co_return Result<void>();
    if (!is_conflict(written.error())) co_return written.error();
  }
  co_return unavailable(fmt::format("member {} changes too fast to be updated", name.value()));
}

io::Task<Result<void>> ClusterStore::update_member(cluster::Member member, Deadline deadline) {
  std::function<void(cluster::Member&)> change = [joined = member.joined](cluster::Member& known) {
    known.joined = joined;
  };
  co_return co_await change_member(std::move(member.name), std::move(change), deadline);
}

io::Task<Result<std::int64_t>> ClusterStore::ask_member(cluster::NodeName name,
                                                        std::int64_t cluster::Member::*asked_ms,
                                                        std::int64_t wall_ms,
                                                        Deadline deadline) {
  auto stamp = std::make_shared<std::int64_t>(0);
  std::function<void(cluster::Member&)> change = [=](cluster::Member& known) {
    *stamp = known.*asked_ms = std::max(wall_ms, known.*asked_ms + 1);
  };
  DORSAL_CO_TRY_VOID(co_await change_member(std::move(name), std::move(change), deadline));
  co_return *stamp;
}

// The member last: what stands without one is passed over, and goes with the next attempt.
io::Task<Result<void>> ClusterStore::forget_member(cluster::NodeName name, Deadline deadline) {
  for (const std::string_view kind : {kState, kPromise, kMember}) {
    const auto key = fmt::format("{}{}", kind, name.value());
    for (int tries = 0; tries < kMostTries; ++tries) {
      DORSAL_CO_TRY(auto entry, co_await store_.get(key, deadline));
      if (!entry) break;
      auto erased = co_await store_.erase(key, entry->revision, deadline);
      if (!erased && !is_conflict(erased.error())) co_return erased;
    }
  }
  co_return Result<void>();
}

io::Task<Result<Revision>> ClusterStore::lead(cluster::Leadership leadership,
                                              Revision expected,
                                              Deadline deadline) {
  std::string key(kLeadership);
  co_return co_await store_.put(std::move(key), encode(leadership), expected, deadline);
}

io::Task<Result<void>> ClusterStore::promise(cluster::NodeName name,
                                             cluster::Promise promise,
                                             Deadline deadline) {
  const auto key = fmt::format("{}{}", kPromise, name.value());
  for (int tries = 0; tries < kMostTries; ++tries) {
    DORSAL_CO_TRY(auto entry, co_await store_.get(key, deadline));
    if (entry) {
      DORSAL_CO_TRY(auto before, decode(*entry, decode_promise));
      if (before.term > promise.term) {
        co_return conflict(
            fmt::format("node {} has promised term {} already, and cannot promise {}",
                        name.value(),
                        before.term.value(),
                        promise.term.value()));
      }
    }
    const auto expected = entry ? entry->revision : Revision();
    auto written = co_await store_.put(key, encode(promise), expected, deadline);
    if (written) co_return Result<void>();
    if (!is_conflict(written.error())) co_return written.error();
  }
  co_return unavailable(fmt::format("another agent writes the promise of node {}", name.value()));
}

io::Task<Result<bool>> ClusterStore::pause(cluster::Pause pause, Deadline deadline) {
  const std::string key(kPause);
  auto written = co_await store_.put(key, encode(pause), Revision(), deadline);
  if (written) co_return true;
  if (is_conflict(written.error())) co_return false;
  co_return written.error();
}

io::Task<Result<bool>> ClusterStore::resume(Deadline deadline) {
  const std::string key(kPause);
  DORSAL_CO_TRY(auto entry, co_await store_.get(key, deadline));
  if (!entry) co_return false;
  auto erased = co_await store_.erase(key, entry->revision, deadline);
  if (erased) co_return true;
  // Somebody else ended it.
  if (is_conflict(erased.error())) co_return false;
  co_return erased.error();
}

io::Task<Result<void>> ClusterStore::publish(cluster::NodeName name,
                                             cluster::NodeState state,
                                             Deadline deadline) {
  auto key = fmt::format("{}{}", kState, name.value());
  for (int tries = 0; tries < kMostTries; ++tries) {
    auto written = co_await store_.put(key, encode(state), published_[key], deadline);
    if (written) {
      published_[key] = *written;
      co_return Result<void>();
    }
    if (!is_conflict(written.error())) co_return written.error();
    DORSAL_CO_TRY(auto entry, co_await store_.get(key, deadline));
    published_[key] = entry ? entry->revision : Revision();
  }
  co_return unavailable(fmt::format("another agent writes the state of node {}", name.value()));
}

}  // namespace dorsal::coord
