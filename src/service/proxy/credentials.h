// The passwords of clients that have logged in, so that the next log-in needs no full exchange.
//
// caching_sha2_password proves a password only to somebody who knows SHA256(SHA256(p)), so the
// first client of an account is asked for the password itself, which is verified by logging in to a
// server with it. It is kept, in locked memory, for verifying later clients and for logging in
// behind them.
//
// A password belongs to one account, user and host part, and to the version of it that the password
// was verified for: when the account changes or is dropped, it counts no longer. What only a
// replica has verified may have been changed on the primary already, and counts for half a minute.
// Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/counters.h"
#include "base/deadline.h"
#include "base/secret.h"
#include "core/admission/accounts.h"

namespace dorsal::proxy {

class Credentials {
 public:
  struct Known {
    Secret password;
    Secret digest;  // SHA256(SHA256(p))
  };

  enum class VerifiedBy { Primary, Replica };

  explicit Credentials(Counters& counters);

  std::optional<Known> find(const admission::Account& account, TimePoint now) const;

  // The account as it was before the password was verified. Returns the kept copy.
  Secret remember(const admission::Account& account,
                  const Secret& password,
                  VerifiedBy by,
                  TimePoint now);

  // Forgets the account's password, if it is still this one.
  void forget(const admission::Account& account, const Secret& password);

  // Forgets those of accounts that are not among these, or are no longer what they were. Returns
  // how many it forgot.
  std::size_t keep_only(const admission::Accounts& accounts);

  std::size_t size() const;

 private:
  struct Entry {
    Known known;
    std::string version;
    TimePoint until;
  };

  mutable std::mutex mutex_;
  std::map<std::string, Entry> known_;  // by Account::name()
  Number& number_;                      // of them
};

}  // namespace dorsal::proxy
