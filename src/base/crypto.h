// The few cryptographic functions that MySQL's log-in needs, over OpenSSL's libcrypto.
//
// Pure computations on bytes; only random_bytes() and RsaKey::generate() draw on the system's
// randomness. Digests are returned as raw bytes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dorsal {

std::string sha1(std::string_view bytes);    // 20 bytes
std::string sha256(std::string_view bytes);  // 32 bytes

// From the system's cryptographic generator; aborts if that has none to give.
std::string random_bytes(std::size_t count);

// A password of letters and digits with at least 128 bits of randomness.
std::string random_password();

// True when both are equal, in a time that does not depend on where they differ.
bool equal_secrets(std::string_view left, std::string_view right);

// RSA with OAEP padding (SHA-1), as caching_sha2_password uses it without TLS. The key is a PEM
// "BEGIN PUBLIC KEY". Fails Invalid on a bad key or text too long for it.
Result<std::string> rsa_encrypt(std::string_view public_key_pem, std::string_view text);

class RsaKey {
 public:
  // 2048 bits; takes some tens of milliseconds.
  static RsaKey generate();

  RsaKey(RsaKey&&) noexcept;
  RsaKey& operator=(RsaKey&&) noexcept;
  ~RsaKey();

  const std::string& public_pem() const { return public_pem_; }

  // Fails Invalid when the text was not encrypted for this key.
  Result<std::string> decrypt(std::string_view encrypted) const;

 private:
  struct Impl;
  explicit RsaKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  std::string public_pem_;
};

}  // namespace dorsal
