#include "edge/coord/records.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace dorsal::coord {
namespace {

using Json = nlohmann::ordered_json;

// Words from servers may be no UTF-8, which JSON must be.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Reads the fields of one object and remembers the first that is wrong.
class Fields {
 public:
  explicit Fields(const std::string& text) : json_(Json::parse(text, nullptr, false)) {
    if (!json_.is_object()) wrong_ = "it is no JSON object";
  }

  // Keeps the value as it is when the field is not there: it was written by an older version.
  void text(const char* name, std::string& out) {
    if (const auto* field = find(name, &Json::is_string)) out = field->get<std::string>();
  }
  void flag(const char* name, bool& out) {
    if (const auto* field = find(name, &Json::is_boolean)) out = field->get<bool>();
  }
  template <class T>
  void number(const char* name, T& out) {
    if (const auto* field = find(name, &Json::is_number_integer)) out = field->get<T>();
  }
  template <class T>
  void number(const char* name, std::optional<T>& out) {
    if (json_.is_object() && json_.contains(name) && json_[name].is_null()) return;
    if (const auto* field = find(name, &Json::is_number_integer)) out = field->get<T>();
  }

  // For names of enumerations: `parse` judges the text.
  template <class T>
  void name(const char* field_name, T& out, Result<T> (*parse)(std::string_view)) {
    std::string read;
    text(field_name, read);
    if (read.empty()) return;
    auto parsed = parse(read);
    if (parsed) {
      out = *parsed;
    } else if (wrong_.empty()) {
      wrong_ = parsed.error().message;
    }
  }

  Result<void> outcome() const {
    if (wrong_.empty()) return {};
    return corrupt(wrong_);
  }

 private:
  const Json* find(const char* name, bool (Json::*is_right)() const noexcept) {
    if (!json_.is_object()) return nullptr;
    auto found = json_.find(name);
    if (found == json_.end()) return nullptr;
    if (((*found).*is_right)()) return &*found;
    if (wrong_.empty()) wrong_ = fmt::format("field '{}' is of the wrong type", name);
    return nullptr;
  }

  Json json_;
  std::string wrong_;
};

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

std::string encode(const cluster::Charter& charter) {
  return dump(Json{{"name", charter.name},
                   {"uuid", charter.uuid},
                   {"mode", cluster::to_string(charter.mode)},
                   {"acks", charter.acks}});
}

std::string encode(const cluster::Member& member) {
  return dump(Json{{"name", member.name.value()},
                   {"server_id", member.server_id.value()},
                   {"address", member.address},
                   {"joined", member.joined},
                   {"voter", member.voter}});
}

std::string encode(const cluster::Leadership& leadership) {
  return dump(Json{{"term", leadership.term.value()},
                   {"primary", leadership.primary.value()},
                   {"renewals", leadership.renewals},
                   {"renewed_ms", leadership.renewed_ms}});
}

std::string encode(const cluster::NodeState& state) {
  return dump(Json{{"role", cluster::to_string(state.role)},
                   {"pid", or_null(state.pid)},
                   {"server_uuid", state.server_uuid},
                   {"server_version", state.server_version},
                   {"gtid_executed", state.gtid_executed},
                   {"zone", state.zone},
                   {"read_weight", state.read_weight},
                   {"lag_ms", or_null(state.lag_ms)},
                   {"semi_sync", state.semi_sync},
                   {"healthy", state.healthy},
                   {"activity", state.activity},
                   {"published_ms", state.published_ms}});
}

Result<cluster::Charter> decode_charter(const std::string& json) {
  Fields fields(json);
  cluster::Charter charter;
  fields.text("name", charter.name);
  fields.text("uuid", charter.uuid);
  fields.name("mode", charter.mode, cluster::parse_mode);
  fields.number("acks", charter.acks);
  DORSAL_TRY_VOID(fields.outcome());
  return charter;
}

Result<cluster::Member> decode_member(const std::string& json) {
  Fields fields(json);
  cluster::Member member;
  std::string name;
  std::uint32_t server_id = 0;
  fields.text("name", name);
  fields.number("server_id", server_id);
  fields.text("address", member.address);
  fields.flag("joined", member.joined);
  fields.flag("voter", member.voter);
  DORSAL_TRY_VOID(fields.outcome());
  if (name.empty() || server_id == 0) return corrupt("name or server_id is missing");
  member.name = cluster::NodeName(std::move(name));
  member.server_id = cluster::ServerId(server_id);
  return member;
}

Result<cluster::Leadership> decode_leadership(const std::string& json) {
  Fields fields(json);
  cluster::Leadership leadership;
  std::uint64_t term = 0;
  std::string primary;
  fields.number("term", term);
  fields.text("primary", primary);
  fields.number("renewals", leadership.renewals);
  fields.number("renewed_ms", leadership.renewed_ms);
  DORSAL_TRY_VOID(fields.outcome());
  leadership.term = cluster::Term(term);
  leadership.primary = cluster::NodeName(std::move(primary));
  return leadership;
}

Result<cluster::NodeState> decode_state(const std::string& json) {
  Fields fields(json);
  cluster::NodeState state;
  fields.name("role", state.role, cluster::parse_role);
  fields.number("pid", state.pid);
  fields.text("server_uuid", state.server_uuid);
  fields.text("server_version", state.server_version);
  fields.text("gtid_executed", state.gtid_executed);
  fields.text("zone", state.zone);
  fields.number("read_weight", state.read_weight);
  fields.number("lag_ms", state.lag_ms);
  fields.flag("semi_sync", state.semi_sync);
  fields.flag("healthy", state.healthy);
  fields.text("activity", state.activity);
  fields.number("published_ms", state.published_ms);
  DORSAL_TRY_VOID(fields.outcome());
  return state;
}

}  // namespace dorsal::coord
