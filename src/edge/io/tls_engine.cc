#include "edge/io/tls_engine.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "edge/io/tls_error.h"
#include "edge/io/x509_names.h"

namespace dorsal::io {
namespace {

TlsRefusal refusal_of_certificate(long verify_result) {
  switch (verify_result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return TlsRefusal::Expired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return TlsRefusal::NotYetValid;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return TlsRefusal::OtherAuthority;
    default:
      return TlsRefusal::BadCertificate;
  }
}

// OpenSSL numbers the alerts that the other side sends from 1000 on.
bool is_alert(unsigned long code) {
  const int reason = ERR_GET_REASON(code);
  return ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET &&
         reason < SSL_AD_REASON_OFFSET + 256;
}

TlsRefusal refusal_for(unsigned long code) {
  if (is_alert(code)) return TlsRefusal::ByOtherSide;
  switch (ERR_GET_REASON(code)) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return TlsRefusal::NoCertificate;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
      return TlsRefusal::OldVersion;
    default:
      return TlsRefusal::NotTls;
  }
}

}  // namespace

// OpenSSL's way to the two strings of an engine.
struct TlsEngineBio {
  static int read(BIO* bio, char* buffer, int size) {
    auto& engine = *static_cast<TlsEngine*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    auto left = engine.input_.size() - engine.input_begin_;
    if (left == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    auto count = std::min(left, static_cast<std::size_t>(std::max(size, 0)));
    std::memcpy(buffer, engine.input_.data() + engine.input_begin_, count);
    engine.input_begin_ += count;
    if (engine.input_begin_ == engine.input_.size()) {
      engine.input_.clear();
      engine.input_begin_ = 0;
    }
    return static_cast<int>(count);
  }

  static int write(BIO* bio, const char* bytes, int size) {
    auto& engine = *static_cast<TlsEngine*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    engine.output_.append(bytes, static_cast<std::size_t>(std::max(size, 0)));
    return size;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }

  static BIO* make(TlsEngine& engine) {
    static BIO_METHOD* const kMethod = [] {
      BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "strings");
      BIO_meth_set_read(method, &TlsEngineBio::read);
      BIO_meth_set_write(method, &TlsEngineBio::write);
      BIO_meth_set_ctrl(method, &TlsEngineBio::control);
      BIO_meth_set_create(method, &TlsEngineBio::create);
      return method;
    }();
    BIO* bio = BIO_new(kMethod);
    DORSAL_CHECK(bio != nullptr);
    BIO_set_data(bio, &engine);
    return bio;
  }
};

TlsEngine::TlsEngine(ssl_st* ssl, bool is_server) : ssl_(ssl), is_server_(is_server) {
  BIO* bio = TlsEngineBio::make(*this);
  SSL_set_bio(ssl_, bio, bio);
  if (is_server_) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
  }
}

TlsEngine::~TlsEngine() { SSL_free(ssl_); }

Result<std::unique_ptr<TlsEngine>> TlsEngine::make(const TlsContext& context,
                                                   const std::string& server_name) {
  SSL* ssl = SSL_new(context.native_handle());
  if (ssl == nullptr) return unavailable("cannot start TLS: " + take_tls_errors());
  std::unique_ptr<TlsEngine> engine(new TlsEngine(ssl, context.is_server()));
  if (!context.is_server()) {
    if (context.verify() == TlsVerify::CaAndName && server_name.empty()) {
      return invalid("cannot verify the server's certificate: its name is not given");
    }
    DORSAL_TRY_VOID(engine->expect_name(server_name));
    if (context.verify() != TlsVerify::CaAndName) {
      X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), nullptr, 0);
      X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), nullptr, 0);
    }
  }
  return engine;
}

Result<void> TlsEngine::expect_name(const std::string& name) {
  if (name.empty()) return {};
  unsigned char address[sizeof(in6_addr)];
  bool is_address = inet_pton(AF_INET, name.c_str(), address) == 1 ||
                    inet_pton(AF_INET6, name.c_str(), address) == 1;
  int ok = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), name.c_str())
                      : SSL_set1_host(ssl_, name.c_str());
  // Server name indication carries DNS names only.
  if (ok == 1 && !is_address) ok = static_cast<int>(SSL_set_tlsext_host_name(ssl_, name.c_str()));
  if (ok != 1) return invalid("not a server name: " + name);
  SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return {};
}

Result<bool> TlsEngine::handshake() {
  ERR_clear_error();
  int outcome = SSL_do_handshake(ssl_);
  if (outcome == 1) return true;
  if (SSL_get_error(ssl_, outcome) == SSL_ERROR_WANT_READ) return false;
  return failure(outcome);
}

Result<std::size_t> TlsEngine::read(char* buffer, std::size_t size) {
  ERR_clear_error();
  std::size_t count = 0;
  int outcome = SSL_read_ex(ssl_, buffer, size, &count);
  if (outcome == 1) return count;
  switch (SSL_get_error(ssl_, outcome)) {
    case SSL_ERROR_WANT_READ:
      return std::size_t{0};
    case SSL_ERROR_ZERO_RETURN:
      return unavailable("the other side closed the connection");
    default:
      return failure(outcome);
  }
}

bool TlsEngine::has_text() {
  ERR_clear_error();
  char byte;
  std::size_t count = 0;
  int outcome = SSL_peek_ex(ssl_, &byte, 1, &count);
  bool has = outcome == 1 || SSL_get_error(ssl_, outcome) != SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return has;
}

Result<void> TlsEngine::write(std::string_view text) {
  if (text.empty()) return {};
  ERR_clear_error();
  std::size_t count = 0;
  int outcome = SSL_write_ex(ssl_, text.data(), text.size(), &count);
  if (outcome == 1 && count == text.size()) return {};
  return failure(outcome);
}

void TlsEngine::say_goodbye() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_) == 1) SSL_shutdown(ssl_);
  ERR_clear_error();
}

void TlsEngine::sent(std::size_t count) {
  output_begin_ += count;
  if (output_begin_ == output_.size()) {
    output_.clear();
    output_begin_ = 0;
  }
}

void TlsEngine::trim() {
  constexpr std::size_t kSmall = 256;
  if (input_.empty() && input_.capacity() > kSmall) std::string().swap(input_);
  if (output_.empty() && output_.capacity() > kSmall) std::string().swap(output_);
}

std::string TlsEngine::version() const { return SSL_get_version(ssl_); }
std::string TlsEngine::cipher() const { return SSL_get_cipher_name(ssl_); }

TlsPeer TlsEngine::peer() const {
  TlsPeer peer;
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr) return peer;
  peer.is_verified = SSL_get_verify_result(ssl_) == X509_V_OK;
  peer.subject = one_line(X509_get_subject_name(certificate));
  peer.issuer = one_line(X509_get_issuer_name(certificate));
  peer.uris = uris_of(certificate);
  return peer;
}

Error TlsEngine::failure(int outcome) {
  int reason = SSL_get_error(ssl_, outcome);
  auto code = ERR_peek_error();
  auto text = take_tls_errors();
  const char* whose = is_server_ ? "client" : "server";
  // The queue begins with what went wrong inside of the verification, a bad signature say.
  const long verdict = SSL_get_verify_result(ssl_);
  if (SSL_get_verify_mode(ssl_) != SSL_VERIFY_NONE && verdict != X509_V_OK) {
    refusal_ = refusal_of_certificate(verdict);
    text = X509_verify_cert_error_string(verdict);
    return invalid(std::string("the ") + whose + "'s certificate is refused: " + text);
  }
  refusal_ = refusal_for(code);
  if (refusal_ == TlsRefusal::NoCertificate) {
    return invalid(std::string("the ") + whose + " shows no certificate");
  }
  if (reason == SSL_ERROR_SSL && refusal_ == TlsRefusal::ByOtherSide) {
    return unavailable("the other side ended TLS: " + text);
  }
  return corrupt("not valid TLS: " + text);
}

}  // namespace dorsal::io
