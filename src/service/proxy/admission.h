// How many clients there are, from where and as whom; how many are logging in; and who must wait
// since log-ins from there failed.
//
// One for a process; every loop's clients count together. Thread-safe.
//
// A client counts from its arrival to its end, and as a user's from the end of its log-in. While it
// logs in it also has one of a limited number of places. When these run out, whoever has had one
// longest from the address that has most of them is thrown out: a flood of connections that never
// finish throws out its own, and somebody else's log-in, which takes milliseconds, gets through.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/counters.h"
#include "base/deadline.h"
#include "core/admission/failed_logins.h"
#include "core/admission/ip_address.h"

namespace dorsal::proxy {

struct Options;

class Admission {
 public:
  explicit Admission(Counters& counters);

  enum class Limit { None, Clients, Address, User };  // which one is reached

  // ---- failed log-ins ----

  // How long a log-in from there waits before it is judged.
  Duration delay(const admission::IpAddress& from, TimePoint now);
  // True when log-ins from there are slowed from now on, and were not before.
  bool failed(const admission::IpAddress& from, TimePoint now);
  void succeeded(const admission::IpAddress& from);

 private:
  friend class Visit;

  Limit arrive(const admission::IpAddress& from, std::uint32_t limit, std::uint32_t address_limit);
  void leave(const admission::IpAddress& from);
  bool move(std::uint32_t session,
            const admission::IpAddress& before,
            const admission::IpAddress& from,
            std::uint32_t address_limit);
  Limit become(const std::string& user, const std::string& before, std::uint32_t limit);
  std::optional<std::uint32_t> begin_login(std::uint32_t session,
                                           const admission::IpAddress& from,
                                           std::uint32_t limit,
                                           TimePoint now);
  void end_login(std::uint32_t session);
  void add_login(std::uint32_t session, const admission::IpAddress& from);
  void remove_login(std::uint32_t session);

  using Waiting = std::list<std::uint32_t>;  // sessions, who came first stands first
  struct Login {
    admission::IpAddress from;
    Waiting::iterator place;
  };

  std::mutex mutex_;  // guards all below
  std::uint32_t clients_ = 0;
  std::map<admission::IpAddress, std::uint32_t> by_address_;
  std::unordered_map<std::string, std::uint32_t> by_user_;
  std::unordered_map<std::uint32_t, Login> logins_;
  std::map<admission::IpAddress, Waiting> logins_by_address_;
  admission::FailedLogins failed_logins_;

  Number& clients_number_;
  Number& logins_number_;
  Number& thrown_out_;
  Number& delayed_;
  Number& refused_clients_;
  Number& refused_address_;
  Number& refused_user_;
  Number& slowed_addresses_;
};

// One client's place in the counts; it gives back what it has when it ends.
//
// Calls match: arrive begin_login speak_for? end_login become* ~Visit
class Visit {
 public:
  // The admission outlives the visit.
  Visit(Admission& admission, std::uint32_t session);
  ~Visit();
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  // Other than None: there is no room, and the visit counts for nothing. A balancer connects for
  // many, so the limit for one address is not its own.
  Admission::Limit arrive(const admission::IpAddress& from,
                          bool is_balancer,
                          const Options& options);

  // Who has to be thrown out for it, if anybody: the caller ends that session.
  std::optional<std::uint32_t> begin_login(const Options& options, TimePoint now);
  void end_login();

  // A balancer has said for whom it connects: that address counts from now on. False: from there
  // is no room.
  bool speak_for(const admission::IpAddress& from, const Options& options);

  // From now on it counts as this user's, and no longer as the one's before.
  Admission::Limit become(const std::string& user, std::uint32_t limit);

 private:
  Admission& admission_;
  const std::uint32_t session_;
  std::optional<admission::IpAddress> from_;  // while it counts
  bool is_logging_in_ = false;
  std::string user_;
};

}  // namespace dorsal::proxy
