// Asks one node for something and waits until it has done it.
#pragma once

#include <string>

#include "app/open_cluster.h"
#include "base/result.h"
#include "core/cluster/topology.h"

namespace dorsal::app {

// Until the cluster can spare one replica: all of them serve, and the others are close to the
// primary, so that no commit waits for what they have not received yet. Replicas that are never
// close are waited for half a minute. Timeout: one does not serve.
Result<void> wait_until_bearable(OpenCluster& open, const cluster::NodeName& spared);

// Its mysqld is started anew; returns when it serves again. Conflict, in a sentence: it is the
// primary, or down. Timeout: it does not come back.
Result<void> restart_member(OpenCluster& open, const cluster::NodeName& name);

// Its data is dropped and cloned anew; returns when it serves again, which takes as long as the
// data is large. Errors as above.
Result<void> rebuild_member(OpenCluster& open, const cluster::NodeName& name);

// It is no member any more. One that is down is believed to be gone for good.
Result<void> remove_member(OpenCluster& open, const cluster::NodeName& name, bool is_gone);

}  // namespace dorsal::app
