#include "core/mysql/untold_changes.h"

#include <algorithm>
#include <utility>

#include "core/mysql/gtid_set.h"

namespace dorsal::mysql {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

// A variable stands where it was first.
void merge(Variables& variables, Variables newer) {
  for (auto& variable : newer) {
    auto found = std::find_if(variables.begin(), variables.end(), [&](const auto& known) {
      return known.first == variable.first;
    });
    if (found != variables.end()) {
      found->second = std::move(variable.second);
    } else {
      variables.push_back(std::move(variable));
    }
  }
}

Result<void> merge_gtids(std::optional<std::string>& gtids, const std::string& newer) {
  DORSAL_TRY(GtidSet all, parse_gtid_set(gtids.value_or("")));
  DORSAL_TRY(const GtidSet added, parse_gtid_set(newer));
  all.unite(added);
  gtids = all.to_string();
  return {};
}

// The transaction's state that is told last; empty when none is.
std::string_view state_in(std::string_view changes) {
  std::string_view state;
  ChangeReader reader(changes);
  while (auto change = reader.next()) {
    if (change->type != change_type::kTransactionState) continue;
    state = decode_text_change(change->data).value_or(state);
  }
  return state;
}

}  // namespace

Result<void> UntoldChanges::keep(std::string_view changes) {
  if (changes.empty()) return {};
  has_any_ = true;
  return add(changes);
}

Result<void> UntoldChanges::add(std::string_view changes) {
  DORSAL_TRY(Trackers newer, decode_trackers(changes));
  merge(kept_.variables, std::move(newer.variables));
  if (newer.schema) kept_.schema = std::move(newer.schema);
  kept_.state_changed |= newer.state_changed;
  if (newer.gtids) DORSAL_TRY_VOID(merge_gtids(kept_.gtids, *newer.gtids));
  if (newer.characteristics) kept_.characteristics = std::move(newer.characteristics);
  if (newer.transaction_state) kept_.transaction_state = std::move(newer.transaction_state);
  return {};
}

Result<UntoldChanges::Told> UntoldChanges::take(std::string_view changes) {
  Told told{std::string(changes), !changes.empty()};
  if (has_any_) {
    DORSAL_TRY_VOID(add(changes));
    if (kept_.transaction_state == told_state_) kept_.transaction_state.reset();
    told = {encode_trackers(kept_), true};
    kept_.clear();
    has_any_ = false;
  }
  const std::string_view state = state_in(told.changes);
  if (!state.empty()) told_state_ = state;
  return told;
}

}  // namespace dorsal::mysql
