// Certificates, keys and trust for TLS 1.2 and 1.3, with ciphers that keep earlier traffic secret
// when a key is stolen, and that authenticate what they encrypt.
//
// Made once from files, then handed to any number of Streams on any thread: a copy shares.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

struct ssl_ctx_st;

namespace dorsal::io {

// How far a client trusts a server.
enum class TlsVerify {
  None,       // encryption only: anybody can be in the middle
  CaOnly,     // the certificate comes from our authority
  CaAndName,  // and it carries the name that we connected to
};

// What the other side of a connection showed of itself.
struct TlsPeer {
  bool is_verified = false;  // it showed a certificate, which an authority of ours vouches for
  // Empty without a certificate; else as OpenSSL's X509_NAME_oneline() and mysqld write them:
  // "/C=SE/O=Example/CN=app".
  std::string subject;
  std::string issuer;
  std::vector<std::string> uris;  // among its alternative names
};

// Why TLS could not be started, as far as this side can tell.
enum class TlsRefusal {
  None,
  NoCertificate,   // the other side shows none, and has to
  Expired,         // its certificate was good until some moment in the past
  NotYetValid,     // or will be from some moment on
  OtherAuthority,  // it comes from an authority that does not count here
  BadCertificate,  // anything else that is wrong with it
  OldVersion,      // the other side knows only versions of TLS that are not allowed
  NotTls,          // what it sends is no TLS
  ByOtherSide,     // it has refused us
};

class TlsContext {
 public:
  // PEM files; the certificate file may hold a chain. With an authority, a certificate that a
  // client presents is checked against it; none is demanded. Fails NotFound or Invalid, naming the
  // file.
  static Result<TlsContext> server(const std::string& certificate_file,
                                   const std::string& key_file,
                                   const std::string& authority_file = {});

  // The same, for a server that lets nobody in who does not show a certificate of that authority.
  // Every connection shows it anew: none is resumed.
  static Result<TlsContext> mutual_server(const std::string& certificate_file,
                                          const std::string& key_file,
                                          const std::string& authority_file);

  // Without an authority file the system's authorities count. The certificate and key with which
  // this client identifies itself are optional.
  static Result<TlsContext> client(TlsVerify verify,
                                   const std::string& authority_file = {},
                                   const std::string& certificate_file = {},
                                   const std::string& key_file = {});

  bool is_server() const { return is_server_; }
  TlsVerify verify() const { return verify_; }
  ssl_ctx_st* native_handle() const { return context_.get(); }

 private:
  TlsContext(std::shared_ptr<ssl_ctx_st> context, bool is_server, TlsVerify verify);

  std::shared_ptr<ssl_ctx_st> context_;
  bool is_server_ = false;
  TlsVerify verify_ = TlsVerify::None;
};

}  // namespace dorsal::io
