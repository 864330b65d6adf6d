// The commands with parameters: offsets stay within the payload, and types that are put in are
// found.
#include "core/mysql/protocol.h"
#include "core/mysql/statement.h"
#include "fuzz_input.h"

namespace dorsal::mysql {
namespace {

using fuzz::require;

void check_execute(std::string_view payload, std::size_t parameters, std::uint32_t capabilities) {
  auto view = view_execute(payload, parameters, capabilities);
  if (!view) return;
  require(view->values_offset <= payload.size());
  require(view->types_offset + view->types_length == view->values_offset || view->parameters == 0);
  std::string changed(payload);
  set_statement_id(changed, 0x01020304);
  require(view_execute(changed, parameters, capabilities)->statement_id == 0x01020304);
  require(view->own_types_length <= view->types_length);
  (void)values_are_whole(payload, *view, "\x03\x00", capabilities);
  if (view->parameters == 0 || view->types_follow || view->has_attributes) {
    require(with_types(payload, *view, "xx") == payload);
    return;
  }
  bool named = (capabilities & capability::kQueryAttributes) != 0;
  std::string types;
  for (std::size_t i = 0; i < view->parameters; ++i)
    types.append(named ? "\xfe\0\0" : "\xfe\0", named ? 3 : 2);
  auto completed = with_types(payload, *view, types);
  auto again = view_execute(completed, parameters, capabilities);
  require(again && again->types_follow && types_of(completed, *again) == types);
  require(completed.substr(again->values_offset) == payload.substr(view->values_offset));
  require(values_are_whole(completed, *again, "", capabilities) ==
          values_are_whole(payload, *view, types, capabilities));
}

void check_query(std::string_view payload, std::uint32_t capabilities) {
  auto query = view_query(payload, capabilities);
  if (!query) return;
  require(std::string(query->attributes_block) + std::string(query->sql) == payload);
  auto bare = encode_query(query->sql, capabilities);
  auto again = view_query(std::string_view(bare).substr(1), capabilities);
  require(again && again->sql == query->sql && again->text_attributes.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  std::uint32_t capabilities = capability::kProtocol41;
  if (input.flag()) capabilities |= capability::kQueryAttributes;
  if (input.flag()) capabilities |= capability::kOptionalResultsetMetadata;
  auto parameters = input.u8();
  auto payload = input.rest();
  check_execute(payload, parameters, capabilities);
  check_query(payload, capabilities);
  if (auto ok = decode_prepare_ok(payload, capabilities)) {
    require(*decode_prepare_ok(encode(*ok, capabilities), capabilities) == *ok);
  }
  return 0;
}

}  // namespace dorsal::mysql
