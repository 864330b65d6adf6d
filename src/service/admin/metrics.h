// The metrics page in Prometheus' text format.
#pragma once

#include <string>
#include <vector>

#include "base/counters.h"
#include "core/cluster/topology.h"

namespace dorsal::admin {

// Every counted number, and gauges of the cluster as the topology shows it. A lag that is unknown
// has no sample, so that an alert on its absence can tell it from zero.
std::string metrics_page(const std::vector<Counters::Sample>& samples,
                         const cluster::Topology& topology);

}  // namespace dorsal::admin
