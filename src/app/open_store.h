// Opens the coordination store that the configuration names, whichever engine it is of.
#pragma once

#include <memory>

#include "app/config.h"
#include "base/result.h"
#include "edge/coord/coord_store.h"
#include "edge/io/loop.h"

namespace dorsal::app {

// Blocks, for the start of a program; the loop must not run, and outlives the store. Fails, in
// a sentence, when the store is not this cluster's, or when what it needs (a password, say) is not
// there. An etcd that does not answer within two seconds is no failure: each call tries again.
Result<std::unique_ptr<coord::CoordStore>> open_store(io::Loop& loop, const Config& config);

// Its store is a file, so all its processes go by one clock.
bool is_one_machine(const Config& config);

// False only for a store of which it is certain: opening it would make it.
bool store_may_exist(const Config& config);

}  // namespace dorsal::app
