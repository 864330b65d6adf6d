// Files and folders. All calls block: a loop makes them through a Worker unless they are small and
// the program is just starting. Messages name the path and the system's reason. Kinds: NotFound
// when the path does not exist, else Unavailable, apart from what is said below.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "edge/io/owned_descriptor.h"

namespace dorsal::io {

// Invalid when it is larger than limit bytes.
Result<std::string> read_file(const std::string& path, std::size_t limit = std::size_t{64} << 20);

// After a crash at any moment the file holds its old content or the new one, never a part. Durable
// when it returns: temporary file in the same folder, fsync, rename, fsync of the folder.
Result<void> write_file_atomically(const std::string& path, std::string_view bytes, mode_t mode);

// With its parents; those that exist keep their mode.
Result<void> make_directories(const std::string& path, mode_t mode);

// A file or a folder with all that is in it; symbolic links are removed, not followed. One that
// does not exist is a success.
Result<void> remove_tree(const std::string& path);

bool exists(const std::string& path);
bool is_empty_directory(const std::string& path);  // false when it does not exist

// What an ordinary user may still write to the file system of this path, in bytes.
Result<std::uint64_t> free_disk_bytes(const std::string& path);

// The system's text for an errno value: "No such file or directory".
std::string system_error_text(int error_number);

// An exclusive lock on a file, held until destroyed or until the process ends, however it ends. The
// file stays and holds the pid of its last holder. Children do not inherit the lock.
class FileLock {
 public:
  // Creates the file (0644) if needed. Fails Conflict when somebody holds it: "… is held by
  // process 4242".
  static Result<FileLock> try_lock(const std::string& path);

  // The pid of whoever holds the lock now, without taking it; empty when it is free or the file
  // does not exist. 0: held, but the holder has not yet written its pid.
  static std::optional<pid_t> holder_of(const std::string& path);

  // The lock of another process that has passed us its descriptor(). Both hold it then, until each
  // has ended or let go. Conflict when the path is another file by now. The file goes on to name
  // the other one until sign().
  static Result<FileLock> take_over(OwnedDescriptor descriptor, const std::string& path);

  // This process is the holder, for who asks.
  Result<void> sign();

  int descriptor() const { return descriptor_; }

  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace dorsal::io
