#include "edge/io/spawn.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "edge/io/files.h"

extern char** environ;

namespace dorsal::io {
namespace {

constexpr int kReportDescriptor = 3;
constexpr std::size_t kPidDigits = 12;

// What the child tells before it executes: a daemon's pid, or the errno value of its failure.
struct Report {
  enum class Kind : int { Pid, Failure } kind;
  int value;
};

Result<std::string> find_program(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  const char* path = ::getenv("PATH");
  std::string_view folders = path == nullptr ? "/usr/bin:/bin" : path;
  while (!program.empty()) {
    auto colon = folders.find(':');
    auto candidate = std::string(folders.substr(0, colon)) + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    if (colon == std::string_view::npos) break;
    folders.remove_prefix(colon + 1);
  }
  return not_found("there is no program \"" + program + "\" in PATH");
}

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

// Everything that exec needs, made before fork.
class Image {
 public:
  Image(std::string program, const SpawnPlan& plan) : program_(std::move(program)) {
    strings_.push_back(plan.program);
    for (const auto& argument : plan.arguments) strings_.push_back(argument);
    auto arguments = strings_.size();
    add_environment(plan);
    for (std::size_t i = 0; i < strings_.size(); ++i) {
      if (i == arguments) pointers_.push_back(nullptr);
      pointers_.push_back(strings_[i].data());
    }
    if (strings_.size() == arguments) pointers_.push_back(nullptr);
    pointers_.push_back(nullptr);
    environment_ = arguments + 1;
    if (!plan.own_pid_variable.empty()) {
      own_pid_ = pointers_[pointers_.size() - 2] + plan.own_pid_variable.size() + 1;
    }
  }

  // In the child: fills the variable that holds its own pid.
  void write_own_pid() {
    if (own_pid_ == nullptr) return;
    std::array<char, kPidDigits> digits;
    std::size_t count = 0;
    for (auto pid = ::getpid(); pid > 0; pid /= 10)
      digits[count++] = static_cast<char>('0' + pid % 10);
    for (std::size_t i = 0; i < count; ++i) own_pid_[i] = digits[count - 1 - i];
    own_pid_[count] = '\0';
  }

  void execute() { ::execve(program_.c_str(), pointers_.data(), pointers_.data() + environment_); }

 private:
  void add_environment(const SpawnPlan& plan) {
    for (char** each = environ; *each != nullptr; ++each) {
      bool is_replaced = name_of(*each) == plan.own_pid_variable;
      for (const auto& variable : plan.environment) {
        is_replaced = is_replaced || name_of(variable) == name_of(*each);
      }
      if (!is_replaced) strings_.emplace_back(*each);
    }
    strings_.insert(strings_.end(), plan.environment.begin(), plan.environment.end());
    if (!plan.own_pid_variable.empty()) {
      strings_.push_back(plan.own_pid_variable + "=" + std::string(kPidDigits, '\0'));
    }
  }

  std::string program_;
  std::vector<std::string> strings_;
  std::vector<char*> pointers_;  // the arguments, null, the environment, null
  std::size_t environment_ = 0;
  char* own_pid_ = nullptr;
};

void tell(int descriptor, Report::Kind kind, int value) {
  Report report{kind, value};
  (void)!::write(descriptor, &report, sizeof report);
}

[[noreturn]] void fail(int descriptor) {
  tell(descriptor, Report::Kind::Failure, errno);
  ::_exit(127);
}

void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

// Standard streams, then the report's pipe, then nothing.
int arrange_descriptors(int null, int output, int report) {
  if (output < 0) output = null;
  // None of the sources may be overwritten before it is used.
  null = ::fcntl(null, F_DUPFD, 10);
  output = ::fcntl(output, F_DUPFD, 10);
  report = ::fcntl(report, F_DUPFD, 10);
  ::dup2(null, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::dup3(report, kReportDescriptor, O_CLOEXEC);
  if (::close_range(kReportDescriptor + 1, ~0U, 0) != 0) {
    for (int other = kReportDescriptor + 1; other < 65536; ++other) ::close(other);
  }
  return kReportDescriptor;
}

[[noreturn]] void run_child(const SpawnPlan& plan,
                            Image& image,
                            pid_t parent,
                            int null,
                            int report) {
  report = arrange_descriptors(null, plan.output, report);
  if (plan.is_daemon) {
    if (::setsid() < 0) fail(report);
    pid_t daemon = ::fork();
    if (daemon < 0) fail(report);
    if (daemon > 0) ::_exit(0);
    tell(report, Report::Kind::Pid, ::getpid());
  } else if (plan.new_process_group) {
    ::setpgid(0, 0);
  }
  if (plan.die_with_parent) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail(report);
    // It may have gone before the kernel knew that we care.
    if (::getppid() != parent) ::_exit(127);
  }
  if (!plan.working_directory.empty() && ::chdir(plan.working_directory.c_str()) != 0) fail(report);
  reset_signals();
  image.write_own_pid();
  image.execute();
  fail(report);
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Error exec_failure(const SpawnPlan& plan, int error) {
  auto message = "cannot run " + plan.program + ": " + system_error_text(error);
  if (error == ENOENT || error == ENOTDIR) return not_found(std::move(message));
  if (error == EAGAIN || error == ENOMEM) return unavailable(std::move(message));
  return invalid(std::move(message));
}

// Reads until the pipe closes, which is when the program runs.
Result<pid_t> await_reports(int pipe, const SpawnPlan& plan, pid_t child) {
  pid_t pid = child;
  int error = 0;
  Report report{};
  while (true) {
    auto count = ::read(pipe, &report, sizeof report);
    if (count < 0 && errno == EINTR) continue;
    if (count != static_cast<ssize_t>(sizeof report)) break;
    (report.kind == Report::Kind::Pid ? pid : error) = report.value;
  }
  if (plan.is_daemon || error != 0) reap(child);
  if (error != 0) return exec_failure(plan, error);
  return pid;
}

}  // namespace

Result<pid_t> spawn(const SpawnPlan& plan) {
  DORSAL_TRY(auto program, find_program(plan.program));
  Image image(std::move(program), plan);
  int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  int pipe[2] = {-1, -1};
  if (null < 0 || ::pipe2(pipe, O_CLOEXEC) != 0) {
    int error = errno;
    if (null >= 0) ::close(null);
    return unavailable("cannot run " + plan.program + ": " + system_error_text(error));
  }
  // No handler of ours may run in the child.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t parent = ::getpid();
  pid_t child = ::fork();
  if (child == 0) run_child(plan, image, parent, null, pipe[1]);
  int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(null);
  ::close(pipe[1]);
  auto pid =
      child < 0 ? Result<pid_t>(exec_failure(plan, error)) : await_reports(pipe[0], plan, child);
  ::close(pipe[0]);
  return pid;
}

}  // namespace dorsal::io
