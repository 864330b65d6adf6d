#include "edge/io/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>
#include <unistd.h>

#include <utility>

#include "base/check.h"
#include "edge/io/files.h"
#include "edge/io/tls_error.h"

namespace dorsal::io {
namespace {

using Context = std::shared_ptr<ssl_ctx_st>;

Error file_failure(const char* what, const std::string& path) {
  auto text = take_tls_errors();
  if (::access(path.c_str(), R_OK) != 0) {
    return not_found(std::string("cannot read the ") + what + " " + path);
  }
  return invalid(path + " is not a usable " + what + ": " + text);
}

Result<Context> make_context(const SSL_METHOD* method) {
  ERR_clear_error();
  Context context(SSL_CTX_new(method), &SSL_CTX_free);
  if (context == nullptr) return unavailable("cannot set up TLS: " + take_tls_errors());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // For TLS 1.2; all of TLS 1.3 are such.
  if (SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
    return unavailable("cannot choose the ciphers of TLS: " + take_tls_errors());
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // An idle connection gives its two buffers of 16 KiB back.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

Result<void> load_identity(const Context& context,
                           const std::string& certificate_file,
                           const std::string& key_file) {
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
    return file_failure("certificate", certificate_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) == 1)
    return {};
  const auto reason = ERR_GET_REASON(ERR_peek_error());
  if (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH) {
    ERR_clear_error();
    return invalid(key_file + " is not the private key of " + certificate_file);
  }
  return file_failure("private key", key_file);
}

Result<void> load_authority(const Context& context, const std::string& authority_file) {
  if (SSL_CTX_load_verify_file(context.get(), authority_file.c_str()) == 1) return {};
  return file_failure("authority's certificate", authority_file);
}

}  // namespace

std::string take_tls_errors() {
  auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  if (const char* reason = ERR_reason_error_string(code)) return reason;
  return system_error_text(ERR_GET_REASON(code));
}

TlsContext::TlsContext(std::shared_ptr<ssl_ctx_st> context, bool is_server, TlsVerify verify)
    : context_(std::move(context)), is_server_(is_server), verify_(verify) {}

Result<TlsContext> TlsContext::server(const std::string& certificate_file,
                                      const std::string& key_file,
                                      const std::string& authority_file) {
  DORSAL_TRY(auto context, make_context(TLS_server_method()));
  DORSAL_TRY_VOID(load_identity(context, certificate_file, key_file));
  // What a client sends may be its password; no copy of it stays behind.
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_CLEANSE_PLAINTEXT);
  const std::string session_name = "dorsal";
  SSL_CTX_set_session_id_context(context.get(),
                                 reinterpret_cast<const unsigned char*>(session_name.data()),
                                 static_cast<unsigned>(session_name.size()));
  if (!authority_file.empty()) {
    DORSAL_TRY_VOID(load_authority(context, authority_file));
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  }
  return TlsContext(std::move(context), true, TlsVerify::None);
}

Result<TlsContext> TlsContext::mutual_server(const std::string& certificate_file,
                                             const std::string& key_file,
                                             const std::string& authority_file) {
  DORSAL_TRY(auto made, server(certificate_file, key_file, authority_file));
  DORSAL_CHECK(!authority_file.empty());
  SSL_CTX* context = made.native_handle();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // A resumed session would carry its certificate past the certificate's end.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  return made;
}

Result<TlsContext> TlsContext::client(TlsVerify verify,
                                      const std::string& authority_file,
                                      const std::string& certificate_file,
                                      const std::string& key_file) {
  DORSAL_TRY(auto context, make_context(TLS_client_method()));
  if (!authority_file.empty()) {
    DORSAL_TRY_VOID(load_authority(context, authority_file));
  } else if (verify != TlsVerify::None) {
    SSL_CTX_set_default_verify_paths(context.get());
  }
  if (!certificate_file.empty()) {
    DORSAL_TRY_VOID(load_identity(context, certificate_file, key_file));
  }
  SSL_CTX_set_verify(context.get(),
                     verify == TlsVerify::None ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                     nullptr);
  return TlsContext(std::move(context), false, verify);
}

}  // namespace dorsal::io
