#include "core/sql/set_summary.h"

#include <utility>

namespace dorsal::sql {
namespace {

// What LAST_INSERT_ID() says from then on. Sessions take it along.
bool sets_insert_id(const SetItem& item) {
  return equal_words(item.name, "last_insert_id") || equal_words(item.name, "identity");
}

bool keeps_the_session_movable(const SetItem& item) {
  if (item.name == "names" || item.name == "transaction") return true;
  if (sets_insert_id(item)) return true;
  // Zero is the default, which ODBC drivers set again in every session.
  if (equal_words(item.name, "sql_auto_is_null") && item.value() == "0") return true;
  return carry(item.name) != Carry::Pins;
}

}  // namespace

void SetSummary::add(const SetItem& item) {
  switch (item.scope) {
    case Assignment::Scope::Session:
      return add_session(item);
    case Assignment::Scope::Global:
    case Assignment::Scope::Persist:
    case Assignment::Scope::PersistOnly:
      global_ = true;
      return;
    case Assignment::Scope::NextTransaction:
      next_transaction_ = true;
      return;
    case Assignment::Scope::User:
      user_ = true;
      return;
    case Assignment::Scope::Other:
      other_ = item.name;
      return;
  }
}

void SetSummary::add_session(const SetItem& item) {
  bool has_prefix = !item.prefix.empty();
  if (item.name == "character set") {
    character_set_ = true;
  } else if (!has_prefix && is_dorsal_variable(item.name)) {
    own_ = true;
  } else if (!has_prefix && is_guarded(item.name)) {
    tracker_ = true;
  } else {
    insert_id_ |= !has_prefix && sets_insert_id(item);
    bool plain = !has_prefix && keeps_the_session_movable(item);
    plain_ |= plain;
    unknown_ |= !plain;
  }
}

bool SetSummary::only_next_transaction() const {
  return next_transaction_ && !plain_ && !unknown_ && !character_set_ && !global_ && !user_;
}

// Of several, the one that matters most to whoever asks why.
std::string_view SetSummary::rule() const {
  const std::pair<bool, std::string_view> rules[] = {
      {own_, "set_dorsal"},
      {tracker_, "set_session_track"},
      {unreadable_, "set_unreadable"},
      {unknown_, "unknown_variable"},
      {character_set_, "set_character_set"},
      {other_ == "role", "set_role"},
      {other_ == "resource group", "set_resource_group"},
      {!other_.empty(), "set_account"},
      {global_, "set_global"},
      {user_, "set_user_variable"},
      {next_transaction_, "set_transaction"},
  };
  for (const auto& [holds, rule] : rules) {
    if (holds) return rule;
  }
  return "set";
}

void SetSummary::apply(Statement& statement) const {
  if (user_) statement.pins |= Pin::UserVariable;
  statement.asks_insert_id |= insert_id_;
  if (unknown_ || unreadable_ || character_set_) statement.pins |= Pin::SessionVariable;
  if (other_ == "role") statement.pins |= Pin::Role;
  if (other_ == "password" || other_ == "default role") statement.may_write = true;
  if (only_next_transaction()) statement.kind = Kind::SetTransaction;
  if (own_ || tracker_) {
    statement.kind = Kind::DorsalSet;
    statement.place = Place::Proxy;
  }
  statement.rule = rule();
}

}  // namespace dorsal::sql
