// The words by which statements are told apart. All other words of SQL are just identifiers here.
#pragma once

#include <cstdint>
#include <string_view>

namespace dorsal::sql {

// Those after None are in the order of the alphabet.
enum class Keyword : std::uint8_t {
  None,
  Alter,
  Analyze,
  As,
  Begin,
  Binlog,
  Cache,
  Call,
  Change,
  Check,
  Checksum,
  Clone,
  Commit,
  Create,
  Deallocate,
  Delete,
  Desc,
  Describe,
  Do,
  Drop,
  Dumpfile,
  Execute,
  Explain,
  Flush,
  For,
  Get,
  Grant,
  Handler,
  Help,
  Import,
  Insert,
  Install,
  Into,
  Kill,
  Load,
  Lock,
  Optimize,
  Outfile,
  Prepare,
  Procedure,
  Purge,
  Recursive,
  Release,
  Rename,
  Repair,
  Replace,
  Reset,
  Resignal,
  Restart,
  Revoke,
  Rollback,
  Savepoint,
  Select,
  Set,
  Share,
  Show,
  Shutdown,
  Signal,
  SqlCalcFoundRows,
  Start,
  Stop,
  Table,
  Truncate,
  Uninstall,
  Unlock,
  Update,
  Use,
  Values,
  With,
  Xa,
};
inline constexpr int kKeywordCount = static_cast<int>(Keyword::Xa) + 1;

// In any case of letters; None for every other word.
Keyword find_keyword(std::string_view word);

}  // namespace dorsal::sql
