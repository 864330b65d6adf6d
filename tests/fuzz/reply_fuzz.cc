// OK, ERR and EOF packets with their session changes: what is understood is written so that it is
// understood the same, and the view of an OK agrees with its owned form.
#include "core/mysql/reply.h"
#include "fuzz_input.h"

namespace dorsal::mysql {
namespace {

using fuzz::require;

void check_changes(std::string_view block) {
  ChangeReader changes(block);
  std::string rebuilt;
  while (auto change = changes.next()) {
    append_change(rebuilt, change->type, change->data);
    (void)decode_variable_change(change->data);
    (void)decode_gtid_change(change->data);
    (void)decode_text_change(change->data);
  }
  auto before = decode_trackers(block);
  auto after = decode_trackers(rebuilt);
  if (before) require(changes.ok() && after && *after == *before);
}

void check_ok(std::string_view payload, std::uint32_t capabilities) {
  auto view = view_ok(payload, capabilities);
  auto ok = decode_ok(payload, capabilities);
  if (view) check_changes(view->changes);
  if (!ok) return;
  require(view.has_value() && view->info == ok->info && view->status == ok->status);
  // Writing sets the status bit that says whether there are changes; after that nothing moves.
  auto written = encode_ok(*ok, capabilities);
  auto again = decode_ok(written, capabilities);
  require(again && again->trackers == ok->trackers && again->info == ok->info);
  require(encode_ok(*again, capabilities) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  std::uint32_t capabilities = 0;
  if (input.flag()) capabilities |= capability::kProtocol41;
  if (input.flag()) capabilities |= capability::kSessionTrack;
  if (input.flag()) capabilities |= capability::kDeprecateEof;
  auto payload = input.rest();
  check_ok(payload, capabilities);
  if (auto err = decode_err(payload, capabilities)) {
    auto again = decode_err(encode(*err, capabilities), capabilities);
    require(again && *again == *err);
  }
  if (auto eof = decode_eof(payload)) require(*decode_eof(encode(*eof)) == *eof);
  if (is_eof(payload)) require(is_result_end(payload, capabilities));
  return 0;
}

}  // namespace dorsal::mysql
