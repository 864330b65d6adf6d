// Events of a binary log, as a broken server may dump them: cut into pieces of the length that
// their first byte says.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "core/mysql/commit_search.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace mysql = dorsal::mysql;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const mysql::LostCommit lost{mysql::Uuid(), 7, 3};
  mysql::CommitSearch search({lost});
  while (!rest.empty()) {
    const std::size_t length =
        static_cast<std::uint8_t>(rest.front()) % mysql::CommitReader::kEnough;
    rest.remove_prefix(1);
    search.see(rest.substr(0, length));
    rest.remove_prefix(std::min(length, rest.size()));
  }
  const auto& found = search.findings().at(lost).number;
  DORSAL_CHECK(!found || *found > lost.after);
  return 0;
}
