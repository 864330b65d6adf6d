// A certificate authority for one cluster, and certificates from it.
//
// Keys are EC P-256 in PKCS#8 PEM files of mode 0600, as mysqld and OpenSSL read them; certificates
// have mode 0644. Files are written atomically: a reader sees the old file or the new one.
#pragma once

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
  int days = 3650;                 // valid from an hour ago, for clocks that differ
};

// A new authority, valid for 20 years. Fails Conflict when one of the two files exists: replacing
// it would void every certificate that it has issued.
Result<void> create_authority(const AuthorityFiles& files, const std::string& common_name);

// A new key and a certificate for it, for both servers and clients; replaces the files.
Result<void> issue_certificate(const AuthorityFiles& authority, const CertificateRequest& request);

}  // namespace dorsal::io
