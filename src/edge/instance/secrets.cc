#include "edge/instance/secrets.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "edge/io/files.h"

namespace dorsal::instance {

namespace {

bool is_printable(char c) { return c > ' ' && c <= '~'; }

Result<void> check_mode(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};  // read_file() says why
  if ((status.st_mode & 077) == 0) return {};
  return invalid(fmt::format("{} may be read by others; run: chmod 600 {}", path, path));
}

}  // namespace

Result<std::string> load_secret(const std::string& secrets_dir,
                                const std::string& file,
                                std::size_t longest) {
  const std::string path = secrets_dir + "/" + file;
  DORSAL_TRY_VOID(check_mode(path));
  DORSAL_TRY(std::string text, io::read_file(path, 4096));
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.empty()) return invalid(path + " is empty; it must hold one password");
  if (text.size() > longest || !std::all_of(text.begin(), text.end(), is_printable)) {
    return invalid(
        fmt::format("{} must hold one line of at most {} printable characters without spaces",
                    path,
                    longest));
  }
  return text;
}

Result<Secrets> load_secrets(const std::string& secrets_dir) {
  Secrets secrets;
  DORSAL_TRY(secrets.agent, load_secret(secrets_dir, kAgentSecret));
  DORSAL_TRY(secrets.replication, load_secret(secrets_dir, kReplicationSecret));
  DORSAL_TRY(secrets.clone, load_secret(secrets_dir, kCloneSecret));
  DORSAL_TRY(secrets.monitor, load_secret(secrets_dir, kMonitorSecret));
  DORSAL_TRY(secrets.app, load_secret(secrets_dir, kAppSecret));
  DORSAL_TRY(secrets.root, load_secret(secrets_dir, kRootSecret));
  return secrets;
}

}  // namespace dorsal::instance
