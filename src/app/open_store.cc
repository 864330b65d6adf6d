#include "app/open_store.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "base/log.h"
#include "edge/coord/etcd_store.h"
#include "edge/coord/sqlite_store.h"
#include "edge/instance/secrets.h"
#include "edge/io/files.h"
#include "edge/io/scope.h"

namespace dorsal::app {
namespace {

constexpr auto kFirstLook = std::chrono::seconds(2);
constexpr const char* kPasswordFile = "store";
constexpr std::size_t kLongestPassword = 1024;  // etcd itself has no limit

Result<Secret> load_password(const Config& config) {
  const auto& cluster = config.cluster;
  const std::filesystem::path file = cluster.store_password_file.empty()
                                         ? std::filesystem::path(config.secrets) / kPasswordFile
                                         : std::filesystem::path(cluster.store_password_file);
  DORSAL_TRY(
      auto text,
      instance::load_secret(file.parent_path().string(), file.filename().string(), kLongestPassword)
          .in(fmt::format("password of '{}' for cluster.store", cluster.store_user)));
  Scratch password(std::move(text));
  return Secret(password.text);
}

Result<coord::EtcdOptions> etcd_options(const Config& config) {
  const auto& cluster = config.cluster;
  coord::EtcdOptions options;
  DORSAL_TRY(options.address, coord::parse_etcd_address(cluster.store).in("cluster.store"));
  if (options.address.prefix.empty()) options.address.prefix = "/dorsal/" + cluster.name;
  options.cluster = cluster.name;
  options.tls = {cluster.store_ca, cluster.store_certificate, cluster.store_key};
  for (const auto* file : {&cluster.store_ca, &cluster.store_certificate, &cluster.store_key}) {
    if (!file->empty() && !io::exists(*file)) return not_found(*file + " does not exist");
  }
  options.user = cluster.store_user;
  if (!options.user.empty()) {
    DORSAL_TRY(options.password, load_password(config));
  }
  options.notice = [](const std::string& sentence) { log_warn("store", "{}", sentence); };
  return options;
}

Result<std::unique_ptr<coord::CoordStore>> open_etcd(io::Loop& loop, const Config& config) {
  DORSAL_TRY(auto options, etcd_options(config));
  auto store = std::make_unique<coord::EtcdStore>(loop, std::move(options));
  auto looked = io::block_on(loop, store->get("cluster", loop.after(kFirstLook)));
  if (!looked && looked.error().kind == ErrorKind::Invalid) return looked.error();
  return std::unique_ptr<coord::CoordStore>(std::move(store));
}

}  // namespace

Result<std::unique_ptr<coord::CoordStore>> open_store(io::Loop& loop, const Config& config) {
  if (!is_one_machine(config)) return open_etcd(loop, config);
  DORSAL_TRY(auto store, coord::SqliteStore::open(loop, config.cluster.store));
  return std::unique_ptr<coord::CoordStore>(std::move(store));
}

bool is_one_machine(const Config& config) { return !coord::is_etcd_address(config.cluster.store); }

bool store_may_exist(const Config& config) {
  return !is_one_machine(config) || io::exists(config.cluster.store);
}

}  // namespace dorsal::app
