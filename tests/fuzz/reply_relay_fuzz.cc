// Any bytes from a server, cut anywhere, for every kind of reply and of client: the relay ends in a
// reply or in an error, never takes more than it was given, and does not depend on the cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/mysql/protocol.h"
#include "core/mysql/reply_relay.h"

namespace {

using dorsal::mysql::ClientTracking;
using dorsal::mysql::ReplyRelay;
using dorsal::mysql::ReplyShape;
namespace capability = dorsal::mysql::capability;

// Shows in each row what it was told of the columns before.
class Marking : public dorsal::mysql::RowEditor {
 public:
  void begin(std::uint64_t count, std::vector<dorsal::mysql::Column> definitions) override {
    if (definitions.size() > count || definitions.size() > 4096) std::abort();
    mark_ = std::to_string(definitions.size());
  }
  void edit(std::string& row) override { row += mark_; }
  std::vector<std::string> more_rows() override { return {mark_}; }

 private:
  std::string mark_ = "none";
};

struct Run {
  bool failed = false;
  std::string out;
};

Run run(std::string_view bytes,
        std::size_t cut,
        std::uint8_t shape,
        std::uint32_t server,
        std::uint32_t client,
        bool edits) {
  ClientTracking tracking;
  ReplyRelay relay(server, client, tracking);
  relay.begin(static_cast<ReplyShape>(shape % 6), 0, 7, true);
  Marking marking;
  relay.edit_rows(edits ? &marking : nullptr);
  Run result;
  for (auto piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    auto progress = relay.feed(piece, result.out);
    if (!progress) {
      result.failed = true;
      return result;
    }
    if (relay.consumed() > piece.size()) std::abort();
    if (*progress != ReplyRelay::Progress::More) return result;
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  const std::uint32_t client = capability::kProtocol41 |
                               ((data[1] & 1) != 0 ? capability::kDeprecateEof : 0U) |
                               ((data[1] & 2) != 0 ? capability::kSessionTrack : 0U) |
                               ((data[1] & 4) != 0 ? capability::kOptionalResultsetMetadata : 0U);
  const std::uint32_t server = capability::kProtocol41 | capability::kDeprecateEof |
                               capability::kSessionTrack |
                               ((data[1] & 8) != 0 ? capability::kOptionalResultsetMetadata : 0U);
  const bool edits = (data[1] & 16) != 0;
  const std::size_t cut = bytes.empty() ? 0 : data[2] % (bytes.size() + 1);
  auto whole = run(bytes, bytes.size(), data[0], server, client, edits);
  auto pieces = run(bytes, cut, data[0], server, client, edits);
  if (whole.failed != pieces.failed) std::abort();
  if (!whole.failed && whole.out != pieces.out) std::abort();
  return 0;
}
