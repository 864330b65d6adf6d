#include "app/file_stamp.h"

#include <fmt/format.h>
#include <sys/stat.h>

namespace dorsal::app {

std::string stamp_of(const std::vector<std::string>& files) {
  std::string stamp;
  for (const auto& file : files) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
      stamp += "-;";
      continue;
    }
    stamp += fmt::format("{}.{}.{}.{}.{};",
                         status.st_dev,
                         status.st_ino,
                         status.st_size,
                         status.st_mtim.tv_sec,
                         status.st_mtim.tv_nsec);
  }
  return stamp;
}

}  // namespace dorsal::app
