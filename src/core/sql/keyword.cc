#include "core/sql/keyword.h"

#include "core/sql/name_table.h"

namespace dorsal::sql {
namespace {

using Row = NameRow<Keyword>;

constexpr NameTable kKeywords(std::to_array<Row>({
    Row{"alter", Keyword::Alter},
    Row{"analyze", Keyword::Analyze},
    Row{"as", Keyword::As},
    Row{"begin", Keyword::Begin},
    Row{"binlog", Keyword::Binlog},
    Row{"cache", Keyword::Cache},
    Row{"call", Keyword::Call},
    Row{"change", Keyword::Change},
    Row{"check", Keyword::Check},
    Row{"checksum", Keyword::Checksum},
    Row{"clone", Keyword::Clone},
    Row{"commit", Keyword::Commit},
    Row{"create", Keyword::Create},
    Row{"deallocate", Keyword::Deallocate},
    Row{"delete", Keyword::Delete},
    Row{"desc", Keyword::Desc},
    Row{"describe", Keyword::Describe},
    Row{"do", Keyword::Do},
    Row{"drop", Keyword::Drop},
    Row{"dumpfile", Keyword::Dumpfile},
    Row{"execute", Keyword::Execute},
    Row{"explain", Keyword::Explain},
    Row{"flush", Keyword::Flush},
    Row{"for", Keyword::For},
    Row{"get", Keyword::Get},
    Row{"grant", Keyword::Grant},
    Row{"handler", Keyword::Handler},
    Row{"help", Keyword::Help},
    Row{"import", Keyword::Import},
    Row{"insert", Keyword::Insert},
    Row{"install", Keyword::Install},
    Row{"into", Keyword::Into},
    Row{"kill", Keyword::Kill},
    Row{"load", Keyword::Load},
    Row{"lock", Keyword::Lock},
    Row{"optimize", Keyword::Optimize},
    Row{"outfile", Keyword::Outfile},
    Row{"prepare", Keyword::Prepare},
    Row{"procedure", Keyword::Procedure},
    Row{"purge", Keyword::Purge},
    Row{"recursive", Keyword::Recursive},
    Row{"release", Keyword::Release},
    Row{"rename", Keyword::Rename},
    Row{"repair", Keyword::Repair},
    Row{"replace", Keyword::Replace},
    Row{"reset", Keyword::Reset},
    Row{"resignal", Keyword::Resignal},
    Row{"restart", Keyword::Restart},
    Row{"revoke", Keyword::Revoke},
    Row{"rollback", Keyword::Rollback},
    Row{"savepoint", Keyword::Savepoint},
    Row{"select", Keyword::Select},
    Row{"set", Keyword::Set},
    Row{"share", Keyword::Share},
    Row{"show", Keyword::Show},
    Row{"shutdown", Keyword::Shutdown},
    Row{"signal", Keyword::Signal},
    Row{"sql_calc_found_rows", Keyword::SqlCalcFoundRows},
    Row{"start", Keyword::Start},
    Row{"stop", Keyword::Stop},
    Row{"table", Keyword::Table},
    Row{"truncate", Keyword::Truncate},
    Row{"uninstall", Keyword::Uninstall},
    Row{"unlock", Keyword::Unlock},
    Row{"update", Keyword::Update},
    Row{"use", Keyword::Use},
    Row{"values", Keyword::Values},
    Row{"with", Keyword::With},
    Row{"xa", Keyword::Xa},
}));

}  // namespace

Keyword find_keyword(std::string_view word) {
  const Keyword* keyword = kKeywords.find(word);
  return keyword == nullptr ? Keyword::None : *keyword;
}

}  // namespace dorsal::sql
