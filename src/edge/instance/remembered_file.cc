#include "edge/instance/remembered_file.h"

#include <fmt/format.h>

#include <charconv>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "edge/instance/text_fields.h"
#include "edge/io/files.h"
#include "edge/io/thread.h"

namespace dorsal::instance {
namespace {

constexpr std::size_t kMostBytes = 64 * 1024;
constexpr auto kLookEvery = std::chrono::milliseconds(1);

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string encode(const cluster::Remembered& remembered) {
  std::string members;
  for (const cluster::NodeName& name : remembered.members) {
    members += (members.empty() ? "" : ",") + name.value();
  }
  return fmt::format("changes={}\nterm={}\nprimary={}\nelection={}\nmembers={}\n",
                     remembered.changes,
                     remembered.term.value(),
                     remembered.primary.value(),
                     remembered.election.value(),
                     members);
}

}  // namespace

struct RememberedFile::State {
  std::mutex mutex;  // guards what follows
  bool is_writing = false;
  Result<void> outcome;
};

RememberedFile::RememberedFile(io::Loop& loop, std::string file)
    : loop_(loop), file_(std::move(file)), state_(std::make_shared<State>()) {}

Result<cluster::Remembered> RememberedFile::read() const {
  cluster::Remembered remembered;
  const auto text = io::read_file(file_, kMostBytes);
  if (!text && text.error().kind == ErrorKind::NotFound) return remembered;
  if (!text) return text.error();
  const TextFields fields = parse_text_fields(*text);
  const auto changes = parse_number(text_field(fields, "changes"));
  const auto term = parse_number(text_field(fields, "term"));
  const auto election = parse_number(text_field(fields, "election"));
  if (!changes || !term || !election)
    return corrupt(file_ + " is damaged; remove it if the store is a good one");
  remembered.changes = *changes;
  remembered.term = cluster::Term(*term);
  remembered.election = cluster::Term(*election);
  remembered.primary = cluster::NodeName(std::string(text_field(fields, "primary")));
  std::string_view members = text_field(fields, "members");
  while (!members.empty()) {
    const std::string_view name = members.substr(0, members.find(','));
    remembered.members.emplace_back(std::string(name));
    members.remove_prefix(std::min(members.size(), name.size() + 1));
  }
  return remembered;
}

// False at the deadline, or when cancelled.
io::Task<bool> RememberedFile::thread_ends(Deadline deadline) {
  const auto is_writing = [state = state_.get()] {
    const std::lock_guard lock(state->mutex);
    return state->is_writing;
  };
  while (is_writing()) {
    if (deadline.has_passed(loop_.now())) co_return false;
    if (!co_await loop_.sleep_until(loop_.after(kLookEvery))) co_return false;
  }
  co_return true;
}

io::Task<Result<void>> RememberedFile::write(cluster::Remembered remembered, Deadline deadline) {
  const Error late = timeout("writing " + file_ + " takes long");
  if (!co_await thread_ends(deadline)) co_return late;
  state_->is_writing = true;  // there is no thread that could look
  std::string text = encode(remembered);
  auto thread = io::start_quiet_thread([state = state_, file = file_, text = std::move(text)] {
    auto outcome = io::write_file_atomically(file, text, 0600);
    const std::lock_guard lock(state->mutex);
    state->outcome = std::move(outcome);
    state->is_writing = false;
  });
  thread.detach();
  if (!co_await thread_ends(deadline)) co_return late;
  const std::lock_guard lock(state_->mutex);
  co_return state_->outcome;
}

}  // namespace dorsal::instance
