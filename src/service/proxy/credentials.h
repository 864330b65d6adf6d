// The passwords of clients that have logged in, so that the next log-in needs no full exchange.
//
// The proxy has no list of users. caching_sha2_password proves a password only to somebody who
// knows SHA256(SHA256(p)), so the first client of a user is asked for the password itself, which is
// verified by logging in to a server with it. It is kept, in locked memory, for verifying later
// clients and for logging in behind them. It is verified again after a while, so that a password
// that was changed or revoked at the servers is soon refused, and forgotten, here.
//
// Accounts of mysql_native_password are known by SHA1(SHA1(p)), which the monitor reads from
// mysql.user on servers that still have that plug-in. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/secret.h"

namespace dorsal::proxy {

class Credentials {
 public:
  struct Known {
    Secret password;
    std::string digest;  // SHA256(SHA256(p))
    TimePoint verified;  // when a server last accepted it
  };

  std::optional<Known> find(const std::string& user) const;
  void remember(const std::string& user, std::string_view password, TimePoint now);

  // Whether a server accepted the user's password not long ago. If not, whoever asks must see to
  // it; others are told that it is done meanwhile.
  bool is_verified(const std::string& user, TimePoint now);

  // Forgets the user's password, if it is still the one with this digest.
  void forget(const std::string& user, const std::string& digest);

  // SHA1(SHA1(p)) of a native account, as raw bytes.
  std::optional<std::string> native_digest(const std::string& user) const;
  void set_native(std::map<std::string, std::string> digests);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Known> known_;
  std::map<std::string, std::string> native_;
};

}  // namespace dorsal::proxy
