#include "edge/io/resolver.h"

#include <netdb.h>

#include <asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>

#include "edge/io/event.h"
#include "edge/io/files.h"
#include "edge/io/loop.h"
#include "edge/io/thread.h"

namespace dorsal::io {
namespace {

constexpr int kMostLookups = 32;

// Shared by the thread that looks up and the task that waits. The task clears waiting before it
// goes, so the thread never touches a loop or an event that is gone.
struct Lookup {
  std::mutex mutex;
  Loop* loop = nullptr;    // guarded by the mutex; null: nobody waits
  Event* event = nullptr;  // used on the loop's thread only
  std::vector<Address> addresses;
  std::string failure;
};

void look_up(Lookup& lookup, const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    lookup.failure = error == EAI_SYSTEM ? system_error_text(errno) : ::gai_strerror(error);
    return;
  }
  for (addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Address address;
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    address.size = each->ai_addrlen;
    lookup.addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  if (lookup.addresses.empty()) lookup.failure = "it has no address";
}

void report(const std::shared_ptr<Lookup>& lookup) {
  std::lock_guard lock(lookup->mutex);
  if (lookup->loop == nullptr) return;
  lookup->loop->post([lookup] {
    if (lookup->event != nullptr) lookup->event->set();
  });
}

bool start(const std::shared_ptr<Lookup>& lookup,
           std::string host,
           std::uint16_t port,
           const std::shared_ptr<std::atomic<int>>& running) {
  if (running->fetch_add(1) >= kMostLookups) {
    running->fetch_sub(1);
    return false;
  }
  try {
    start_quiet_thread([lookup, running, host = std::move(host), port] {
      look_up(*lookup, host, port);
      running->fetch_sub(1);
      report(lookup);
    }).detach();
  } catch (const std::system_error&) {
    running->fetch_sub(1);
    return false;
  }
  return true;
}

std::vector<Address> known_addresses(const std::string& host, std::uint16_t port) {
  std::vector<Address> addresses;
  Address address;
  if (host == "localhost") {
    for (const char* loopback : {"127.0.0.1", "::1"}) {
      if (parse_address(loopback, port, address)) addresses.push_back(address);
    }
  } else if (parse_address(host, port, address)) {
    addresses.push_back(address);
  }
  return addresses;
}

}  // namespace

Task<Result<std::vector<Address>>> Resolver::resolve(Loop& loop,
                                                     std::string host,
                                                     std::uint16_t port,
                                                     Deadline deadline) {
  auto known = known_addresses(host, port);
  if (!known.empty()) co_return known;
  if (host.empty()) co_return invalid("the host is not given");

  Event done(loop);
  auto lookup = std::make_shared<Lookup>();
  lookup->loop = &loop;
  lookup->event = &done;
  struct Leave {
    Lookup& lookup;
    ~Leave() {
      std::lock_guard lock(lookup.mutex);
      lookup.loop = nullptr;
      lookup.event = nullptr;
    }
  } leave{*lookup};
  if (!start(lookup, host, port, running_)) {
    co_return unavailable("too many look-ups of names are under way");
  }
  if (!co_await done.wait(deadline)) {
    if (co_await cancelled()) co_return unavailable("cancelled");
    co_return timeout("looking up the name " + host + " takes too long");
  }
  if (!lookup->failure.empty()) {
    co_return unavailable("the name " + host + " cannot be looked up: " + lookup->failure);
  }
  co_return std::move(lookup->addresses);
}

}  // namespace dorsal::io
