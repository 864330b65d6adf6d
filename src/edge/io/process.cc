#include "edge/io/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "edge/io/descriptor.h"
#include "edge/io/files.h"
#include "edge/io/refusals.h"
#include "edge/io/spawn.h"

namespace dorsal::io {
namespace {

constexpr std::size_t kMostOutput = std::size_t{1} << 20;

int pidfd_open(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

int pidfd_send_signal(int descriptor, int signal) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, descriptor, signal, nullptr, 0));
}

// Empty while it runs.
std::optional<ExitStatus> try_reap(pid_t pid, int flags) {
  siginfo_t info{};
  int outcome = 0;
  do {
    outcome = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | flags);
  } while (outcome != 0 && errno == EINTR);
  if (outcome != 0 || info.si_pid != pid) return std::nullopt;
  if (info.si_code == CLD_EXITED) return ExitStatus{info.si_status, 0};
  return ExitStatus{0, info.si_status};
}

Result<int> open_for_append(const std::string& path) {
  int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (file < 0) return unavailable("cannot write " + path + ": " + system_error_text(errno));
  return file;
}

}  // namespace

std::string to_string(const ExitStatus& status) {
  if (status.signal == 0) return "exited with status " + std::to_string(status.code);
  const char* name = ::sigdescr_np(status.signal);
  return "was killed by signal " + std::to_string(status.signal) +
         (name == nullptr ? "" : std::string(" (") + name + ")");
}

struct ChildProcess::State {
  explicit State(Loop& loop) : descriptor(loop) {}
  ~State() { (void)poll(); }

  std::optional<ExitStatus> poll() {
    if (!status) status = try_reap(pid, WNOHANG);
    return status;
  }

  Task<Result<ExitStatus>> wait(Deadline deadline) {
    while (!poll()) {
      auto ended = co_await descriptor.wait(Direction::Read, deadline);
      if (ended) continue;
      if (ended.error().kind == ErrorKind::Timeout) {
        co_return timeout("process " + std::to_string(pid) + " still runs");
      }
      co_return ended.error();
    }
    co_return *status;
  }

  pid_t pid = -1;
  Descriptor descriptor;  // the pidfd: readable once the process has ended
  std::optional<ExitStatus> status;
};

Result<ChildProcess> ChildProcess::spawn(Loop& loop, SpawnOptions options) {
  SpawnPlan plan;
  if (options.keeps_output) plan.output = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  if (!options.output_file.empty()) {
    DORSAL_TRY(plan.output, open_for_append(options.output_file));
  }
  plan.program = std::move(options.program);
  plan.arguments = std::move(options.arguments);
  plan.environment = std::move(options.environment);
  plan.working_directory = std::move(options.working_directory);
  plan.own_pid_variable = std::move(options.own_pid_variable);
  plan.die_with_parent = options.die_with_parent;
  plan.new_process_group = options.new_process_group;
  auto pid = io::spawn(plan);
  if (plan.output >= 0) ::close(plan.output);
  if (!pid) return pid.error();
  return adopt(loop, *pid);
}

Result<ChildProcess> ChildProcess::adopt(Loop& loop, pid_t pid) {
  auto state = std::make_unique<State>(loop);
  state->pid = pid;
  int descriptor = pidfd_open(pid);
  auto opened = descriptor < 0 ? Result<void>(unavailable(system_error_text(errno)))
                               : state->descriptor.open(descriptor);
  if (!opened) {
    ::kill(pid, SIGKILL);
    state->status = try_reap(pid, 0);
    return opened.error().in("cannot watch a child process");
  }
  return ChildProcess(std::move(state));
}

ChildProcess::ChildProcess(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChildProcess::~ChildProcess() = default;
ChildProcess::ChildProcess(ChildProcess&& other) noexcept = default;
ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept = default;

pid_t ChildProcess::pid() const { return state_->pid; }
Task<Result<ExitStatus>> ChildProcess::wait(Deadline deadline) { return state_->wait(deadline); }
std::optional<ExitStatus> ChildProcess::poll() { return state_->poll(); }

Result<void> ChildProcess::kill(int signal) {
  if (state_->status) return not_found("process " + std::to_string(pid()) + " has ended");
  if (pidfd_send_signal(state_->descriptor.native_handle(), signal) == 0) return {};
  auto message = "cannot signal process " + std::to_string(pid()) + ": " + system_error_text(errno);
  return errno == ESRCH ? not_found(std::move(message)) : invalid(std::move(message));
}

ExitStatus ChildProcess::kill_and_reap() {
  if (!state_->poll()) {
    // Its children too, where it leads a group.
    ::kill(-pid(), SIGKILL);
    (void)kill(SIGKILL);
    state_->status = try_reap(pid(), 0);
  }
  return state_->status.value_or(ExitStatus{});
}

namespace {

// Reads the pipe to its end; what is beyond the limit is dropped, so that the writer never blocks.
Task<Result<void>> read_output(Descriptor& pipe, Output& output, Deadline deadline) {
  std::array<char, 4096> bytes;
  while (true) {
    auto count = ::read(pipe.native_handle(), bytes.data(), bytes.size());
    if (count == 0) co_return Result<void>();
    if (count > 0) {
      auto read = static_cast<std::size_t>(count);
      auto kept = std::min(read, kMostOutput - output.text.size());
      output.text.append(bytes.data(), kept);
      output.is_cut = output.is_cut || kept < read;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return unavailable("cannot read: " + system_error_text(errno));
    DORSAL_CO_TRY_VOID(co_await pipe.wait(Direction::Read, deadline));
  }
}

}  // namespace

Task<Result<Output>> run_to_end(Loop& loop,
                                std::string program,
                                std::vector<std::string> arguments,
                                Deadline deadline) {
  if (co_await cancelled()) co_return loop.refusals().refuse();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) co_return unavailable(system_error_text(errno)).in(program);
  SpawnPlan plan;
  plan.program = program;
  plan.arguments = std::move(arguments);
  plan.output = ends[1];
  plan.new_process_group = true;
  auto pid = io::spawn(plan);
  ::close(ends[1]);
  Descriptor pipe(loop);
  DORSAL_CO_TRY_VOID(pipe.open(ends[0]));
  if (!pid) co_return pid.error();
  auto child = ChildProcess::adopt(loop, *pid);
  if (!child) co_return child.error();

  Output output;
  auto outcome = co_await read_output(pipe, output, deadline);
  if (outcome) {
    auto status = co_await child->wait(deadline);
    if (status) {
      output.status = *status;
      co_return output;
    }
    outcome = status.error();
  }
  child->kill_and_reap();
  co_return outcome.error().in(program);
}

Result<pid_t> spawn_daemon(const std::string& program,
                           const std::vector<std::string>& arguments,
                           const std::string& log_file) {
  SpawnPlan plan;
  plan.program = program;
  plan.arguments = arguments;
  plan.is_daemon = true;
  DORSAL_TRY(plan.output, open_for_append(log_file));
  auto pid = io::spawn(plan);
  ::close(plan.output);
  return pid;
}

// The letter behind the name, which is in parentheses and may have any character: proc(5).
bool is_running(pid_t pid) {
  auto stat = read_file(fmt::format("/proc/{}/stat", pid));
  if (!stat) return false;
  auto state = stat->rfind(") ");
  return state != std::string::npos && state + 2 < stat->size() &&
         std::string_view("ZX").find((*stat)[state + 2]) == std::string_view::npos;
}

}  // namespace dorsal::io
