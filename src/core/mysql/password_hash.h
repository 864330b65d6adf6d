// Verifies a clear password against what mysql.user keeps of it.
//
//   caching_sha2_password   "$A$" rounds/1000 in three hexadecimal digits "$" salt:20 digest:43
//   sha256_password         "$5$" ["rounds=" rounds "$"] salt "$" digest:43
//   mysql_native_password   "*" SHA1(SHA1(p)) in 40 hexadecimal digits
//
// The first two are the SHA-crypt of passwd files, with SHA-256. An account with an empty string
// has no password. Takes some milliseconds of CPU, by design.
//
// Source: MySQL Reference Manual, "Caching SHA-2 Pluggable Authentication"; Ulrich Drepper, "Unix
// crypt using SHA-256 and SHA-512", https://www.akkadia.org/drepper/SHA-crypt.txt
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dorsal::mysql {

// Empty when the plug-in is another one, or the text is not one of its.
std::optional<bool> verify_password(std::string_view password,
                                    std::string_view plugin,
                                    std::string_view authentication_string);

// The 43 characters that SHA-crypt with SHA-256 makes of a password; salt and rounds as given.
std::string sha256_crypt(std::string_view password, std::string_view salt, unsigned rounds);

}  // namespace dorsal::mysql
