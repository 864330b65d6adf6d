#include "edge/io/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/crypto.h"
#include "edge/io/owned_descriptor.h"

namespace dorsal::io {
namespace {

// "cannot read /etc/x: No such file or directory"
Error failure(const char* verb, const std::string& path, int error_number) {
  auto message =
      std::string("cannot ") + verb + " " + path + ": " + system_error_text(error_number);
  return error_number == ENOENT ? not_found(std::move(message)) : unavailable(std::move(message));
}

int open_file(const std::string& path, int flags, mode_t mode = 0) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

int write_fully(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

std::string parent_of(const std::string& path) {
  auto parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

Result<void> sync_folder(const std::string& path) {
  OwnedDescriptor folder(open_file(path, O_RDONLY | O_DIRECTORY));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return failure("sync", path, errno);
  return {};
}

// A name next to path that nobody else uses.
std::string temporary_name(const std::string& path) {
  std::string name = path + ".tmp-";
  for (unsigned char byte : random_bytes(8)) {
    constexpr char kDigits[] = "0123456789abcdef";
    name += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return name;
}

Result<void> write_and_sync(const std::string& path, std::string_view bytes, mode_t mode) {
  OwnedDescriptor file(open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  if (file.get() < 0) return failure("write", path, errno);
  if (int error = write_fully(file.get(), bytes); error != 0) return failure("write", path, error);
  if (::fchmod(file.get(), mode) != 0 || ::fsync(file.get()) != 0) {
    return failure("write", path, errno);
  }
  return {};
}

// Locks of this kind belong to the open file, as flock()'s do, and can be asked for as well.
struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

pid_t pid_in(int descriptor) {
  char text[32];
  ssize_t count = ::pread(descriptor, text, sizeof text, 0);
  pid_t pid = 0;
  if (count > 0) std::from_chars(text, text + count, pid);
  return pid;
}

}  // namespace

std::string system_error_text(int error_number) {
  return std::generic_category().message(error_number);
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  OwnedDescriptor file(open_file(path, O_RDONLY));
  if (file.get() < 0) return failure("read", path, errno);
  std::string bytes;
  std::size_t size = 0;
  while (true) {
    bytes.resize(size + 4096 + size / 2);
    ssize_t count = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure("read", path, errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
    if (size > limit) {
      return invalid("cannot read " + path + ": larger than " + std::to_string(limit) + " bytes");
    }
  }
  bytes.resize(size);
  return bytes;
}

Result<void> write_file_atomically(const std::string& path, std::string_view bytes, mode_t mode) {
  auto temporary = temporary_name(path);
  auto written = write_and_sync(temporary, bytes, mode);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = failure("replace", path, errno);
  }
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  return sync_folder(parent_of(path));
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return failure("create", path, ENOTDIR);
  }
  auto parent = std::filesystem::path(path).parent_path().string();
  if (!parent.empty() && parent != path) DORSAL_TRY_VOID(make_directories(parent, mode));
  if (::mkdir(path.c_str(), mode) != 0) {
    // "a/" names a folder that the call above has just made.
    bool exists_now = errno == EEXIST && ::stat(path.c_str(), &status) == 0;
    if (exists_now && S_ISDIR(status.st_mode)) return {};
    return failure("create", path, errno);
  }
  // Not subject to the umask.
  ::chmod(path.c_str(), mode);
  return {};
}

Result<void> remove_tree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return failure("remove", path, error.value());
  return {};
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

bool is_empty_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::directory_iterator entries(path, error);
  return !error && entries == std::filesystem::directory_iterator();
}

Result<std::uint64_t> free_disk_bytes(const std::string& path) {
  struct statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0) return failure("examine", path, errno);
  return std::uint64_t{status.f_bavail} * std::uint64_t{status.f_frsize};
}

Result<FileLock> FileLock::try_lock(const std::string& path) {
  OwnedDescriptor file(open_file(path, O_RDWR | O_CREAT, 0644));
  if (file.get() < 0) return failure("open", path, errno);
  auto lock = whole_file(F_WRLCK);
  if (::fcntl(file.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno != EAGAIN && errno != EACCES) return failure("lock", path, errno);
    auto holder = pid_in(file.get());
    return conflict(path + " is held by " +
                    (holder > 0 ? "process " + std::to_string(holder) : "another process"));
  }
  FileLock taken(file.release());
  DORSAL_TRY_VOID(taken.sign().in(path));
  return taken;
}

Result<FileLock> FileLock::take_over(OwnedDescriptor descriptor, const std::string& path) {
  struct stat handed {};
  struct stat there {};
  const bool is_known =
      ::fstat(descriptor.get(), &handed) == 0 && ::stat(path.c_str(), &there) == 0;
  if (!is_known) return failure("examine", path, errno);
  if (handed.st_dev != there.st_dev || handed.st_ino != there.st_ino) {
    return conflict(path + " is not the file whose lock was handed over");
  }
  auto lock = whole_file(F_WRLCK);
  if (::fcntl(descriptor.get(), F_OFD_SETLK, &lock) != 0) return failure("lock", path, errno);
  return FileLock(descriptor.release());
}

// The new pid is there before the old one's end is cut off.
Result<void> FileLock::sign() {
  auto text = std::to_string(::getpid()) + "\n";
  const auto size = ::pwrite(descriptor_, text.data(), text.size(), 0);
  const bool is_written = size == static_cast<ssize_t>(text.size()) &&
                          ::ftruncate(descriptor_, static_cast<off_t>(text.size())) == 0;
  if (!is_written)
    return unavailable("cannot write the lock's holder: " + system_error_text(errno));
  return {};
}

std::optional<pid_t> FileLock::holder_of(const std::string& path) {
  OwnedDescriptor file(open_file(path, O_RDONLY));
  if (file.get() < 0) return std::nullopt;
  auto lock = whole_file(F_WRLCK);
  if (::fcntl(file.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return pid_in(file.get());
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

}  // namespace dorsal::io
