#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/authority.h"
#include "app/commands.h"
#include "app/role_certificates.h"
#include "edge/io/clock.h"

namespace dorsal::app {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t days_left(const Issued& issued) {
  constexpr std::int64_t kSecondsPerDay = 86400;
  const std::int64_t left_s = issued.valid_until_s - io::wall_ms() / 1000;
  return left_s >= 0 ? left_s / kSecondsPerDay : -((-left_s + kSecondsPerDay - 1) / kSecondsPerDay);
}

Json json_of(const Issued& issued) {
  return Json{{"name", issued.role},
              {"valid_until", date_of(issued.valid_until_s)},
              {"days_left", days_left(issued)}};
}

Result<void> create(const CertificatesOptions& options) {
  DORSAL_TRY(auto cluster, create_cluster_authority(options.dir, options.cluster));
  if (options.json) {
    fmt::print("{}\n", Json{{"dir", options.dir}, {"cluster", cluster}}.dump(2));
    return {};
  }
  fmt::print(
      "{} holds the authority and the passwords of cluster {}.\n"
      "Keep it where nobody else reads it, and make a copy. Next, for each node and proxy:\n"
      "  dorsal certificates issue --dir {} NODE ADDRESS…\n",
      options.dir,
      cluster,
      options.dir);
  return {};
}

Result<void> issue(const CertificatesOptions& options) {
  BundleRequest request;
  request.dir = options.dir;
  request.role = options.role;
  request.into = options.into.empty()
                     ? (std::filesystem::path(options.dir) / "bundles" / options.role).string()
                     : options.into;
  request.addresses = options.addresses;
  request.days = options.days;
  request.may_replace = options.may_replace;
  DORSAL_TRY(auto issued, issue_bundle(request));
  if (options.json) {
    auto json = json_of(issued);
    json["folder"] = request.into;
    fmt::print("{}\n", json.dump(2));
    return {};
  }
  fmt::print(
      "{} holds what {} needs, valid until {}. Copy its folders tls and secrets beside the\n"
      "configuration file there, so that only the user that runs dorsal reads them.\n",
      request.into,
      issued.role,
      date_of(issued.valid_until_s));
  return {};
}

Result<void> list(const CertificatesOptions& options) {
  DORSAL_TRY(auto all, list_issued(options.dir));
  if (options.json) {
    Json json{{"cluster", all.front().cluster}, {"certificates", Json::array()}};
    for (const auto& issued : all) json["certificates"].push_back(json_of(issued));
    fmt::print("{}\n", json.dump(2));
    return {};
  }
  std::size_t width = 4;
  for (const auto& issued : all) width = std::max(width, issued.role.size());
  fmt::print("cluster {}\n\n{:<{}}  {:<11}  {}\n",
             all.front().cluster,
             "name",
             width,
             "valid until",
             "days left");
  for (const auto& issued : all) {
    fmt::print("{:<{}}  {:<11}  {}\n",
               issued.role,
               width,
               date_of(issued.valid_until_s),
               days_left(issued));
  }
  return {};
}

}  // namespace

Result<void> certificates(const CertificatesOptions& options) {
  switch (options.action) {
    case CertificatesOptions::Action::Create:
      return create(options);
    case CertificatesOptions::Action::Issue:
      return issue(options);
    case CertificatesOptions::Action::List:
      return list(options);
  }
  return {};
}

}  // namespace dorsal::app
