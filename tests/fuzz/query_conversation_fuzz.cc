// Any bytes in reply to a query: the conversation ends, and its outcome does not depend on where
// the reads were cut.
#include "conversation_driver.h"
#include "core/mysql/command_client.h"

namespace dorsal::mysql {
namespace {

using fuzz::require;

std::string show(const QueryConversation& query) {
  std::string out;
  for (const auto& result : query.results()) {
    for (const auto& column : result.columns) out += encode(column);
    for (const auto& row : result.rows) out += encode_text_row(row) + "\n";
    out += encode_ok(result.ok, 0xdfffffff);
  }
  return query.err() ? out + to_string(*query.err()) : out;
}

std::string outcome(std::string_view bytes, std::uint8_t seed, std::uint32_t capabilities) {
  QueryConversation query("select 1", capabilities, std::size_t{64} << 10);
  auto end = fuzz::drive<QueryConversation>(query, bytes, seed, [](QueryConversation&) {});
  if (!end) return end.error().message;
  return (end->kind == Need::Kind::Done ? "done " : "more ") + show(query);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  auto capabilities = capability::kProtocol41;
  if (input.flag()) capabilities |= capability::kDeprecateEof;
  if (input.flag()) capabilities |= capability::kSessionTrack;
  if (input.flag()) capabilities |= capability::kOptionalResultsetMetadata;
  auto seed = input.u8();
  auto whole = outcome(input.rest(), 0, capabilities);
  require(outcome(input.rest(), seed, capabilities) == whole);
  return 0;
}

}  // namespace dorsal::mysql
