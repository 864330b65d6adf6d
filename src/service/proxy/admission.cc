#include "service/proxy/admission.h"

#include <algorithm>

#include "service/proxy/proxy.h"

namespace dorsal::proxy {
namespace {

// From an address whose log-ins are being slowed, so many may wait at a time: without that bound
// a thousand guesses could wait side by side.
constexpr std::size_t kMostSlowedLogins = 16;
constexpr std::size_t kMostSlowedLoopbackLogins = 256;

Number& refused(Counters& counters, const char* limit) {
  return counters.counter("dorsal_proxy_clients_refused_total",
                          "Clients refused since a limit on their number was reached.",
                          {{"limit", limit}});
}

// One less; the last takes the entry with it, so that what is gone costs no memory.
template <class Map, class Key>
void decrement(Map& map, const Key& key) {
  auto found = map.find(key);
  if (found != map.end() && --found->second == 0) map.erase(found);
}

bool is_reached(std::uint32_t count, std::uint32_t limit) { return limit != 0 && count >= limit; }

}  // namespace

Admission::Admission(Counters& counters)
    : clients_number_(
          counters.gauge("dorsal_proxy_clients", "Clients that are connected, logged in or not.")),
      logins_number_(
          counters.gauge("dorsal_proxy_logins_in_progress", "Clients that are logging in.")),
      thrown_out_(counters.counter("dorsal_proxy_logins_thrown_out_total",
                                   "Clients thrown out while they logged in, to make room.")),
      delayed_(counters.counter("dorsal_proxy_logins_delayed_total",
                                "Log-ins made to wait since others from there had failed.")),
      refused_clients_(refused(counters, "clients")),
      refused_address_(refused(counters, "address")),
      refused_user_(refused(counters, "user")),
      slowed_addresses_(counters.gauge("dorsal_proxy_addresses_with_failed_logins",
                                       "Addresses from which log-ins have failed lately.")) {}

// ---- failed log-ins ----

Duration Admission::delay(const admission::IpAddress& from, TimePoint now) {
  std::lock_guard lock(mutex_);
  const Duration delay = failed_logins_.delay(from, now);
  if (delay > Duration::zero()) delayed_.add();
  return delay;
}

bool Admission::failed(const admission::IpAddress& from, TimePoint now) {
  std::lock_guard lock(mutex_);
  const bool was_slowed = failed_logins_.delay(from, now) > Duration::zero();
  failed_logins_.failed(from, now);
  slowed_addresses_.set(static_cast<std::int64_t>(failed_logins_.size()));
  return !was_slowed && failed_logins_.delay(from, now) > Duration::zero();
}

void Admission::succeeded(const admission::IpAddress& from) {
  std::lock_guard lock(mutex_);
  failed_logins_.succeeded(from);
  slowed_addresses_.set(static_cast<std::int64_t>(failed_logins_.size()));
}

// ---- how many there are ----

Admission::Limit Admission::arrive(const admission::IpAddress& from,
                                   std::uint32_t limit,
                                   std::uint32_t address_limit) {
  std::lock_guard lock(mutex_);
  if (is_reached(clients_, limit)) {
    refused_clients_.add();
    return Limit::Clients;
  }
  auto& from_there = by_address_[from];
  if (is_reached(from_there, address_limit)) {
    refused_address_.add();
    return Limit::Address;
  }
  ++from_there;
  ++clients_;
  clients_number_.set(clients_);
  return Limit::None;
}

void Admission::leave(const admission::IpAddress& from) {
  std::lock_guard lock(mutex_);
  decrement(by_address_, from);
  --clients_;
  clients_number_.set(clients_);
}

bool Admission::move(std::uint32_t session,
                     const admission::IpAddress& before,
                     const admission::IpAddress& from,
                     std::uint32_t address_limit) {
  std::lock_guard lock(mutex_);
  auto& from_there = by_address_[from];
  if (is_reached(from_there, address_limit)) {
    refused_address_.add();
    return false;
  }
  ++from_there;
  decrement(by_address_, before);
  // It may have been thrown out already.
  const bool is_logging_in = logins_.contains(session);
  remove_login(session);
  if (is_logging_in) add_login(session, from);
  return true;
}

Admission::Limit Admission::become(const std::string& user,
                                   const std::string& before,
                                   std::uint32_t limit) {
  std::lock_guard lock(mutex_);
  if (!before.empty()) decrement(by_user_, before);
  if (user.empty()) return Limit::None;
  auto& of_user = by_user_[user];
  if (is_reached(of_user, limit)) {
    refused_user_.add();
    return Limit::User;
  }
  ++of_user;
  return Limit::None;
}

// ---- who is logging in ----

std::optional<std::uint32_t> Admission::begin_login(std::uint32_t session,
                                                    const admission::IpAddress& from,
                                                    std::uint32_t limit,
                                                    TimePoint now) {
  std::lock_guard lock(mutex_);
  std::optional<std::uint32_t> thrown_out;
  const bool is_slowed = failed_logins_.delay(from, now) > Duration::zero();
  const auto most = from.is_loopback() ? kMostSlowedLoopbackLogins : kMostSlowedLogins;
  const auto own = logins_by_address_.find(from);
  if (is_slowed && own != logins_by_address_.end() && own->second.size() >= most) {
    thrown_out = own->second.front();
  } else if (is_reached(static_cast<std::uint32_t>(logins_.size()), limit)) {
    const auto fullest = std::max_element(logins_by_address_.begin(),
                                          logins_by_address_.end(),
                                          [](const auto& left, const auto& right) {
                                            return left.second.size() < right.second.size();
                                          });
    thrown_out = fullest->second.front();
  }
  if (thrown_out) {
    remove_login(*thrown_out);
    thrown_out_.add();
  }
  add_login(session, from);
  logins_number_.set(static_cast<std::int64_t>(logins_.size()));
  return thrown_out;
}

void Admission::add_login(std::uint32_t session, const admission::IpAddress& from) {
  auto& waiting = logins_by_address_[from];
  logins_.emplace(session, Login{from, waiting.insert(waiting.end(), session)});
}

void Admission::remove_login(std::uint32_t session) {
  auto found = logins_.find(session);
  if (found == logins_.end()) return;
  auto of_address = logins_by_address_.find(found->second.from);
  of_address->second.erase(found->second.place);
  if (of_address->second.empty()) logins_by_address_.erase(of_address);
  logins_.erase(found);
}

void Admission::end_login(std::uint32_t session) {
  std::lock_guard lock(mutex_);
  remove_login(session);
  logins_number_.set(static_cast<std::int64_t>(logins_.size()));
}

// ---- one client ----

Visit::Visit(Admission& admission, std::uint32_t session)
    : admission_(admission), session_(session) {}

Visit::~Visit() {
  end_login();
  (void)become("", 0);
  if (from_) admission_.leave(*from_);
}

Admission::Limit Visit::arrive(const admission::IpAddress& from,
                               bool is_balancer,
                               const Options& options) {
  const auto limit = admission_.arrive(from,
                                       options.max_clients,
                                       is_balancer ? 0 : options.max_clients_per_address);
  if (limit == Admission::Limit::None) from_ = from;
  return limit;
}

std::optional<std::uint32_t> Visit::begin_login(const Options& options, TimePoint now) {
  is_logging_in_ = true;
  return admission_.begin_login(session_, *from_, options.max_logins, now);
}

bool Visit::speak_for(const admission::IpAddress& from, const Options& options) {
  if (!admission_.move(session_, *from_, from, options.max_clients_per_address)) return false;
  from_ = from;
  return true;
}

void Visit::end_login() {
  if (is_logging_in_) admission_.end_login(session_);
  is_logging_in_ = false;
}

Admission::Limit Visit::become(const std::string& user, std::uint32_t limit) {
  if (user.empty() && user_.empty()) return Admission::Limit::None;
  const auto reached = admission_.become(user, user_, limit);
  user_ = reached == Admission::Limit::None ? user : std::string();
  return reached;
}

}  // namespace dorsal::proxy
