#include "edge/instance/folder_changes.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "edge/io/files.h"

namespace dorsal::instance {

Result<void> sync_path(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return unavailable(path + ": " + io::system_error_text(errno));
  const int outcome = ::fsync(descriptor);
  const int reason = errno;
  ::close(descriptor);
  if (outcome != 0) return unavailable(path + ": " + io::system_error_text(reason));
  return {};
}

Result<void> sync_files(const std::string& folder, std::string_view prefix) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    const std::string path = entry.path().string();
    auto synced = sync_path(path);
    // What was removed meanwhile need not be there; the entry itself remembers that it was.
    if (!synced && io::exists(path)) return synced;
  }
  if (error) return unavailable(folder + ": " + error.message());
  return {};
}

// A rename is durable once the folder is.
Result<void> rename_durably(const std::string& from,
                            const std::string& to,
                            const std::string& dir) {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    return unavailable(fmt::format("rename {} to {}: {}", from, to, io::system_error_text(errno)));
  }
  return sync_path(dir);
}

}  // namespace dorsal::instance
