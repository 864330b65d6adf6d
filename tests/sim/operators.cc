// What people ask for, as the commands do it.
#include "core/failover/switchover.h"
#include "world.h"

namespace dorsal::sim {

void World::ask_for_switchover(NodeId to) {
  const auto topology = cluster::without_expired(store_.topology, clock_.wall_ms());
  auto planned = failover::plan_switchover(topology, name_of(to), clock_.wall_ms());
  if (!planned) return;
  note("a switchover to " + name_of(to).value() + " is asked for");
  planned->drain_ms = random_.between(0, 1000);
  store_.topology.leadership.switchover = *planned;
  ++store_.leadership_revision;
  wake_all();
}

}  // namespace dorsal::sim
