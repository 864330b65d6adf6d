#include "edge/peers/http_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace dorsal::peers {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kVersion = "HTTP/1.1";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool is_same_word(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    return lower(a) == lower(b);
  });
}

// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_visible(char c) { return c > ' ' && c < 0x7f; }

// Bytes above 0x7f may stand in values, and nobody looks at them.
bool is_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f);
  });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Up to the end of a line, which is cut off as well.
std::string_view take_line(std::string_view& bytes) {
  const auto end = bytes.find(kLineEnd);
  const auto line = bytes.substr(0, end);
  bytes.remove_prefix(std::min(bytes.size(), line.size() + kLineEnd.size()));
  return line;
}

struct Fields {
  std::optional<std::size_t> length;
  std::string content_type;
  bool keeps_open = true;
};

Result<std::size_t> parse_length(std::string_view text) {
  std::size_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return corrupt("a Content-Length is no number");
  }
  return number;
}

Result<void> read_field(std::string_view line, Fields& fields) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return corrupt("a line of its head has no colon");
  const auto name = line.substr(0, colon);
  const auto value = trim(line.substr(colon + 1));
  if (!is_token(name)) return corrupt("a name in its head is none");
  if (!is_value(value)) return corrupt("a value in its head has control characters");
  if (is_same_word(name, "Content-Length")) {
    if (fields.length) return corrupt("it has two Content-Lengths");
    DORSAL_TRY(fields.length, parse_length(value));
  } else if (is_same_word(name, "Transfer-Encoding")) {
    return corrupt("transfer codings are not supported");
  } else if (is_same_word(name, "Connection")) {
    if (is_same_word(value, "close")) fields.keeps_open = false;
  } else if (is_same_word(name, "Content-Type")) {
    fields.content_type = value;
  }
  return {};
}

// The first line, the fields, and where the body lies, once all of it is there.
struct Message {
  std::string_view first_line;
  Fields fields;
  std::string_view body;
  std::size_t bytes = 0;
};

Result<std::optional<Message>> parse(std::string_view bytes, const HttpLimits& limits) {
  const auto head_size = bytes.substr(0, limits.head_bytes).find(kHeadEnd);
  if (head_size == std::string_view::npos) {
    if (bytes.size() < limits.head_bytes) return std::optional<Message>();
    return invalid(fmt::format("its head is longer than {} bytes", limits.head_bytes));
  }
  auto head = bytes.substr(0, head_size);
  Message message;
  message.first_line = take_line(head);
  while (!head.empty()) DORSAL_TRY_VOID(read_field(take_line(head), message.fields));
  const std::size_t length = message.fields.length.value_or(0);
  if (length > limits.body_bytes) {
    return invalid(fmt::format("its body is longer than {} bytes", limits.body_bytes));
  }
  const auto rest = bytes.substr(head_size + kHeadEnd.size());
  if (rest.size() < length) return std::optional<Message>();
  message.body = rest.substr(0, length);
  message.bytes = head_size + kHeadEnd.size() + length;
  return std::optional<Message>(std::move(message));
}

// Three words with one space between them; the last may hold spaces.
Result<std::array<std::string_view, 3>> split(std::string_view line) {
  const auto first = line.find(' ');
  const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return corrupt("its first line is none of HTTP");
  return std::array{line.substr(0, first),
                    line.substr(first + 1, second - first - 1),
                    line.substr(second + 1)};
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    default:
      return "Service Unavailable";
  }
}

}  // namespace

Result<std::optional<Parsed<HttpRequest>>> parse_request(std::string_view bytes,
                                                         const HttpLimits& limits) {
  DORSAL_TRY(auto message, parse(bytes, limits));
  if (!message) return std::optional<Parsed<HttpRequest>>();
  DORSAL_TRY(auto words, split(message->first_line));
  const auto& [method, target, version] = words;
  if (!is_token(method)) return corrupt("its method is none");
  if (!target.starts_with('/') || !std::all_of(target.begin(), target.end(), is_visible)) {
    return corrupt("its target is no path");
  }
  if (version != kVersion) return corrupt("it is not HTTP/1.1");
  Parsed<HttpRequest> parsed;
  parsed.message = HttpRequest{std::string(method),
                               std::string(target),
                               std::string(message->body),
                               message->fields.keeps_open};
  parsed.bytes = message->bytes;
  return std::optional<Parsed<HttpRequest>>(std::move(parsed));
}

Result<std::optional<Parsed<HttpResponse>>> parse_response(std::string_view bytes,
                                                           const HttpLimits& limits) {
  DORSAL_TRY(auto message, parse(bytes, limits));
  if (!message) return std::optional<Parsed<HttpResponse>>();
  DORSAL_TRY(auto words, split(message->first_line));
  const auto& [version, code, reason] = words;
  int status = 0;
  auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), status);
  if (version != kVersion || code.size() != 3 || error != std::errc() ||
      end != code.data() + code.size() || status < 200 || !is_value(reason)) {
    return corrupt("its first line is none of HTTP/1.1");
  }
  if (!message->fields.length) return corrupt("it has no Content-Length");
  Parsed<HttpResponse> parsed;
  parsed.message = HttpResponse{status,
                                message->fields.content_type,
                                std::string(message->body),
                                message->fields.keeps_open};
  parsed.bytes = message->bytes;
  return std::optional<Parsed<HttpResponse>>(std::move(parsed));
}

std::string encode(const HttpRequest& request, std::string_view host) {
  const std::string_view type = request.body.empty() ? "" : "Content-Type: application/json\r\n";
  return fmt::format("{} {} {}\r\nHost: {}\r\n{}Content-Length: {}\r\n{}\r\n{}",
                     request.method,
                     request.target,
                     kVersion,
                     host,
                     type,
                     request.body.size(),
                     request.keeps_open ? "" : "Connection: close\r\n",
                     request.body);
}

std::string encode(const HttpResponse& response) {
  return fmt::format("{} {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n{}",
                     kVersion,
                     response.status,
                     reason_of(response.status),
                     response.content_type,
                     response.body.size(),
                     response.keeps_open ? "" : "Connection: close\r\n",
                     response.body);
}

}  // namespace dorsal::peers
