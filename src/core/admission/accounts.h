// The accounts of a MySQL server, as its table mysql.user had them at one moment, and which of them
// a client's log-in means.
//
// The server sees only connections that come from the proxy. Where the client itself comes from,
// and over what, only the proxy knows; so what an account demands in that respect is judged here,
// by the server's own rules and in its own words. The password is the server's to judge.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/secret.h"
#include "core/admission/host_pattern.h"
#include "core/admission/ip_address.h"

namespace dorsal::admission {

// What REQUIRE demands of the connection.
enum class Require {
  Nothing,
  Tls,          // SSL
  Certificate,  // X509: one that an authority vouches for
  Details,      // as Certificate, and those of cipher, issuer and subject that are not empty
};

struct Account {
  std::string user;  // empty: anybody
  HostPattern host{""};
  std::string plugin;
  bool is_locked = false;
  bool is_expired = false;
  bool has_more_factors = false;  // than the one that `plugin` verifies
  Require require = Require::Nothing;
  std::string cipher;
  std::string issuer;
  std::string subject;
  // Of a mysql_native_password account: SHA1(SHA1(p)) as raw bytes; else empty.
  Secret native_digest;
  // Another text whenever the password, its plug-in or a second password may have changed.
  std::string version;
  // Another text whenever a new connection may get other rights than one that is open already.
  std::string rights;

  // Tells it from every other account of the server.
  std::string name() const { return user + "@" + host.text(); }
};

// What is known of a client before it has proved who it is.
struct ClientFacts {
  std::optional<IpAddress> address;  // empty: a unix socket
  bool is_tls = false;
  std::string cipher;         // with TLS
  bool is_certified = false;  // it showed a certificate that an authority of ours vouches for
  std::string issuer;         // of that certificate
  std::string subject;
};

class Accounts {
 public:
  // resolves_names: the server gives clients at 127.0.0.1 and ::1 the name "localhost", that is,
  // skip_name_resolve is off. Other names are not looked up: no client has any.
  Accounts(std::vector<Account> accounts, bool resolves_names);

  // The account by which this client's log-in is judged; null when there is none. Valid as long as
  // this object.
  const Account* find(std::string_view user, const std::optional<IpAddress>& address) const;

  // How the server calls such a client: the host in "Access denied for user 'u'@'host'".
  std::string host_of(const std::optional<IpAddress>& address) const;

  // There is more than one account that may be that user's.
  bool has_several(std::string_view user) const;

  // Another text whenever a connection that is opened for that user now may be another than one
  // that was opened before: another account's, or one with other rights.
  std::string connection_version(std::string_view user) const;

  // One of that user's accounts is refused by the server without TLS.
  bool may_need_tls(std::string_view user) const;

  const std::vector<Account>& all() const { return accounts_; }

 private:
  const std::vector<std::size_t>& places_of(std::string_view user) const;
  std::string_view name_of(const std::optional<IpAddress>& address) const;

  std::vector<Account> accounts_;  // the more specific first
  bool resolves_names_;
  // Places in accounts_, in that order; those without a user stand among those of every user.
  std::unordered_map<std::string, std::vector<std::size_t>> of_user_;
  std::vector<std::size_t> of_anybody_;
};

// Whether the client's connection is what the account's REQUIRE demands.
bool meets(const Account& account, const ClientFacts& client);

}  // namespace dorsal::admission
