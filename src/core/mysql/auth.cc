#include "core/mysql/auth.h"

#include "base/crypto.h"
#include "base/secret.h"
#include "core/mysql/greeting.h"

namespace dorsal::mysql {
namespace {

std::string joined(std::string_view left, std::string_view right) {
  std::string out(left);
  out += right;
  return out;
}

}  // namespace

std::string make_nonce() {
  std::string nonce;
  while (nonce.size() < kNonceSize) {
    for (char random : random_bytes(2 * kNonceSize)) {
      auto byte = static_cast<char>(random & 0x7f);
      if (byte != '\0' && byte != '$' && nonce.size() < kNonceSize) nonce.push_back(byte);
    }
  }
  return nonce;
}

std::string native_reply(std::string_view password, std::string_view nonce) {
  const Scratch once(password.empty() ? std::string() : sha1(password));
  return native_reply_from_sha1(once.text, nonce);
}

std::string native_reply_from_sha1(std::string_view sha1_of_password, std::string_view nonce) {
  if (sha1_of_password.empty()) return {};
  return xor_with_nonce(sha1_of_password, sha1(joined(nonce, sha1(sha1_of_password))));
}

std::optional<std::string> recover_native_sha1(std::string_view reply,
                                               std::string_view nonce,
                                               std::string_view double_sha1) {
  auto pad = sha1(joined(nonce, double_sha1));
  if (reply.size() != pad.size()) return std::nullopt;
  auto recovered = xor_with_nonce(reply, pad);
  if (!equal_secrets(sha1(recovered), double_sha1)) return std::nullopt;
  return recovered;
}

std::string caching_sha2_reply(std::string_view password, std::string_view nonce) {
  if (password.empty()) return {};
  const Scratch once(sha256(password));
  return xor_with_nonce(once.text, sha256(joined(sha256(once.text), nonce)));
}

std::string caching_sha2_digest(std::string_view password) {
  const Scratch once(sha256(password));
  return sha256(once.text);
}

bool verify_caching_sha2(std::string_view reply,
                         std::string_view nonce,
                         std::string_view sha256_of_sha256) {
  auto pad = sha256(joined(sha256_of_sha256, nonce));
  if (reply.size() != pad.size()) return false;
  const Scratch once(xor_with_nonce(reply, pad));
  return equal_secrets(sha256(once.text), sha256_of_sha256);
}

std::string xor_with_nonce(std::string_view text, std::string_view nonce) {
  DORSAL_CHECK(!nonce.empty());
  std::string out(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<char>(out[i] ^ nonce[i % nonce.size()]);
  }
  return out;
}

}  // namespace dorsal::mysql
