// What another agent, or whoever has got hold of a certificate, sends and answers.
#include "edge/peers/http_message.h"
#include "edge/peers/identity.h"
#include "edge/peers/messages.h"
#include "fuzz_input.h"

namespace dorsal::peers {
namespace {

using fuzz::require;

constexpr HttpLimits kLimits{512, 1024};

// A message is what its bytes say, however many of them have come when it is looked at first.
template <class T>
void check_parts(std::string_view bytes,
                 Result<std::optional<Parsed<T>>> (*parse)(std::string_view, const HttpLimits&)) {
  auto whole = parse(bytes, kLimits);
  if (!whole || !*whole) return;
  const auto size = (*whole)->bytes;
  require(size > 0 && size <= bytes.size());
  require((*whole)->message.body.size() <= kLimits.body_bytes);
  auto exact = parse(bytes.substr(0, size), kLimits);
  require(exact && *exact && (*exact)->bytes == size);
  auto less = parse(bytes.substr(0, size - 1), kLimits);
  require(less && !*less);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const auto bytes = input.rest();

  check_parts(bytes, &parse_request);
  check_parts(bytes, &parse_response);
  if (auto request = parse_request(bytes, kLimits); request && *request) {
    const auto again = encode((*request)->message, "host");
    auto reread = parse_request(again, {4096, 4096});
    require(reread && *reread && (*reread)->bytes == again.size());
    require((*reread)->message.target == (*request)->message.target);
    require((*reread)->message.body == (*request)->message.body);
  }

  if (auto state = decode_state(bytes)) require(decode_state(encode(*state)).has_value());
  if (auto claim = decode_claim(bytes)) {
    require(claim->term.value() > 0);
    require(decode_claim(encode(*claim)).has_value());
  }
  if (auto agreement = decode_agreement(bytes)) {
    require(decode_agreement(encode(*agreement))->agrees() == agreement->agrees());
  }
  for (char c : decode_failure(bytes)) require(c >= ' ' && c < 0x7f);

  if (auto identity = parse_identity({std::string(bytes)})) {
    require(to_uri(*identity) == bytes);
  }
  return 0;
}

}  // namespace dorsal::peers
