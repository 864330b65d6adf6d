// Reads the configuration of a running proxy, or of the admin page alone, again.
//
// A reload is all or nothing. Whatever is wrong (a text that does not parse, a value that is
// refused, a file that is missing, a certificate that is not its key's, a key that only the next
// start can take up) leaves the process exactly as it was, and is said in one sentence that names
// the file and line. Else everything counts at once, for clients that come from then on; nobody
// who is logged in is dropped.
//
// Certificates are looked at in between, too: when their files change, they are read again.
#pragma once

#include <string>
#include <vector>

#include "app/commands.h"
#include "app/config.h"
#include "base/result.h"
#include "service/proxy/proxy.h"

namespace dorsal::app {

class Reloader {
 public:
  // The configuration that is in force, and where it came from. Made before its certificates are
  // read, so that none is missed that changes meanwhile.
  Reloader(std::string role, RoleOptions options, Config config);

  // The proxy that runs by it, which outlives the Reloader. The admin page alone has none.
  void attach(proxy::Proxy& proxy) { proxy_ = &proxy; }

  // From now on the configuration is another process's, and reload() does nothing. Certificates are
  // still looked at.
  void retire() { is_retired_ = true; }

  // Logs what came of it, and leaves it for `dorsal reload`.
  void reload();

  // Takes up certificates whose files have changed since the last look. A pair that does not fit
  // together, as when only one of its two files has been replaced yet, is left for the next look.
  void look_at_certificates();

  const Config& config() const { return config_; }

 private:
  Result<std::string> try_reload();
  const std::string role_;
  const RoleOptions options_;
  Config config_;
  proxy::Proxy* proxy_ = nullptr;
  bool is_retired_ = false;
  std::string stamp_;
};

// Invalid, with file and line, when a key has changed that only a restart can take up.
Result<void> check_change(const Config& before, const Config& after, const std::string& file);

}  // namespace dorsal::app
