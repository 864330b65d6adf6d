// Keeps a published Topology as new as the coordination store.
#pragma once

#include <memory>

#include "core/cluster/topology.h"
#include "edge/coord/cluster_store.h"
#include "edge/io/loop.h"
#include "edge/io/task.h"

namespace dorsal::app {

// Until cancelled: publishes the topology at every change of the store and at least every half
// second, with the states of silent agents turned Down. While the store cannot be read, the last
// topology stays as it is: that says nothing about the agents. All of them outlive the task.
io::Task<> watch_topology(io::Loop& loop,
                          coord::ClusterStore& store,
                          cluster::SharedTopology& shared);

}  // namespace dorsal::app
