#include "app/role_certificates.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <utility>

#include "app/role.h"

namespace dorsal::app {

std::string certificate_file(const std::string& folder, const std::string& role) {
  return folder + "/" + role + ".pem";
}
std::string key_file(const std::string& folder, const std::string& role) {
  return folder + "/" + role + "-key.pem";
}

peers::Identity identity_of(const std::string& cluster, const std::string& role) {
  if (role == kProxyRole) return peers::Identity::of_proxy(cluster);
  return peers::Identity::of_node(cluster, role);
}

io::CertificateRequest request_for(const std::string& folder,
                                   const std::string& role,
                                   const std::string& cluster,
                                   std::vector<std::string> names) {
  io::CertificateRequest request;
  request.certificate_file = certificate_file(folder, role);
  request.key_file = key_file(folder, role);
  request.common_name = role;
  request.names = std::move(names);
  request.uri = peers::to_uri(identity_of(cluster, role));
  return request;
}

bool is_due_for_renewal(const io::CertificateFacts& certificate, std::int64_t now_s) {
  const std::int64_t life = certificate.valid_until_s - certificate.valid_from_s;
  return now_s > certificate.valid_from_s + life / 3 * 2;
}

std::string date_of(std::int64_t seconds) {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

}  // namespace dorsal::app
