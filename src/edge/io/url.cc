#include "edge/io/url.h"

#include <fmt/format.h>

#include <algorithm>

namespace dorsal::io {
namespace {

constexpr std::string_view kPlain = "http://";
constexpr std::string_view kTls = "https://";

bool is_plain(char c) { return c > ' ' && c < 0x7f; }

}  // namespace

Result<Url> parse_url(std::string_view text) {
  Url url;
  url.uses_tls = text.starts_with(kTls);
  if (!url.uses_tls && !text.starts_with(kPlain)) {
    return invalid("must begin with http:// or https://");
  }
  text.remove_prefix(url.uses_tls ? kTls.size() : kPlain.size());
  const std::size_t slash = std::min(text.find_first_of("/?"), text.size());
  const std::string_view host = text.substr(0, slash);
  url.path = text.substr(slash);
  if (!url.path.starts_with('/')) url.path.insert(0, "/");
  if (!std::all_of(text.begin(), text.end(), is_plain) || text.find('#') != text.npos) {
    return invalid("has characters that no address has; write them as %20 and the like");
  }
  if (host.find('@') != host.npos) return invalid("must not have a user or a password");
  const bool has_port = host.find(':', host.rfind(']') + 1) != host.npos;
  const std::string_view usual = url.uses_tls ? ":443" : ":80";
  auto endpoint = parse_endpoint(fmt::format("{}{}", host, has_port ? "" : usual));
  if (!endpoint || endpoint->is_unix() || endpoint->host.empty() || endpoint->port == 0) {
    return invalid(fmt::format("has '{}' where host:port belongs", host));
  }
  url.endpoint = *std::move(endpoint);
  return url;
}

}  // namespace dorsal::io
