#include "app/role.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <utility>

#include "edge/io/process.h"

namespace dorsal::app {
namespace {

// A line longer than this is cut.
constexpr std::streamoff kLogTail_bytes = 8192;

}  // namespace

Result<std::string> own_program() {
  std::error_code failed;
  auto called = std::filesystem::path(::program_invocation_name);
  if (called.has_parent_path() && std::filesystem::exists(called, failed)) {
    return std::filesystem::absolute(called).lexically_normal().string();
  }
  auto path = std::filesystem::read_symlink("/proc/self/exe", failed).string();
  if (failed) return unavailable(fmt::format("/proc/self/exe: {}", failed.message()));
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  return path;
}

std::string lock_file(const std::string& run_folder, const std::string& role) {
  return run_folder + "/" + role + ".lock";
}

Result<io::FileLock> hold_role(const std::string& run_folder, const std::string& role) {
  DORSAL_TRY_VOID(io::make_directories(run_folder, 0700));
  auto path = lock_file(run_folder, role);
  auto lock = io::FileLock::try_lock(path);
  if (lock || lock.error().kind != ErrorKind::Conflict) return lock;
  return conflict(fmt::format("{} runs already: {}", role, lock.error().message));
}

std::optional<pid_t> running_pid(const Role& role) { return io::FileLock::holder_of(role.lock); }

Result<pid_t> start_role(const Role& role) {
  std::string program = role.program;
  if (program.empty()) {
    DORSAL_TRY(program, own_program());
  }
  std::vector<std::string> arguments = {role.command, "--config", role.config};
  arguments.insert(arguments.end(), role.arguments.begin(), role.arguments.end());
  return io::spawn_daemon(program, arguments, role.log);
}

std::optional<ProcessHandle> ProcessHandle::open(pid_t pid) {
  int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0) return std::nullopt;
  return ProcessHandle(pid, descriptor);
}

ProcessHandle::~ProcessHandle() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

ProcessHandle::ProcessHandle(ProcessHandle&& other) noexcept
    : pid_(other.pid_), descriptor_(std::exchange(other.descriptor_, -1)) {}

ProcessHandle& ProcessHandle::operator=(ProcessHandle&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

void ProcessHandle::send(int signal) const {
  ::syscall(SYS_pidfd_send_signal, descriptor_, signal, nullptr, 0);
}

bool ProcessHandle::has_ended() const { return wait(std::chrono::milliseconds(0)); }

bool ProcessHandle::wait(std::chrono::milliseconds limit) const {
  auto end = std::chrono::steady_clock::now() + limit;
  pollfd waited{descriptor_, POLLIN, 0};
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    int ready = ::poll(&waited, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) return true;
    if (left.count() <= 0) return false;
  }
}

std::optional<ProcessHandle> running_process(const Role& role) {
  // The lock is there a moment before its holder's pid is.
  for (int tries = 0; tries < 100; ++tries) {
    auto pid = running_pid(role);
    if (!pid) return std::nullopt;
    if (*pid > 0) {
      auto process = ProcessHandle::open(*pid);
      if (process && running_pid(role) == pid) return process;
    }
    ::usleep(10'000);
  }
  return std::nullopt;
}

std::string last_log_line(const std::string& log) {
  std::ifstream in(log, std::ios::ate);
  if (!in) return {};
  in.seekg(std::max<std::streamoff>(0, in.tellg() - kLogTail_bytes));
  std::string last;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

}  // namespace dorsal::app
