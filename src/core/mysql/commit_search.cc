#include "core/mysql/commit_search.h"

#include "base/bytes.h"
#include "core/mysql/protocol.h"

namespace dorsal::mysql {
namespace {

// Log_event_type of the server.
constexpr std::uint8_t kQuery = 2;
constexpr std::uint8_t kGtid = 33;
constexpr std::uint8_t kTransactionPayload = 40;
constexpr std::uint8_t kTaggedGtid = 42;

constexpr std::uint64_t kAfterType = 4 + 4 + 4 + 2;

}  // namespace

CommitSearch::CommitSearch(const std::vector<LostCommit>& wanted) {
  for (const LostCommit& lost : wanted) findings_.emplace(lost, Finding());
}

void CommitSearch::see(std::string_view event) {
  Reader reader(event);
  reader.skip(4);
  const std::uint8_t type = reader.u8();
  reader.skip(kAfterType);
  if (type == kGtid) {
    reader.skip(1);
    Uuid uuid;
    for (std::uint8_t& byte : uuid.bytes) byte = reader.u8();
    source_ = uuid;
    number_ = reader.u64();
  } else if (type == kTaggedGtid) {
    source_.reset();
    note_unsure(std::nullopt, kLastGno);
  } else if (type == kTransactionPayload && source_) {
    note_unsure(source_, number_);
    source_.reset();
  } else if (type == kQuery && source_) {
    const std::uint32_t connection = reader.u32();
    for (auto& [lost, finding] : findings_) {
      const bool is_its_own = lost.source == *source_ && lost.connection == connection;
      if (is_its_own && number_ > lost.after && !finding.number) finding.number = number_;
    }
    source_.reset();
  }
  if (!reader.ok()) note_unsure(std::nullopt, kLastGno);
}

void CommitSearch::note_unsure(const std::optional<Uuid>& source, std::uint64_t number) {
  for (auto& [lost, finding] : findings_) {
    const bool may_be_it = (!source || lost.source == *source) && number > lost.after;
    finding.is_unsure |= may_be_it;
  }
}

GtidSet without_unknown(GtidSet executed, const std::vector<LostCommit>& wanted) {
  GtidSet unknown;
  for (const LostCommit& lost : wanted) unknown.add(lost.source, "", lost.after + 1, kLastGno);
  executed.subtract(unknown);
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
