#include "service/proxy/credentials.h"

#include "core/mysql/auth.h"

namespace dorsal::proxy {
namespace {

// A flood of user names must not fill the locked memory; the oldest name in order goes first.
constexpr std::size_t kMaxKnown = 4096;

constexpr auto kVerifiedFor = std::chrono::seconds(30);

}  // namespace

std::optional<Credentials::Known> Credentials::find(const std::string& user) const {
  std::lock_guard lock(mutex_);
  auto found = known_.find(user);
  if (found == known_.end()) return std::nullopt;
  return found->second;
}

bool Credentials::is_verified(const std::string& user, TimePoint now) {
  std::lock_guard lock(mutex_);
  auto found = known_.find(user);
  if (found == known_.end() || now - found->second.verified > kVerifiedFor) {
    if (found != known_.end()) found->second.verified = now;
    return false;
  }
  return true;
}

void Credentials::remember(const std::string& user, std::string_view password, TimePoint now) {
  Known known{Secret(password), mysql::caching_sha2_digest(password), now};
  std::lock_guard lock(mutex_);
  if (known_.size() >= kMaxKnown && known_.count(user) == 0) known_.erase(known_.begin());
  known_.insert_or_assign(user, std::move(known));
}

void Credentials::forget(const std::string& user, const std::string& digest) {
  std::lock_guard lock(mutex_);
  auto found = known_.find(user);
  if (found != known_.end() && found->second.digest == digest) known_.erase(found);
}

std::optional<std::string> Credentials::native_digest(const std::string& user) const {
  std::lock_guard lock(mutex_);
  auto found = native_.find(user);
  if (found == native_.end()) return std::nullopt;
  return found->second;
}

void Credentials::set_native(std::map<std::string, std::string> digests) {
  std::lock_guard lock(mutex_);
  native_ = std::move(digests);
}

}  // namespace dorsal::proxy
