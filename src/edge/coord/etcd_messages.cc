#include "edge/coord/etcd_messages.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "edge/coord/base64.h"

namespace dorsal::coord {
namespace {

using Json = nlohmann::json;

// What etcd says is nested six deep; a hostile server could make memory out of brackets.
constexpr int kDeepest = 16;
constexpr std::size_t kLongestMessage = 300;

std::string range_fields(const EtcdRange& range) {
  auto key = fmt::format(R"("key":"{}")", to_base64(range.begin));
  if (range.end.empty()) return key;
  return fmt::format(R"({},"range_end":"{}")", key, to_base64(range.end));
}

std::string joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, ","));
}

Result<Json> parse(std::string_view text) {
  bool is_too_deep = false;
  auto keep = [&](int depth, Json::parse_event_t, const Json&) {
    is_too_deep = is_too_deep || depth > kDeepest;
    return depth <= kDeepest;
  };
  auto json = Json::parse(text.begin(), text.end(), keep, false);
  if (is_too_deep) return corrupt("JSON that is nested too deeply");
  if (!json.is_object()) return corrupt("not a JSON object");
  return json;
}

// Null when it is not there.
const Json* find(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Error wrong_type(const char* name) {
  return corrupt(fmt::format("field '{}' is of the wrong type", name));
}

Result<void> read_number(const Json& object, const char* name, std::uint64_t& out) {
  const auto* field = find(object, name);
  if (field == nullptr) return {};
  if (field->is_number_unsigned()) {
    out = field->get<std::uint64_t>();
    return {};
  }
  if (!field->is_string()) return wrong_type(name);
  const auto& text = field->get_ref<const std::string&>();
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return wrong_type(name);
  return {};
}

Result<void> read_flag(const Json& object, const char* name, bool& out) {
  const auto* field = find(object, name);
  if (field == nullptr) return {};
  if (!field->is_boolean()) return wrong_type(name);
  out = field->get<bool>();
  return {};
}

Result<void> read_text(const Json& object, const char* name, std::string& out) {
  const auto* field = find(object, name);
  if (field == nullptr) return {};
  if (!field->is_string()) return wrong_type(name);
  out = field->get<std::string>();
  return {};
}

Result<void> read_bytes(const Json& object, const char* name, std::string& out) {
  std::string text;
  DORSAL_TRY_VOID(read_text(object, name, text));
  DORSAL_TRY(out, from_base64(text).in(name));
  return {};
}

// An empty list when it is not there.
Result<const Json*> find_list(const Json& object, const char* name) {
  static const Json kNone = Json::array();
  const auto* field = find(object, name);
  if (field == nullptr) return &kNone;
  if (!field->is_array()) return wrong_type(name);
  return field;
}

template <class Answer>
Result<void> read_header(const Json& object, Answer& answer) {
  const auto* header = find(object, "header");
  if (header == nullptr || !header->is_object()) return corrupt("field 'header' is missing");
  DORSAL_TRY_VOID(read_number(*header, "cluster_id", answer.cluster_id));
  return read_number(*header, "revision", answer.revision);
}

Result<EtcdEntry> read_entry(const Json& json) {
  EtcdEntry entry;
  if (!json.is_object()) return corrupt("an entry that is no object");
  DORSAL_TRY_VOID(read_bytes(json, "key", entry.key));
  DORSAL_TRY_VOID(read_bytes(json, "value", entry.value));
  DORSAL_TRY_VOID(read_number(json, "create_revision", entry.created));
  DORSAL_TRY_VOID(read_number(json, "mod_revision", entry.changed));
  if (entry.key.empty() || entry.changed == 0) return corrupt("an entry without key or revision");
  return entry;
}

Result<EtcdEntries> read_entries(const Json& range) {
  EtcdEntries out;
  DORSAL_TRY_VOID(read_number(range, "count", out.count));
  DORSAL_TRY(const auto* list, find_list(range, "kvs"));
  for (const auto& json : *list) {
    DORSAL_TRY(auto entry, read_entry(json));
    out.entries.push_back(std::move(entry));
  }
  if (out.count < out.entries.size()) return corrupt("more entries than it counts");
  return out;
}

Result<void> read_responses(const Json& object, EtcdAnswer& answer) {
  DORSAL_TRY(const auto* list, find_list(object, "responses"));
  for (const auto& json : *list) {
    const auto* range = find(json, "response_range");
    if (range == nullptr) {
      answer.responses.emplace_back();
      continue;
    }
    DORSAL_TRY(auto entries, read_entries(*range));
    answer.responses.push_back(std::move(entries));
  }
  return {};
}

Result<void> read_events(const Json& result, EtcdWatchAnswer& answer) {
  DORSAL_TRY(const auto* events, find_list(result, "events"));
  for (const auto& event : *events) {
    std::uint64_t changed = 0;
    const auto* entry = find(event, "kv");
    if (entry == nullptr) return corrupt("an event without an entry");
    DORSAL_TRY_VOID(read_number(*entry, "mod_revision", changed));
    if (changed == 0) return corrupt("an event without a revision");
    answer.changed = std::max(answer.changed, changed);
  }
  return {};
}

// For the operator's eyes: whoever answers may say anything.
std::string printable(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, kLongestMessage)) out += c >= ' ' && c < 0x7f ? c : '?';
  return out;
}

EtcdRefusal read_refusal(const Json& object, const char* code) {
  EtcdRefusal refusal;
  std::string text;
  (void)read_number(object, code, refusal.code);
  if (!read_text(object, "message", text) || text.empty()) (void)read_text(object, "error", text);
  refusal.message = printable(text);
  return refusal;
}

}  // namespace

EtcdRange EtcdRange::prefixed(std::string prefix) {
  auto end = prefix;
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty())
    return EtcdRange{prefix.empty() ? std::string(1, '\0') : prefix, std::string(1, '\0')};
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return EtcdRange{std::move(prefix), std::move(end)};
}

std::string etcd_was_changed_at(const std::string& key, std::uint64_t revision) {
  return fmt::format(R"({{"key":"{}","target":"MOD","result":"EQUAL","mod_revision":"{}"}})",
                     to_base64(key),
                     revision);
}

std::string etcd_was_created_at(const std::string& key, std::uint64_t revision) {
  return fmt::format(R"({{"key":"{}","target":"CREATE","result":"EQUAL","create_revision":"{}"}})",
                     to_base64(key),
                     revision);
}

std::string etcd_are_all_absent(const EtcdRange& range) {
  return fmt::format(R"({{{},"target":"CREATE","result":"EQUAL","create_revision":"0"}})",
                     range_fields(range));
}

std::string etcd_get(const EtcdRange& range) {
  return fmt::format(R"({{"request_range":{{{}}}}})", range_fields(range));
}

std::string etcd_get_first_key(const EtcdRange& range) {
  return fmt::format(R"({{"request_range":{{{},"limit":"1","keys_only":true}}}})",
                     range_fields(range));
}

std::string etcd_put(const std::string& key, std::string_view value) {
  return fmt::format(R"({{"request_put":{{"key":"{}","value":"{}"}}}})",
                     to_base64(key),
                     to_base64(value));
}

std::string etcd_delete(const std::string& key) {
  return fmt::format(R"({{"request_delete_range":{{"key":"{}"}}}})", to_base64(key));
}

std::string etcd_transaction(const std::vector<std::string>& compares,
                             const std::vector<std::string>& when_all_hold,
                             const std::vector<std::string>& otherwise) {
  return fmt::format(R"({{"compare":[{}],"success":[{}],"failure":[{}]}})",
                     joined(compares),
                     joined(when_all_hold),
                     joined(otherwise));
}

std::string etcd_newest_of(const EtcdRange& range) {
  return fmt::format(
      R"({{{},"limit":"1","sort_order":"DESCEND","sort_target":"MOD","keys_only":true}})",
      range_fields(range));
}

std::string etcd_watch(const EtcdRange& range, std::uint64_t first_revision) {
  return fmt::format(R"({{"create_request":{{{},"start_revision":"{}","progress_notify":true}}}})",
                     range_fields(range),
                     first_revision);
}

std::string etcd_log_in(std::string_view user, std::string_view password) {
  return Json{{"name", user}, {"password", password}}.dump(-1,
                                                           ' ',
                                                           false,
                                                           Json::error_handler_t::replace);
}

Result<EtcdAnswer> decode_etcd_answer(std::string_view text) {
  DORSAL_TRY(auto json, parse(text));
  EtcdAnswer answer;
  DORSAL_TRY_VOID(read_header(json, answer));
  DORSAL_TRY_VOID(read_flag(json, "succeeded", answer.succeeded));
  DORSAL_TRY_VOID(read_responses(json, answer));
  DORSAL_TRY(answer.range, read_entries(json));
  DORSAL_TRY_VOID(read_text(json, "token", answer.token));
  return answer;
}

Result<EtcdWatchAnswer> decode_etcd_watch_answer(std::string_view line) {
  DORSAL_TRY(auto json, parse(line));
  EtcdWatchAnswer answer;
  if (const auto* error = find(json, "error")) {
    answer.was_cancelled = true;
    answer.reason = read_refusal(*error, "grpc_code").message;
    return answer;
  }
  const auto* result = find(json, "result");
  if (result == nullptr) return corrupt("field 'result' is missing");
  DORSAL_TRY_VOID(read_header(*result, answer));
  DORSAL_TRY_VOID(read_flag(*result, "created", answer.was_created));
  DORSAL_TRY_VOID(read_flag(*result, "canceled", answer.was_cancelled));
  DORSAL_TRY_VOID(read_number(*result, "compact_revision", answer.compacted));
  DORSAL_TRY_VOID(read_text(*result, "cancel_reason", answer.reason));
  answer.reason = printable(answer.reason);
  DORSAL_TRY_VOID(read_events(*result, answer));
  return answer;
}

EtcdRefusal decode_etcd_refusal(std::string_view text) {
  auto json = parse(text);
  return json ? read_refusal(*json, "code") : EtcdRefusal();
}

Result<std::vector<std::string>> EtcdLines::feed(std::string_view bytes) {
  std::vector<std::string> lines;
  for (;;) {
    const auto end = bytes.find('\n');
    const auto piece = bytes.substr(0, end);
    if (begun_.size() + piece.size() > limit_) return corrupt("a line that is too long");
    begun_ += piece;
    if (end == std::string_view::npos) return lines;
    if (!begun_.empty()) lines.push_back(std::move(begun_));
    begun_.clear();
    bytes.remove_prefix(end + 1);
  }
}

}  // namespace dorsal::coord
