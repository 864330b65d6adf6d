#include "core/mysql/untold_changes.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
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

// About what they take in memory.
std::size_t size_of(const Trackers& trackers) {
  std::size_t size = 0;
  for (const auto& [name, value] : trackers.variables) size += name.size() + value.size();
  for (const auto* text : {&trackers.schema,
                           &trackers.gtids,
                           &trackers.characteristics,
                           &trackers.transaction_state}) {
    if (*text) size += (*text)->size();
  }
  return size;
}

Error too_many() { return corrupt("the server tells of more session changes than it can have"); }

}  // namespace

Result<void> UntoldChanges::keep(std::string_view changes) {
  if (changes.empty()) return {};
  has_any_ = true;
  DORSAL_TRY_VOID(add_of_server(changes));
  if (size_of(kept_) <= kMostBytes) return {};
  kept_.clear();
  return too_many();
}

void UntoldChanges::keep_own(Trackers changes) {
  if (changes.is_empty()) return;
  has_any_ = true;
  DORSAL_CHECK(add(std::move(changes)));
}

Result<void> UntoldChanges::add_of_server(std::string_view changes) {
  DORSAL_TRY(Trackers newer, decode_trackers(changes));
  if (kept_.variables.size() + newer.variables.size() <= kMostVariables) {
    return add(std::move(newer));
  }
  kept_.clear();
  return too_many();
}

Result<void> UntoldChanges::add(Trackers newer) {
  merge(kept_.variables, std::move(newer.variables));
  if (newer.schema) kept_.schema = std::move(newer.schema);
  kept_.state_changed |= newer.state_changed;
  if (newer.gtids) DORSAL_TRY_VOID(merge_gtids(kept_.gtids, *newer.gtids));
  if (newer.characteristics) kept_.characteristics = std::move(newer.characteristics);
  if (newer.transaction_state) kept_.transaction_state = std::move(newer.transaction_state);
  return {};
}

Result<UntoldChanges::Told> UntoldChanges::take(std::string_view changes) {
  if (!has_any_) return told_as(std::string(changes), !changes.empty());
  DORSAL_TRY_VOID(add_of_server(changes));
  return tell_kept();
}

UntoldChanges::Told UntoldChanges::take_own(Trackers changes) {
  const bool has_own = !changes.is_empty();
  if (!has_any_) return told_as(encode_trackers(changes), has_own);
  keep_own(std::move(changes));
  return tell_kept();
}

UntoldChanges::Told UntoldChanges::tell_kept() {
  if (kept_.transaction_state == told_state_) kept_.transaction_state.reset();
  Told told = told_as(encode_trackers(kept_), true);
  kept_.clear();
  has_any_ = false;
  return told;
}

UntoldChanges::Told UntoldChanges::told_as(std::string changes, bool has_flag) {
  const std::string_view state = state_in(changes);
  if (!state.empty()) told_state_ = state;
  return {std::move(changes), has_flag};
}

}  // namespace dorsal::mysql
