// For the tests of this folder and of those who use it: a cluster's authority and certificates.
#pragma once

#include <string>

#include "base/check.h"
#include "edge/io/certificates.h"
#include "edge/io/testing.h"
#include "edge/io/tls.h"
#include "edge/peers/identity.h"

namespace dorsal::peers::testing {

inline constexpr const char* kCluster = "3f0c9a52-6f0e-4c5e-9d2b-1f2e3d4c5b6a";
inline constexpr const char* kOtherCluster = "00000000-6f0e-4c5e-9d2b-1f2e3d4c5b6a";

// An authority in a folder of its own.
class Authority {
 public:
  Authority() : files_(io::AuthorityFiles::in(folder_.path())) {
    DORSAL_CHECK(io::create_authority(files_, "dorsal cluster authority"));
  }

  struct Files {
    std::string certificate;
    std::string key;
  };

  // With no identity in it when the URI is empty.
  Files issue(const std::string& file, const std::string& uri, int days = 10) const {
    io::CertificateRequest request;
    request.certificate_file = folder_ / file + ".pem";
    request.key_file = folder_ / file + "-key.pem";
    request.common_name = file;
    request.names = {"127.0.0.1"};
    request.uri = uri;
    request.days = days;
    DORSAL_CHECK(io::issue_certificate(files_, request));
    return {request.certificate_file, request.key_file};
  }
  Files issue(const Identity& identity, int days = 10) const {
    return issue(identity.node.empty() ? "other" : identity.node, to_uri(identity), days);
  }

  io::TlsContext server(const Files& files) const {
    auto made = io::TlsContext::mutual_server(files.certificate, files.key, certificate());
    DORSAL_CHECK(made);
    return *std::move(made);
  }
  // Without files it shows no certificate.
  io::TlsContext client(const Files& files = {}) const {
    auto made =
        io::TlsContext::client(io::TlsVerify::CaOnly, certificate(), files.certificate, files.key);
    DORSAL_CHECK(made);
    return *std::move(made);
  }

  const std::string& certificate() const { return files_.certificate; }

 private:
  io::testing::ScratchFolder folder_;
  io::AuthorityFiles files_;
};

}  // namespace dorsal::peers::testing
