// What MySQL's authentication plug-ins compute.
//
//   mysql_native_password   reply = SHA1(p) xor SHA1(nonce + SHA1(SHA1(p)))
//                           the server keeps SHA1(SHA1(p))
//   caching_sha2_password   reply = SHA256(p) xor SHA256(SHA256(SHA256(p)) + nonce)
//                           the server keeps SHA256(SHA256(p)) in memory once it saw p
//
// "+" joins bytes, p is the password. An empty password has an empty reply. Everywhere `nonce`
// means the 20 bytes without the zero that ends them on the wire.
//
// Source: MySQL Server documentation, "Authentication Methods".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dorsal::mysql {

// 20 bytes, each from 01 to 7f and none of them '$', as the server makes them.
std::string make_nonce();

std::string native_reply(std::string_view password, std::string_view nonce);

// For whoever knows only SHA1(p); an empty argument means the empty password.
std::string native_reply_from_sha1(std::string_view sha1_of_password, std::string_view nonce);

// SHA1(p), when the reply proves knowledge of the password whose SHA1(SHA1(p)) is given. With it
// one can log in anywhere that keeps the same double_sha1.
std::optional<std::string> recover_native_sha1(std::string_view reply,
                                               std::string_view nonce,
                                               std::string_view double_sha1);

std::string caching_sha2_reply(std::string_view password, std::string_view nonce);

// SHA256(SHA256(p)), which verify_caching_sha2() needs.
std::string caching_sha2_digest(std::string_view password);

// True when the reply proves knowledge of the password with that digest.
bool verify_caching_sha2(std::string_view reply,
                         std::string_view nonce,
                         std::string_view sha256_of_sha256);

// The text with the nonce laid over it again and again: how a password travels inside RSA. Applied
// twice it gives the text back.
std::string xor_with_nonce(std::string_view text, std::string_view nonce);

}  // namespace dorsal::mysql
