#include "app/authority.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "app/config_keys.h"
#include "app/local_cluster.h"
#include "app/role.h"
#include "app/role_certificates.h"
#include "base/crypto.h"
#include "edge/instance/secrets.h"
#include "edge/io/certificates.h"
#include "edge/io/files.h"
#include "edge/peers/identity.h"

namespace dorsal::app {
namespace {

// For etcd, where the operator has put it among the others.
constexpr const char* kStoreSecret = "store";
constexpr const char* kAuthorityRole = "ca";

std::string secrets_of(const std::string& dir) { return dir + "/secrets"; }
std::string issued_file(const std::string& dir, const std::string& role) {
  return certificate_file(dir + "/issued", role);
}

bool is_there(const std::string& path) { return io::exists(path) && !io::is_empty_directory(path); }

Result<std::string> cluster_of(const std::string& dir) {
  const auto authority = io::AuthorityFiles::in(dir);
  if (!io::exists(authority.certificate) || !io::exists(authority.key)) {
    return not_found(
        fmt::format("{} holds no authority; make one with 'dorsal certificates create --dir {}'",
                    dir,
                    dir));
  }
  DORSAL_TRY(auto facts, io::read_certificate(authority.certificate));
  auto identity = peers::parse_identity(facts.uris).in(authority.certificate);
  if (identity && identity->kind == peers::Identity::Kind::Authority) return identity->cluster;
  return invalid(authority.certificate + " is no authority that 'dorsal certificates' has made");
}

// As in a configuration, where the proxy's is no name for a node.
Result<void> check_role(const std::string& role) {
  if (role == kProxyRole) return {};
  Config unused;
  if (role == kAuthorityRole || role.empty()) {
    return invalid(fmt::format("'{}' is no name for a node", role));
  }
  return find_config_key("node.name")->set(unused, role, "").in(fmt::format("'{}'", role));
}

Result<void> check_addresses(const std::vector<std::string>& addresses) {
  for (const auto& address : addresses) {
    const bool is_plain = std::all_of(address.begin(), address.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_' || c == '.' || c == ':';
    });
    const auto colons = std::count(address.begin(), address.end(), ':');
    if (!address.empty() && is_plain && colons != 1) continue;
    return invalid(
        fmt::format("'{}' is no host name or IP address; give it without a port", address));
  }
  return {};
}

Result<void> check_free(const BundleRequest& request) {
  if (request.may_replace) return {};
  const auto before = issued_file(request.dir, request.role);
  if (io::exists(before)) {
    DORSAL_TRY(auto facts, io::read_certificate(before));
    return conflict(
        fmt::format("{} has a certificate, which is valid until {}; --replace makes a new one",
                    request.role,
                    date_of(facts.valid_until_s)));
  }
  if (!is_there(request.into)) return {};
  return conflict(
      fmt::format("{} is there and not empty; choose another --into, or --replace what is in it",
                  request.into));
}

// The proxy logs in to servers as the monitor only.
std::vector<std::string> secrets_for(const std::string& dir, const std::string& role) {
  std::vector<std::string> files;
  if (role == kProxyRole) {
    files = {instance::kMonitorSecret};
  } else {
    files.assign(std::begin(instance::kSecretFiles), std::end(instance::kSecretFiles));
  }
  if (io::exists(secrets_of(dir) + "/" + kStoreSecret)) files.emplace_back(kStoreSecret);
  return files;
}

Result<void> copy_file(const std::string& from, const std::string& to, mode_t mode) {
  DORSAL_TRY(auto bytes, io::read_file(from));
  return io::write_file_atomically(to, bytes, mode);
}

Result<void> copy_secrets(const BundleRequest& request) {
  const auto folder = secrets_of(request.into);
  DORSAL_TRY_VOID(io::make_directories(folder, 0700));
  const std::filesystem::path from = secrets_of(request.dir);
  const std::filesystem::path to = folder;
  for (const auto& file : secrets_for(request.dir, request.role)) {
    DORSAL_TRY_VOID(copy_file(from / file, to / file, 0600));
  }
  return {};
}

}  // namespace

Result<std::string> create_cluster_authority(const std::string& dir, const std::string& cluster) {
  if (is_there(dir)) {
    return conflict(fmt::format(
        "{} is there and not empty; an authority is never replaced, choose another --dir",
        dir));
  }
  const auto uuid = cluster.empty() ? make_uuid() : cluster;
  const auto uri = peers::to_uri(peers::Identity::of_authority(uuid));
  auto read_back = peers::parse_identity({uri});
  if (!read_back || read_back->cluster != uuid) {
    return invalid(fmt::format("'{}' is no UUID of a cluster", uuid));
  }
  for (const auto& folder : {dir, secrets_of(dir), dir + "/issued"}) {
    DORSAL_TRY_VOID(io::make_directories(folder, 0700));
  }
  for (const char* file : instance::kSecretFiles) {
    DORSAL_TRY_VOID(
        io::write_file_atomically(secrets_of(dir) + "/" + file, random_password() + "\n", 0600));
  }
  DORSAL_TRY_VOID(io::create_authority(io::AuthorityFiles::in(dir), kAuthorityName, uri));
  return uuid;
}

Result<Issued> issue_bundle(const BundleRequest& request) {
  DORSAL_TRY_VOID(check_role(request.role));
  DORSAL_TRY_VOID(check_addresses(request.addresses));
  DORSAL_TRY(auto cluster, cluster_of(request.dir));
  DORSAL_TRY_VOID(check_free(request));
  const auto tls = request.into + "/tls";
  const auto authority = io::AuthorityFiles::in(request.dir);
  DORSAL_TRY_VOID(io::make_directories(tls, 0700));
  DORSAL_TRY_VOID(copy_secrets(request));
  DORSAL_TRY_VOID(copy_file(authority.certificate, io::AuthorityFiles::in(tls).certificate, 0644));
  auto certificate = request_for(tls, request.role, cluster, request.addresses);
  certificate.days = request.days;
  DORSAL_TRY_VOID(io::issue_certificate(authority, certificate));
  DORSAL_TRY_VOID(io::make_directories(request.dir + "/issued", 0700));
  DORSAL_TRY_VOID(
      copy_file(certificate.certificate_file, issued_file(request.dir, request.role), 0644));
  DORSAL_TRY(auto facts, io::read_certificate(certificate.certificate_file));
  return Issued{request.role, cluster, facts.valid_until_s};
}

Result<std::vector<Issued>> list_issued(const std::string& dir) {
  DORSAL_TRY(auto cluster, cluster_of(dir));
  DORSAL_TRY(auto authority, io::read_certificate(io::AuthorityFiles::in(dir).certificate));
  std::vector<Issued> all;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(dir + "/issued", failed)) {
    if (entry.path().extension() != ".pem") continue;
    DORSAL_TRY(auto facts, io::read_certificate(entry.path().string()));
    all.push_back({entry.path().stem().string(), cluster, facts.valid_until_s});
  }
  std::sort(all.begin(), all.end(), [](const Issued& left, const Issued& right) {
    return left.role < right.role;
  });
  all.insert(all.begin(), Issued{kAuthorityRole, cluster, authority.valid_until_s});
  return all;
}

}  // namespace dorsal::app
