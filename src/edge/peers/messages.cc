#include "edge/peers/messages.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace dorsal::peers {
namespace {

using Json = nlohmann::ordered_json;

// Deeper ones are never written; reading such would cost more than they are worth.
constexpr int kDeepest = 4;
constexpr std::size_t kLongestSentence = 500;

// Words of a server's may be no UTF-8, which JSON must be.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json body(const ApiVersions& ours) {
  return Json{{"speaks", ours.speaks}, {"oldest", ours.oldest}};
}

Json term_or_null(const std::optional<cluster::Term>& term) {
  return term ? Json(term->value()) : Json(nullptr);
}

Json parse_object(std::string_view text) {
  auto refuse_depth = [](int depth, Json::parse_event_t, Json&) { return depth <= kDeepest; };
  return Json::parse(text, refuse_depth, false);
}

// Reads the fields of a body and remembers the first that is wrong.
class Fields {
 public:
  explicit Fields(std::string_view text) : json_(parse_object(text)) {
    if (!json_.is_object()) {
      failure_ = corrupt("it is no JSON object");
      return;
    }
    ApiVersions theirs;
    number("speaks", theirs.speaks);
    number("oldest", theirs.oldest);
    if (failure_) return;
    if (auto fit = check_versions(theirs); !fit) failure_ = fit.error();
  }

  void text(const char* name, std::string& out) {
    if (const Json* field = find(name, &Json::is_string)) out = field->get<std::string>();
  }
  void node(const char* name, cluster::NodeName& out) {
    std::string read;
    text(name, read);
    out = cluster::NodeName(std::move(read));
  }
  void flag(const char* name, bool& out) {
    if (const Json* field = find(name, &Json::is_boolean)) out = field->get<bool>();
  }
  template <class T>
  void number(const char* name, T& out) {
    const Json* field = find(name, &Json::is_number_unsigned);
    if (field == nullptr) return;
    const auto read = field->get<std::uint64_t>();
    out = static_cast<T>(read);
    if (out != read) wrong(name);
  }
  void term(const char* name, cluster::Term& out) {
    std::uint64_t read = 0;
    number(name, read);
    out = cluster::Term(read);
  }
  // Missing, like null, is none.
  void term(const char* name, std::optional<cluster::Term>& out) {
    if (failure_ || !json_.contains(name) || json_[name].is_null()) return;
    term(name, out.emplace());
  }
  template <class T>
  void name(const char* field, T& out, Result<T> (*parse)(std::string_view)) {
    std::string read;
    text(field, read);
    if (failure_) return;
    auto parsed = parse(read);
    if (parsed) {
      out = *parsed;
    } else {
      failure_ = corrupt(fmt::format("field '{}': {}", field, parsed.error().message));
    }
  }

  Result<void> outcome() const {
    if (failure_) return *failure_;
    return {};
  }

 private:
  const Json* find(const char* name, bool (Json::*is_right)() const noexcept) {
    if (failure_) return nullptr;
    auto found = json_.find(name);
    if (found != json_.end() && ((*found).*is_right)()) return &*found;
    wrong(name);
    return nullptr;
  }
  void wrong(const char* name) {
    failure_ = corrupt(fmt::format("field '{}' is missing or of the wrong type", name));
  }

  Json json_;
  std::optional<Error> failure_;
};

}  // namespace

Result<void> check_versions(const ApiVersions& theirs, const ApiVersions& ours) {
  if (theirs.speaks < ours.oldest) {
    return conflict(
        fmt::format("it speaks version {} of the agents' API, and this node understands {} and "
                    "newer; upgrade Dorsal there",
                    theirs.speaks,
                    ours.oldest));
  }
  if (ours.speaks < theirs.oldest) {
    return conflict(
        fmt::format("it understands version {} of the agents' API and newer, and this node speaks "
                    "{}; upgrade Dorsal here",
                    theirs.oldest,
                    ours.speaks));
  }
  return {};
}

std::string encode(const cluster::PeerState& state, const ApiVersions& ours) {
  Json json = body(ours);
  json["node"] = state.node.value();
  json["cluster"] = state.cluster;
  json["version"] = state.version;
  json["term"] = state.term.value();
  json["primary"] = state.primary.value();
  json["election"] = term_or_null(state.election);
  json["promised"] = term_or_null(state.promised);
  json["store_answers"] = state.store_answers;
  json["role"] = cluster::to_string(state.role);
  json["healthy"] = state.is_healthy;
  json["server_uuid"] = state.server_uuid;
  json["gtid_executed"] = state.gtid_executed;
  json["activity"] = state.activity;
  return dump(json);
}

std::string encode(const cluster::Claim& claim, const ApiVersions& ours) {
  Json json = body(ours);
  json["cluster"] = claim.cluster;
  json["node"] = claim.node.value();
  json["term"] = claim.term.value();
  return dump(json);
}

std::string encode(const cluster::Agreement& agreement, const ApiVersions& ours) {
  Json json = body(ours);
  json["agrees"] = agreement.agrees();
  json["objection"] = cluster::to_string(agreement.objection);
  json["reason"] = agreement.reason;
  json["term"] = agreement.term.value();
  json["store_answers"] = agreement.store_answers;
  return dump(json);
}

std::string encode_failure(std::string_view sentence, const ApiVersions& ours) {
  Json json = body(ours);
  json["error"] = sentence;
  return dump(json);
}

Result<cluster::PeerState> decode_state(std::string_view json) {
  Fields fields(json);
  cluster::PeerState state;
  fields.node("node", state.node);
  fields.text("cluster", state.cluster);
  fields.text("version", state.version);
  fields.term("term", state.term);
  fields.node("primary", state.primary);
  fields.term("election", state.election);
  fields.term("promised", state.promised);
  fields.flag("store_answers", state.store_answers);
  fields.name("role", state.role, cluster::parse_role);
  fields.flag("healthy", state.is_healthy);
  fields.text("server_uuid", state.server_uuid);
  fields.text("gtid_executed", state.gtid_executed);
  fields.text("activity", state.activity);
  DORSAL_TRY_VOID(fields.outcome());
  return state;
}

Result<cluster::Claim> decode_claim(std::string_view json) {
  Fields fields(json);
  cluster::Claim claim;
  fields.text("cluster", claim.cluster);
  fields.node("node", claim.node);
  fields.term("term", claim.term);
  DORSAL_TRY_VOID(fields.outcome());
  if (claim.term == cluster::Term(0)) return corrupt("field 'term' must not be 0");
  return claim;
}

// An objection that a newer version has invented is still one.
Result<cluster::Agreement> decode_agreement(std::string_view json) {
  Fields fields(json);
  cluster::Agreement agreement;
  bool agrees = false;
  std::string objection;
  fields.flag("agrees", agrees);
  fields.text("objection", objection);
  fields.text("reason", agreement.reason);
  fields.term("term", agreement.term);
  fields.flag("store_answers", agreement.store_answers);
  DORSAL_TRY_VOID(fields.outcome());
  auto parsed = cluster::parse_objection(objection);
  agreement.objection = parsed ? *parsed : cluster::Objection::NewerTerm;
  if (agrees != agreement.agrees()) return corrupt("fields 'agrees' and 'objection' contradict");
  return agreement;
}

std::string decode_failure(std::string_view json) {
  auto read = parse_object(json);
  if (!read.is_object() || !read.contains("error") || !read["error"].is_string()) return {};
  std::string sentence = read["error"].get<std::string>().substr(0, kLongestSentence);
  for (char& c : sentence) {
    if (c < ' ' || c >= 0x7f) c = ' ';
  }
  return sentence;
}

}  // namespace dorsal::peers
