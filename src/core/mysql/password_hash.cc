#include "core/mysql/password_hash.h"

#include <charconv>

#include "base/crypto.h"
#include "base/secret.h"
#include "core/mysql/auth.h"
#include "core/mysql/protocol.h"

namespace dorsal::mysql {
namespace {

constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kDigestCharacters = 43;
constexpr std::size_t kCachingSalt = 20;
constexpr unsigned kUsualRounds = 5000;
constexpr unsigned kMostRounds = 4'095'000;  // three hexadecimal digits of thousands

// The bytes over and over again, as many as wanted.
void append_repeated(std::string& out, std::string_view bytes, std::size_t count) {
  for (; count >= bytes.size(); count -= bytes.size()) out.append(bytes);
  out.append(bytes.substr(0, count));
}

void replace(std::string& secret, std::string by) {
  wipe(secret);
  secret = std::move(by);
}

std::string first_digest(std::string_view password, std::string_view salt) {
  Scratch other(2 * password.size() + salt.size());
  other.text.append(password).append(salt).append(password);
  std::string alternate = sha256(other.text);
  Scratch all(3 * password.size() + salt.size() + kDigestBytes * 66);
  all.text.append(password).append(salt);
  append_repeated(all.text, alternate, password.size());
  for (std::size_t bits = password.size(); bits > 0; bits >>= 1) {
    all.text.append((bits & 1) != 0 ? std::string_view(alternate) : password);
  }
  wipe(alternate);
  return sha256(all.text);
}

// As many bytes as the text has, made of the digest of the text repeated.
std::string sequence_of(std::string_view text, std::size_t times) {
  Scratch repeated(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) repeated.text.append(text);
  std::string digest = sha256(repeated.text);
  std::string out;
  out.reserve(text.size());
  append_repeated(out, digest, text.size());
  wipe(digest);
  return out;
}

// Six bits for each character, the lowest first, of three bytes at a time in an order of their own.
std::string encode_digest(std::string_view digest) {
  constexpr std::string_view kAlphabet =
      "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string out;
  auto put = [&](unsigned bits, int characters) {
    for (int i = 0; i < characters; ++i, bits >>= 6) out.push_back(kAlphabet[bits & 0x3f]);
  };
  auto byte = [&](std::size_t at) { return static_cast<unsigned char>(digest[at]); };
  std::size_t high = 0;
  std::size_t middle = 10;
  std::size_t low = 20;
  for (int i = 0; i < 10; ++i) {
    put(static_cast<unsigned>(byte(high) << 16 | byte(middle) << 8 | byte(low)), 4);
    const std::size_t next = low + 1;
    low = middle + 1;
    middle = high + 1;
    high = next;
  }
  put(static_cast<unsigned>(byte(31) << 8 | byte(30)), 3);
  return out;
}

struct Parsed {
  unsigned rounds = kUsualRounds;
  std::string_view salt;
  std::string_view digest;
};

std::optional<Parsed> parse_caching_sha2(std::string_view text) {
  if (!text.starts_with("$A$") || text.size() != 7 + kCachingSalt + kDigestCharacters ||
      text[6] != '$') {
    return std::nullopt;
  }
  Parsed parsed;
  auto [end, error] = std::from_chars(text.data() + 3, text.data() + 6, parsed.rounds, 16);
  if (error != std::errc() || end != text.data() + 6 || parsed.rounds == 0) return std::nullopt;
  parsed.rounds *= 1000;
  parsed.salt = text.substr(7, kCachingSalt);
  parsed.digest = text.substr(7 + kCachingSalt);
  return parsed;
}

std::optional<Parsed> parse_sha256(std::string_view text) {
  constexpr std::string_view kRounds = "rounds=";
  if (!text.starts_with("$5$")) return std::nullopt;
  text.remove_prefix(3);
  Parsed parsed;
  if (text.starts_with(kRounds)) {
    text.remove_prefix(kRounds.size());
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed.rounds);
    const bool is_number = error == std::errc() && parsed.rounds <= kMostRounds;
    if (!is_number || end == text.data() + text.size() || *end != '$') return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  }
  const auto dollar = text.rfind('$');
  if (dollar == std::string_view::npos || text.size() - dollar - 1 != kDigestCharacters) {
    return std::nullopt;
  }
  parsed.salt = text.substr(0, dollar);
  parsed.digest = text.substr(dollar + 1);
  return parsed;
}

std::optional<bool> verify(std::string_view password, const std::optional<Parsed>& parsed) {
  if (!parsed) return std::nullopt;
  return equal_secrets(sha256_crypt(password, parsed->salt, parsed->rounds), parsed->digest);
}

std::optional<bool> verify_native(std::string_view password, std::string_view text) {
  if (text.size() != 41 || text[0] != '*') return std::nullopt;
  std::string once = sha1(password);
  const std::string twice = sha1(once);
  wipe(once);
  for (std::size_t i = 0; i < twice.size(); ++i) {
    unsigned byte = 0;
    const char* digits = text.data() + 1 + 2 * i;
    auto [end, error] = std::from_chars(digits, digits + 2, byte, 16);
    if (error != std::errc() || end != digits + 2) return std::nullopt;
    if (byte != static_cast<unsigned char>(twice[i])) return false;
  }
  return true;
}

}  // namespace

std::string sha256_crypt(std::string_view password, std::string_view salt, unsigned rounds) {
  std::string digest = first_digest(password, salt);
  std::string password_bytes = sequence_of(password, password.size());
  std::string salt_bytes =
      sequence_of(salt, 16 + static_cast<std::size_t>(static_cast<unsigned char>(digest[0])));
  Scratch round_input(2 * password.size() + salt.size() + kDigestBytes);
  std::string& input = round_input.text;
  for (unsigned round = 0; round < rounds; ++round) {
    const bool is_odd = (round & 1) != 0;
    input.assign(is_odd ? password_bytes : digest);
    if (round % 3 != 0) input.append(salt_bytes);
    if (round % 7 != 0) input.append(password_bytes);
    input.append(is_odd ? digest : password_bytes);
    replace(digest, sha256(input));
  }
  wipe(password_bytes);
  std::string text = encode_digest(digest);
  wipe(digest);
  return text;
}

std::optional<bool> verify_password(std::string_view password,
                                    std::string_view plugin,
                                    std::string_view authentication_string) {
  const bool is_known =
      plugin == kCachingSha2 || plugin == kSha256Password || plugin == kNativePassword;
  if (!is_known) return std::nullopt;
  if (authentication_string.empty()) return password.empty();
  if (password.empty()) return false;
  if (plugin == kCachingSha2) return verify(password, parse_caching_sha2(authentication_string));
  if (plugin == kSha256Password) return verify(password, parse_sha256(authentication_string));
  return verify_native(password, authentication_string);
}

}  // namespace dorsal::mysql
