// mysqld's error log, for the sentence that says why it ended.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dorsal::instance {

struct LastWords {
  // The message of the last line of severity ERROR, without its stamp and numbers; empty when there
  // is none. Of several the first that names a cause would be best, but mysqld's last one before
  // "Aborting" is the closest to it that can be told.
  std::string error;

  // What mysqld crashed of, or 0. Its handler writes that down, and then exits with status 2 (MySQL
  // 9.7; earlier ones raise the signal again).
  int signal = 0;
};

LastWords last_words(std::string_view log);

// The same for a file from this offset on; at most its last 64 KiB are read.
LastWords last_words_in_file(const std::string& path, std::int64_t from);

std::int64_t file_size(const std::string& path);  // 0 when it does not exist

}  // namespace dorsal::instance
