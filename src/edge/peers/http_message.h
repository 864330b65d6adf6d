// The part of HTTP/1.1 that agents speak to each other: RFC 9112, without transfer codings.
//
// Nothing here does I/O. Parsing is strict, as both sides are Dorsal or a plain tool such as curl:
// lines end in CRLF, a body has a Content-Length, and there is nothing in it that two readers could
// read in two ways. Target and body are handed on as they came.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dorsal::peers {

struct HttpLimits {
  std::size_t head_bytes = std::size_t{8} << 10;
  std::size_t body_bytes = std::size_t{64} << 10;
};

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // "/v1/state"
  std::string body;
  bool keeps_open = true;  // the sender may send another one over the same connection
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  bool keeps_open = true;
};

template <class T>
struct Parsed {
  T message;
  std::size_t bytes = 0;  // how many bytes of the input it was; what follows belongs to the next
};

// Empty: the message is not complete yet, and what is there may still become one. Corrupt: it can
// never become one. Invalid: it is larger than the limits.
Result<std::optional<Parsed<HttpRequest>>> parse_request(std::string_view bytes,
                                                         const HttpLimits& limits);
Result<std::optional<Parsed<HttpResponse>>> parse_response(std::string_view bytes,
                                                           const HttpLimits& limits);

// The host is what the request is for: "db1:6051".
std::string encode(const HttpRequest& request, std::string_view host);
std::string encode(const HttpResponse& response);

}  // namespace dorsal::peers
