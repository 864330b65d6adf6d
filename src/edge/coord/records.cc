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
  explicit Fields(const std::string& text) : Fields(Json::parse(text, nullptr, false)) {}
  explicit Fields(Json json) : json_(std::move(json)) {
    if (!json_.is_object()) wrong_ = "it is no JSON object";
  }

  // Keeps the value as it is when the field is not there: it was written by an older version.
  void text(const char* name, std::string& out) {
    if (const auto* field = find(name, &Json::is_string)) out = field->get<std::string>();
  }
  void text(const char* name, std::optional<std::string>& out) {
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

  void names(const char* name, std::vector<cluster::NodeName>& out) {
    const auto* field = find(name, &Json::is_array);
    if (field == nullptr) return;
    for (const Json& each : *field) {
      if (each.is_string()) {
        out.emplace_back(each.get<std::string>());
      } else if (wrong_.empty()) {
        wrong_ = fmt::format("field '{}' does not hold names", name);
      }
    }
  }

  // Null when there is no such object.
  const Json* object(const char* name) { return find(name, &Json::is_object); }

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

Json to_json(const cluster::Remembered& remembered) {
  Json json{{"changes", remembered.changes},
            {"term", remembered.term.value()},
            {"primary", remembered.primary.value()},
            {"election", remembered.election.value()}};
  json["members"] = Json::array();
  for (const auto& name : remembered.members) json["members"].push_back(name.value());
  return json;
}

Result<cluster::Remembered> decode_remembered(const Json& json) {
  Fields fields(json);
  cluster::Remembered remembered;
  std::uint64_t term = 0;
  std::string primary;
  fields.number("changes", remembered.changes);
  fields.number("term", term);
  fields.text("primary", primary);
  std::uint64_t election = 0;
  fields.number("election", election);
  fields.names("members", remembered.members);
  DORSAL_TRY_VOID(fields.outcome());
  remembered.term = cluster::Term(term);
  remembered.primary = cluster::NodeName(std::move(primary));
  remembered.election = cluster::Term(election);
  return remembered;
}

}  // namespace

std::string encode(const cluster::Charter& charter) {
  return dump(Json{{"format", kRecordFormat},
                   {"name", charter.name},
                   {"uuid", charter.uuid},
                   {"mode", cluster::to_string(charter.mode)},
                   {"acks", charter.acks}});
}

std::string encode(const cluster::Member& member) {
  return dump(Json{{"name", member.name.value()},
                   {"server_id", member.server_id.value()},
                   {"address", member.address},
                   {"joined", member.joined},
                   {"restart_asked_ms", member.restart_asked_ms},
                   {"rebuild_asked_ms", member.rebuild_asked_ms},
                   {"removal_asked_ms", member.removal_asked_ms}});
}

std::string encode(const cluster::Leadership& leadership) {
  Json json{{"term", leadership.term.value()},
            {"primary", leadership.primary.value()},
            {"renewals", leadership.renewals},
            {"renewed_ms", leadership.renewed_ms},
            {"lease_ms", leadership.lease_ms},
            {"handed_over", leadership.handed_over},
            {"unprotected", leadership.unprotected},
            {"acks", leadership.acks},
            {"changes", leadership.changes}};
  if (const auto& election = leadership.election) {
    json["election"] = Json{{"term", election->term.value()},
                            {"begun_by", election->begun_by.value()},
                            {"reason", election->reason},
                            {"begun_ms", election->begun_ms},
                            {"may_lose_writes", election->may_lose_writes},
                            {"after_restore", election->after_restore}};
    if (election->candidate) json["election"]["candidate"] = election->candidate->value();
    if (election->barrier) json["election"]["barrier"] = *election->barrier;
  }
  if (const auto& switchover = leadership.switchover) {
    json["switchover"] = Json{{"to", switchover->to.value()},
                              {"reason", switchover->reason},
                              {"begun_ms", switchover->begun_ms},
                              {"drain_ms", switchover->drain_ms},
                              {"holding", switchover->holding},
                              {"given_up", switchover->given_up}};
  }
  if (leadership.elected_with) json["elected_with"] = *leadership.elected_with;
  json["votes"] = Json::object();
  for (const auto& [node, vote] : leadership.votes) {
    Json& seat = json["votes"][node.value()];
    seat["state"] = cluster::to_string(vote.state);
    if (vote.needed) seat["needed"] = *vote.needed;
  }
  return dump(json);
}

std::string encode(const cluster::Promise& promise) {
  Json json{{"term", promise.term.value()},
            {"received", promise.received},
            {"may_lead", promise.may_lead}};
  if (promise.remembered) json["remembered"] = to_json(*promise.remembered);
  return dump(json);
}

std::string encode(const cluster::NodeState& state) {
  return dump(Json{{"role", cluster::to_string(state.role)},
                   {"pid", or_null(state.pid)},
                   {"server_uuid", state.server_uuid},
                   {"server_version", state.server_version},
                   {"version", state.version},
                   {"gtid_executed", state.gtid_executed},
                   {"gtid_purged", state.gtid_purged},
                   {"agent_address", state.agent_address},
                   {"zone", state.zone},
                   {"read_weight", state.read_weight},
                   {"priority", state.priority},
                   {"restarted_ms", state.restarted_ms},
                   {"rebuilt_ms", state.rebuilt_ms},
                   {"ready_for_ms", state.ready_for_ms},
                   {"lag_ms", or_null(state.lag_ms)},
                   {"remembered", to_json(state.remembered)},
                   {"semi_sync", state.semi_sync},
                   {"useless", state.useless},
                   {"healthy", state.healthy},
                   {"activity", state.activity},
                   {"published_ms", state.published_ms}});
}

std::string encode(const cluster::Pause& pause) {
  return dump(Json{{"reason", pause.reason}, {"begun_ms", pause.begun_ms}});
}

std::string encode(const cluster::Event& event) {
  return dump(Json{{"at_ms", event.at_ms},
                   {"by", event.by},
                   {"rule", event.rule},
                   {"what", event.what},
                   {"term", event.term.value()},
                   {"gtids", event.gtids},
                   {"took_ms", event.took_ms},
                   {"failed", event.failed}});
}

Result<cluster::Event> decode_event(const std::string& json) {
  Fields fields(json);
  cluster::Event event;
  std::uint64_t term = 0;
  fields.number("at_ms", event.at_ms);
  fields.text("by", event.by);
  fields.text("rule", event.rule);
  fields.text("what", event.what);
  fields.number("term", term);
  fields.text("gtids", event.gtids);
  fields.number("took_ms", event.took_ms);
  fields.text("failed", event.failed);
  DORSAL_TRY_VOID(fields.outcome());
  event.term = cluster::Term(term);
  return event;
}

Result<cluster::Charter> decode_charter(const std::string& json) {
  Fields fields(json);
  std::uint32_t format = 1;
  fields.number("format", format);
  if (format > kRecordFormat) {
    return invalid(
        fmt::format("the store is of a newer Dorsal (its records have format {}, this one knows up "
                    "to {}); run that version here",
                    format,
                    kRecordFormat));
  }
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
  fields.number("restart_asked_ms", member.restart_asked_ms);
  fields.number("rebuild_asked_ms", member.rebuild_asked_ms);
  fields.number("removal_asked_ms", member.removal_asked_ms);
  DORSAL_TRY_VOID(fields.outcome());
  if (name.empty() || server_id == 0) return corrupt("name or server_id is missing");
  member.name = cluster::NodeName(std::move(name));
  member.server_id = cluster::ServerId(server_id);
  return member;
}

namespace {

Result<cluster::Election> decode_election(const Json& json) {
  Fields fields(json);
  cluster::Election election;
  std::uint64_t term = 0;
  std::string begun_by;
  fields.number("term", term);
  fields.text("begun_by", begun_by);
  std::optional<std::string> candidate;
  fields.text("reason", election.reason);
  fields.number("begun_ms", election.begun_ms);
  fields.text("candidate", candidate);
  fields.text("barrier", election.barrier);
  fields.flag("may_lose_writes", election.may_lose_writes);
  fields.flag("after_restore", election.after_restore);
  DORSAL_TRY_VOID(fields.outcome());
  if (candidate) election.candidate = cluster::NodeName(*std::move(candidate));
  if (term == 0) return corrupt("an election has no term");
  election.term = cluster::Term(term);
  election.begun_by = cluster::NodeName(std::move(begun_by));
  return election;
}

Result<cluster::Switchover> decode_switchover(const Json& json) {
  Fields fields(json);
  cluster::Switchover switchover;
  std::string to;
  fields.text("to", to);
  fields.text("reason", switchover.reason);
  fields.number("begun_ms", switchover.begun_ms);
  fields.number("drain_ms", switchover.drain_ms);
  fields.flag("holding", switchover.holding);
  fields.text("given_up", switchover.given_up);
  DORSAL_TRY_VOID(fields.outcome());
  if (to.empty()) return corrupt("a switchover names no node");
  switchover.to = cluster::NodeName(std::move(to));
  return switchover;
}

Result<cluster::Vote> decode_vote(const Json& json) {
  Fields fields(json);
  cluster::Vote vote;
  fields.name("state", vote.state, cluster::parse_vote_state);
  fields.text("needed", vote.needed);
  DORSAL_TRY_VOID(fields.outcome());
  return vote;
}

Result<cluster::Votes> decode_votes(const Json& json) {
  cluster::Votes votes;
  for (const auto& [node, vote] : json.items()) {
    DORSAL_TRY(votes[cluster::NodeName(node)], decode_vote(vote));
  }
  return votes;
}

}  // namespace

bool had_vote(const std::string& member) {
  Fields fields(member);
  bool voter = false;
  fields.flag("voter", voter);
  return voter;
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
  fields.number("lease_ms", leadership.lease_ms);
  fields.flag("handed_over", leadership.handed_over);
  fields.flag("unprotected", leadership.unprotected);
  fields.number("acks", leadership.acks);
  fields.number("changes", leadership.changes);
  if (const Json* election = fields.object("election")) {
    DORSAL_TRY(leadership.election, decode_election(*election));
  }
  if (const Json* switchover = fields.object("switchover")) {
    DORSAL_TRY(leadership.switchover, decode_switchover(*switchover));
  }
  fields.text("elected_with", leadership.elected_with);
  if (const Json* votes = fields.object("votes")) {
    DORSAL_TRY(leadership.votes, decode_votes(*votes));
  }
  DORSAL_TRY_VOID(fields.outcome());
  leadership.term = cluster::Term(term);
  leadership.primary = cluster::NodeName(std::move(primary));
  return leadership;
}

Result<cluster::Promise> decode_promise(const std::string& json) {
  Fields fields(json);
  cluster::Promise promise;
  std::uint64_t term = 0;
  fields.number("term", term);
  fields.text("received", promise.received);
  fields.flag("may_lead", promise.may_lead);
  if (const Json* remembered = fields.object("remembered")) {
    DORSAL_TRY(promise.remembered, decode_remembered(*remembered));
  }
  DORSAL_TRY_VOID(fields.outcome());
  if (term == 0) return corrupt("a promise has no term");
  promise.term = cluster::Term(term);
  return promise;
}

Result<cluster::Pause> decode_pause(const std::string& json) {
  Fields fields(json);
  cluster::Pause pause;
  fields.text("reason", pause.reason);
  fields.number("begun_ms", pause.begun_ms);
  DORSAL_TRY_VOID(fields.outcome());
  return pause;
}

Result<cluster::NodeState> decode_state(const std::string& json) {
  Fields fields(json);
  cluster::NodeState state;
  fields.name("role", state.role, cluster::parse_role);
  fields.number("pid", state.pid);
  fields.text("server_uuid", state.server_uuid);
  fields.text("server_version", state.server_version);
  fields.text("version", state.version);
  fields.text("gtid_executed", state.gtid_executed);
  fields.text("gtid_purged", state.gtid_purged);
  fields.text("agent_address", state.agent_address);
  fields.text("zone", state.zone);
  fields.number("read_weight", state.read_weight);
  fields.number("priority", state.priority);
  fields.number("restarted_ms", state.restarted_ms);
  fields.number("rebuilt_ms", state.rebuilt_ms);
  fields.number("ready_for_ms", state.ready_for_ms);
  fields.number("lag_ms", state.lag_ms);
  if (const Json* remembered = fields.object("remembered")) {
    DORSAL_TRY(state.remembered, decode_remembered(*remembered));
  }
  fields.flag("semi_sync", state.semi_sync);
  fields.flag("useless", state.useless);
  fields.flag("healthy", state.healthy);
  fields.text("activity", state.activity);
  fields.number("published_ms", state.published_ms);
  DORSAL_TRY_VOID(fields.outcome());
  return state;
}

}  // namespace dorsal::coord
