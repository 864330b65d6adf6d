// A certificate authority for one cluster, and certificates from it.
//
// Keys are EC P-256 in PKCS#8 PEM files of mode 0600, as mysqld and OpenSSL read them; certificates
// have mode 0644. Files are written atomically: a reader sees the old file or the new one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace dorsal::io {

struct AuthorityFiles {
  std::string certificate;  // ca.pem: hand it to everybody
  std::string key;          // ca-key.pem: who has it can issue certificates

  static AuthorityFiles in(const std::string& directory) {
    return AuthorityFiles{directory + "/ca.pem", directory + "/ca-key.pem"};
  }
};

struct CertificateRequest {
  std::string certificate_file;
  std::string key_file;
  std::string common_name;         // at most 64 bytes
  std::vector<std::string> names;  // DNS names or IP addresses: the subject alternative names
  std::string uri = {};            // another of them, if it is not empty
  int days = 3650;                 // valid from a day ago, for clocks that differ
};

// What is written in a certificate. Moments are seconds since 1970.
struct CertificateFacts {
  std::string common_name;
  std::vector<std::string> uris;
  std::int64_t valid_from_s = 0;
  std::int64_t valid_until_s = 0;
};

// A new authority, valid for 20 years; the URI, if it is not empty, says for what. Fails Conflict
// when one of the two files exists: replacing it would void every certificate that it has issued.
Result<void> create_authority(const AuthorityFiles& files,
                              const std::string& common_name,
                              const std::string& uri = {});

// A new key and a certificate for it, for both servers and clients; replaces the files.
Result<void> issue_certificate(const AuthorityFiles& authority, const CertificateRequest& request);

// The first certificate of the file. NotFound when there is no such file, Invalid when it holds no
// certificate.
Result<CertificateFacts> read_certificate(const std::string& certificate_file);

// Invalid, naming both files, when no authority of that file has issued the certificate. Its end
// does not count.
Result<void> check_issuer(const std::string& certificate_file, const std::string& authority_file);

}  // namespace dorsal::io
