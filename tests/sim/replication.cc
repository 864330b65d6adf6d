// Receivers that connect, streams of transactions and of acknowledgements, appliers.
#include <algorithm>
#include <utility>

#include "world.h"

namespace dorsal::sim {

using cluster::Receiver;

namespace {

constexpr auto kReconnect = Milliseconds(1000);
constexpr auto kNetTimeout = Milliseconds(4000);

}  // namespace

void World::start_applier(NodeId id) {
  Server& server = node(id).server;
  if (server.applier_runs) return;
  server.applier_runs = true;
  apply(id, server.life);
}

void World::apply(NodeId id, std::uint64_t life) {
  const Server& now = node(id).server;
  const bool is_held_up = now.hangs || clock_.now() < node(id).applier_held_until;
  const bool has_work = now.applied < now.relay.size() && !is_held_up;
  clock_.after(Milliseconds(has_work ? random_.between(0, 20) : 50), [this, id, life, has_work] {
    Server& server = node(id).server;
    if (!server.runs || server.life != life || !server.applier_runs) return;
    if (has_work && server.source_semi_sync) {
      violate(Invariant::Applies, name_of(id).value() + " waits for acknowledgements to apply");
    }
    if (has_work) server.apply_next();
    apply(id, life);
  });
}

void World::restart_receiver(NodeId id) {
  Server& server = node(id).server;
  server.receiver = Receiver::Connecting;
  server.lacks_purged = false;
  connect(id, ++server.connection);
}

bool World::replication_is_cut(NodeId one, NodeId other) {
  return is_cut(one, other) || clock_.now() < node(one).replication_cut_until ||
         clock_.now() < node(other).replication_cut_until;
}

void World::replicate(NodeId from, NodeId to, std::function<void()> arrive) {
  if (replication_is_cut(from, to)) return;
  send(from, to, [this, from, to, arrive = std::move(arrive)] {
    if (!replication_is_cut(from, to)) arrive();
  });
}

void World::connect(NodeId id, std::uint64_t connection) {
  const NodeId source = *node(id).server.source;
  clock_.after(kReconnect, [this, id, connection] {
    Server& server = node(id).server;
    if (server.connection == connection && server.receiver == Receiver::Connecting) {
      connect(id, connection);
    }
  });
  replicate(id, source, [this, id, source, connection] {
    Server& from = node(source).server;
    if (!from.runs || !from.answers || from.hangs) return;
    replicate(source, id, [this, id, source, connection, life = from.life] {
      Server& server = node(id).server;
      if (server.connection != connection || server.receiver != Receiver::Connecting) return;
      server.receiver = Receiver::On;
      stream(source, life, id, connection, 0, clock_.now());
    });
  });
}

void World::stream(NodeId source,
                   std::uint64_t life,
                   NodeId id,
                   std::uint64_t connection,
                   std::size_t position,
                   TimePoint heard) {
  Server& server = node(id).server;
  if (!server.runs || server.connection != connection || server.receiver != Receiver::On) return;
  Server& from = node(source).server;
  const bool is_up = from.runs && from.life == life && !from.hangs;
  const bool is_heard = is_up && !replication_is_cut(source, id) && !replication_is_cut(id, source);
  if (is_heard) heard = clock_.now();
  if (is_heard && from.writable) server.heartbeat_ms = wall_ms(source);
  const bool is_gone = !from.runs || from.life != life;
  if ((is_gone && !replication_is_cut(source, id)) || clock_.now() - heard > kNetTimeout) {
    server.receiver = Receiver::Connecting;
    return connect(id, connection);
  }
  // By GTIDs the source knows what it need not send.
  while (is_heard && position < from.binlog.size() && server.has_received(from.binlog[position])) {
    ++position;
  }
  const bool can_write = !server.hangs && !server.disk_is_broken;
  const bool has_news = is_heard && can_write && position < from.binlog.size();
  if (has_news && position < from.purged) {
    server.receiver = Receiver::Off;
    server.lacks_purged = true;
    return;
  }
  clock_.after(has_news ? latency(source, id) : Milliseconds(20), [=, this] {
    if (has_news && !replication_is_cut(source, id)) {
      arrive(source, life, id, connection, position);
    } else {
      // What was lost on the way is sent again, until one of both gives up.
      stream(source, life, id, connection, position, heard);
    }
  });
}

void World::arrive(NodeId source,
                   std::uint64_t life,
                   NodeId id,
                   std::uint64_t connection,
                   std::size_t position) {
  Server& server = node(id).server;
  if (!server.runs || server.connection != connection || server.receiver != Receiver::On) return;
  const Server& from = node(source).server;
  const auto most = static_cast<std::size_t>(random_.between(1, 20));
  const bool is_there = from.runs && from.life == life;
  for (std::size_t i = 0; is_there && i < most && position < from.binlog.size(); ++i) {
    server.receive(from.binlog[position++]);
  }
  if (server.replica_semi_sync) {
    replicate(id, source, [this, source, life, id, position] {
      Server& to = node(source).server;
      if (!to.runs || to.life != life || to.hangs || !to.source_semi_sync) return;
      for (const auto& each : to.acknowledge(id, position, acks_that_suffice(to)))
        confirm(source, each);
    });
  }
  stream(source, life, id, connection, position, clock_.now());
}

}  // namespace dorsal::sim
