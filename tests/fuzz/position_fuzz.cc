// What servers tell of GTIDs, as positions: a server that covers a position has all that its text
// says. The told set and the executed one are parted by '|'.
#include "core/routing/position.h"
#include "fuzz_input.h"

namespace dorsal::routing {

using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::Input(data, size).rest();
  const auto bar = text.find('|');
  auto told = mysql::parse_gtid_set(text.substr(0, bar));
  if (!told || bar == std::string_view::npos) return 0;
  auto executed = mysql::parse_gtid_set(text.substr(bar + 1));
  if (!executed) return 0;
  SourceTable sources;
  const auto required = required_position(*told, sources);
  const auto has = executed_position(*executed, sources);
  if (!required) return 0;
  require(required->covers(*required) && required->empty() == told->empty());
  auto needed = mysql::parse_gtid_set(to_gtid_text(*required, sources.names()));
  require(needed && needed->contains(*told));
  if (has.covers(*required)) require(executed->contains(*needed));
  return 0;
}

}  // namespace dorsal::routing
