#include "core/admission/accounts.h"

#include <algorithm>

#include "base/crypto.h"

namespace dorsal::admission {
namespace {

constexpr std::string_view kLocalhost = "localhost";

bool counts_before(const Account& left, const Account& right) {
  const auto order = left.host.compare_specificity(right.host);
  if (order != 0) return order < 0;
  return !left.user.empty() && right.user.empty();
}

bool is_wanted(const std::string& wanted, const std::string& shown) {
  return wanted.empty() || wanted == shown;
}

}  // namespace

Accounts::Accounts(std::vector<Account> accounts, bool resolves_names)
    : accounts_(std::move(accounts)), resolves_names_(resolves_names) {
  std::stable_sort(accounts_.begin(), accounts_.end(), counts_before);
  for (std::size_t i = 0; i < accounts_.size(); ++i) {
    auto& places = accounts_[i].user.empty() ? of_anybody_ : of_user_[accounts_[i].user];
    places.push_back(i);
  }
  for (auto& [user, places] : of_user_) {
    const auto own = static_cast<std::ptrdiff_t>(places.size());
    places.insert(places.end(), of_anybody_.begin(), of_anybody_.end());
    std::inplace_merge(places.begin(), places.begin() + own, places.end());
  }
}

std::string_view Accounts::name_of(const std::optional<IpAddress>& address) const {
  if (!address) return kLocalhost;
  // Not all of 127.0.0.0/8: only these two are local to mysqld.
  static const IpAddress kFirst = IpAddress::v4(0x7f000001);
  const bool is_local = *address == kFirst || (address->is_loopback() && !address->is_v4());
  return resolves_names_ && is_local ? kLocalhost : std::string_view();
}

const std::vector<std::size_t>& Accounts::places_of(std::string_view user) const {
  auto found = of_user_.find(std::string(user));
  return found == of_user_.end() ? of_anybody_ : found->second;
}

bool Accounts::has_several(std::string_view user) const { return places_of(user).size() > 1; }

std::string Accounts::connection_version(std::string_view user) const {
  std::string version;
  for (std::size_t place : places_of(user)) {
    version += accounts_[place].name();
    version.push_back('\0');
    version += accounts_[place].rights;
    version.push_back('\0');
  }
  return sha256(version);
}

const Account* Accounts::find(std::string_view user,
                              const std::optional<IpAddress>& address) const {
  const std::string text = address ? address->text() : std::string();
  const auto name = name_of(address);
  for (std::size_t place : places_of(user)) {
    if (accounts_[place].host.matches(text, name)) return &accounts_[place];
  }
  return nullptr;
}

std::string Accounts::host_of(const std::optional<IpAddress>& address) const {
  const auto name = name_of(address);
  return name.empty() ? address->text() : std::string(name);
}

bool Accounts::may_need_tls(std::string_view user) const {
  const auto& places = places_of(user);
  return std::any_of(places.begin(), places.end(), [this](std::size_t place) {
    return accounts_[place].require != Require::Nothing;
  });
}

bool meets(const Account& account, const ClientFacts& client) {
  switch (account.require) {
    case Require::Nothing:
      return true;
    case Require::Tls:
      return client.is_tls;
    case Require::Certificate:
      return client.is_certified;
    case Require::Details:
      break;
  }
  return client.is_tls && client.is_certified && is_wanted(account.cipher, client.cipher) &&
         is_wanted(account.issuer, client.issuer) && is_wanted(account.subject, client.subject);
}

}  // namespace dorsal::admission
