#include "core/mysql/commit_search.h"

#include "base/bytes.h"
#include "core/mysql/protocol.h"

namespace dorsal::mysql {
namespace {

// Log_event_type of the server.
constexpr std::uint8_t kQuery = 2;
constexpr std::uint8_t kFormat = 15;
constexpr std::uint8_t kGtid = 33;
constexpr std::uint8_t kTransactionPayload = 40;
constexpr std::uint8_t kTaggedGtid = 42;

constexpr std::uint64_t kAfterServer = 4 + 4 + 2;

bool is_of(const Commit& commit, const LostCommit& lost) {
  return commit.source == lost.source && commit.connection == lost.connection &&
         commit.number > lost.after;
}

}  // namespace

std::optional<Commit> CommitReader::see(std::string_view event) {
  unsure_.reset();
  Reader reader(event);
  reader.skip(4);
  const std::uint8_t type = reader.u8();
  const std::uint32_t server = reader.u32();
  reader.skip(kAfterServer);
  std::optional<Commit> commit;
  if (type == kFormat) {
    writer_ = server;
  } else if (type == kGtid) {
    reader.skip(1);
    Uuid uuid;
    for (std::uint8_t& byte : uuid.bytes) byte = reader.u8();
    number_ = reader.u64();
    const bool is_first_hand = !writer_ || *writer_ == server;
    source_ = is_first_hand ? std::optional(uuid) : std::nullopt;
    if (!is_first_hand) unsure_ = UnsureCommit{uuid, number_};
  } else if (type == kTaggedGtid) {
    source_.reset();
    unsure_.emplace();
  } else if (type == kTransactionPayload && source_) {
    unsure_ = UnsureCommit{*source_, number_};
    source_.reset();
  } else if (type == kQuery && source_) {
    commit = Commit{*source_, number_, reader.u32()};
    source_.reset();
  }
  if (reader.ok()) return commit;
  unsure_.emplace();
  return std::nullopt;
}

CommitSearch::CommitSearch(const std::vector<LostCommit>& wanted) {
  for (const LostCommit& lost : wanted) findings_.emplace(lost, Finding());
}

void CommitSearch::see(std::string_view event) {
  const auto commit = reader_.see(event);
  const auto& unsure = reader_.unsure();
  if (!commit && !unsure) return;
  for (auto& [lost, finding] : findings_) {
    if (commit && is_of(*commit, lost) && !finding.number) finding.number = commit->number;
    const bool may_be_it = unsure && (!unsure->source || *unsure->source == lost.source) &&
                           unsure->number > lost.after;
    finding.is_unsure |= may_be_it;
  }
}

GtidSet behind(const LostCommit& lost) {
  GtidSet set;
  set.add(lost.source, "", lost.after + 1, kLastGno);
  return set;
}

CommitSearch::Finding find_commit(const LostCommit& lost,
                                  const std::vector<Commit>& commits,
                                  const GtidSet& executed) {
  CommitSearch::Finding finding;
  GtidSet open = behind(lost);
  open.intersect(executed);
  GtidSet listed;
  for (const Commit& commit : commits) {
    if (commit.source != lost.source || !executed.contains(commit.source, "", commit.number)) {
      continue;
    }
    listed.add(commit.source, "", commit.number, commit.number);
    const bool is_first = !finding.number || *finding.number > commit.number;
    if (is_of(commit, lost) && is_first) finding.number = commit.number;
  }
  finding.is_unsure = !listed.contains(open);
  return finding;
}

GtidSet without_unknown(GtidSet executed, const std::vector<LostCommit>& wanted) {
  for (const LostCommit& lost : wanted) executed.subtract(behind(lost));
  return executed;
}

std::optional<std::string> dump_beyond(const GtidSet& known) {
  constexpr std::uint16_t kNonBlocking = 1;
  constexpr std::uint64_t kFirstPosition = 4;
  std::string set;
  Writer members(set);
  members.u64(known.members().size());
  for (const GtidMember& member : known.members()) {
    if (!member.source.tag.empty()) return std::nullopt;
    for (const std::uint8_t byte : member.source.uuid.bytes) members.u8(byte);
    members.u64(member.intervals.size());
    for (const GtidInterval& interval : member.intervals) {
      members.u64(interval.first);
      members.u64(interval.last + 1);
    }
  }
  std::string command;
  Writer writer(command);
  writer.u8(static_cast<std::uint8_t>(Command::BinlogDumpGtid));
  writer.u16(kNonBlocking);
  writer.u32(0);  // server id: of nobody
  writer.u32(0);  // length of a file's name
  writer.u64(kFirstPosition);
  writer.u32(static_cast<std::uint32_t>(set.size()));
  writer.put(set);
  return command;
}

}  // namespace dorsal::mysql
