#include "edge/instance/socket_path.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/crypto.h"
#include "edge/io/files.h"

namespace dorsal::instance {

namespace {

constexpr std::size_t kLongest = 107;

std::string short_name(const std::string& dir) {
  return to_hex(sha256(dir).substr(0, 6)) + ".sock";
}

Result<void> check_private(const std::string& folder) {
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0) {
    return unavailable(folder + ": " + io::system_error_text(errno));
  }
  if (S_ISDIR(status.st_mode) && status.st_uid == ::geteuid() && (status.st_mode & 077) == 0)
    return {};
  return invalid(fmt::format("{} is not a folder of ours alone (mode 0700); remove it", folder));
}

}  // namespace

Result<std::string> choose_socket_path(const std::string& dir, const std::string& runtime_dir) {
  const std::string direct = dir + "/mysqld.sock";
  if (direct.size() <= kLongest) return direct;
  const std::string folder = fmt::format("{}/dorsal-{}", runtime_dir, ::geteuid());
  const std::string path = folder + "/" + short_name(dir);
  if (path.size() > kLongest) {
    return invalid(
        fmt::format("{} and {} are both too long for a unix socket (107 bytes); "
                    "use a folder with a shorter path",
                    direct,
                    path));
  }
  DORSAL_TRY_VOID(io::make_directories(folder, 0700));
  DORSAL_TRY_VOID(check_private(folder));
  return path;
}

}  // namespace dorsal::instance
