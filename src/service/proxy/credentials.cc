#include "service/proxy/credentials.h"

#include <unordered_map>

#include "base/crypto.h"
#include "core/mysql/auth.h"

namespace dorsal::proxy {
namespace {

// A flood of user names must not fill the locked memory; the first name in order goes first.
constexpr std::size_t kMaxKnown = 4096;

constexpr auto kReplicaCounts = std::chrono::seconds(30);

}  // namespace

Credentials::Credentials(Counters& counters)
    : number_(counters.gauge("dorsal_proxy_known_passwords",
                             "Accounts that log in without a full exchange.")) {}

std::optional<Credentials::Known> Credentials::find(const admission::Account& account,
                                                    TimePoint now) const {
  std::lock_guard lock(mutex_);
  auto found = known_.find(account.name());
  if (found == known_.end()) return std::nullopt;
  const Entry& entry = found->second;
  if (entry.version != account.version || now >= entry.until) return std::nullopt;
  return entry.known;
}

Secret Credentials::remember(const admission::Account& account,
                             const Secret& password,
                             VerifiedBy by,
                             TimePoint now) {
  auto digest = mysql::caching_sha2_digest(password.view());
  Entry entry{{password, Secret(digest)},
              account.version,
              by == VerifiedBy::Primary ? TimePoint::max() : now + kReplicaCounts};
  wipe(digest);
  std::lock_guard lock(mutex_);
  auto found = known_.find(account.name());
  // Many log-ins at once share one copy.
  const bool is_known = found != known_.end() && found->second.version == entry.version &&
                        equal_secrets(found->second.known.digest.view(), entry.known.digest.view());
  if (is_known) {
    found->second.until = std::max(found->second.until, entry.until);
    return found->second.known.password;
  }
  if (found == known_.end() && known_.size() >= kMaxKnown) known_.erase(known_.begin());
  known_.insert_or_assign(account.name(), std::move(entry));
  number_.set(static_cast<std::int64_t>(known_.size()));
  return password;
}

void Credentials::forget(const admission::Account& account, const Secret& password) {
  std::lock_guard lock(mutex_);
  auto found = known_.find(account.name());
  if (found == known_.end()) return;
  const auto& kept = found->second.known.password;
  if (equal_secrets(kept.view(), password.view())) known_.erase(found);
  number_.set(static_cast<std::int64_t>(known_.size()));
}

std::size_t Credentials::keep_only(const admission::Accounts& accounts) {
  std::unordered_map<std::string, const std::string*> versions;
  for (const auto& account : accounts.all()) versions.emplace(account.name(), &account.version);
  std::lock_guard lock(mutex_);
  const auto before = known_.size();
  for (auto place = known_.begin(); place != known_.end();) {
    auto found = versions.find(place->first);
    const bool stays = found != versions.end() && *found->second == place->second.version;
    place = stays ? std::next(place) : known_.erase(place);
  }
  number_.set(static_cast<std::int64_t>(known_.size()));
  return before - known_.size();
}

std::size_t Credentials::size() const {
  std::lock_guard lock(mutex_);
  return known_.size();
}

}  // namespace dorsal::proxy
