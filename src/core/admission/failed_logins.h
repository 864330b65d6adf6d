// Remembers from where log-ins failed, and how long the next one from there is to wait.
//
// The first few failures of an address cost nothing: people mistype. Each further one doubles the
// wait for every log-in from there, up to a limit, so that guessing passwords is slow however it is
// done; a log-in that succeeds clears the address, and quiet forgets its failures one by one.
// Behind a loopback address may stand a whole machine's applications, one of which has an old
// password, so it waits little. Of IPv6 a /64 counts as one address, since whoever has one address
// of it has them all.
//
// Not thread-safe. Holds at most kMostAddresses addresses: of more, the one that failed longest ago
// is forgotten.
#pragma once

#include <cstddef>
#include <list>
#include <map>

#include "base/deadline.h"
#include "core/admission/ip_address.h"

namespace dorsal::admission {

class FailedLogins {
 public:
  static constexpr std::size_t kMostAddresses = 10'000;

  // How long a log-in from there waits before it is judged.
  Duration delay(const IpAddress& from, TimePoint now) const;

  void failed(const IpAddress& from, TimePoint now);
  void succeeded(const IpAddress& from);

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    int failures = 0;  // as of `last`
    TimePoint last;
    std::list<IpAddress>::iterator place;
  };

  std::map<IpAddress, Entry> entries_;
  std::list<IpAddress> order_;  // who failed last stands last
};

}  // namespace dorsal::admission
