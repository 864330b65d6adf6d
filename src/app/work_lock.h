// Lets one `up` or `down` at a time change a cluster's folder, and records what was asked for last.
#pragma once

#include <functional>
#include <string>

#include "app/local_cluster.h"
#include "base/result.h"
#include "edge/io/files.h"

namespace dorsal::app {

// Makes the folder if needed and takes the lock; while another process has it, waits, after it has
// told `say` so once. Timeout, naming that process, when it takes more than ten minutes.
Result<io::FileLock> lock_work(const LocalCluster& cluster,
                               const std::function<void(const std::string&)>& say);

// What an `up` in the foreground looks at, to end when another process says `down`.
enum class Wish { Up, Down };
Result<void> record_wish(const LocalCluster& cluster, Wish wish);
bool is_wished_down(const LocalCluster& cluster);

}  // namespace dorsal::app
