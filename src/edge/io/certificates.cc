#include "edge/io/certificates.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>
#include <utility>

#include "edge/io/files.h"
#include "edge/io/tls_error.h"
#include "edge/io/x509_names.h"

namespace dorsal::io {
namespace {

constexpr int kAuthorityDays = 20 * 365;
constexpr long kSecondsPerDay = 24L * 60 * 60;
constexpr long kClockTolerance = kSecondsPerDay;
constexpr mode_t kCertificateMode = 0644;
constexpr mode_t kKeyMode = 0600;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Buffer = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;

Error openssl_failure(const std::string& what) {
  return invalid("cannot " + what + ": " + take_tls_errors());
}

std::string text_of(const Buffer& buffer) {
  char* bytes = nullptr;
  long size = BIO_get_mem_data(buffer.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

Result<std::string> key_text(const Key& key) {
  Buffer buffer(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PKCS8PrivateKey(buffer.get(),
                                    key.get(),
                                    nullptr,
                                    nullptr,
                                    0,
                                    nullptr,
                                    nullptr) != 1) {
    return openssl_failure("write a key");
  }
  return text_of(buffer);
}

Result<std::string> certificate_text(const Certificate& certificate) {
  Buffer buffer(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(buffer.get(), certificate.get()) != 1) {
    return openssl_failure("write a certificate");
  }
  return text_of(buffer);
}

Result<Key> load_key(const std::string& path) {
  DORSAL_TRY(auto text, read_file(path));
  Buffer buffer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  Key key(PEM_read_bio_PrivateKey(buffer.get(), nullptr, nullptr, nullptr));
  if (key == nullptr) return openssl_failure("use the key " + path);
  return key;
}

Result<Certificate> load_certificate(const std::string& path) {
  DORSAL_TRY(auto text, read_file(path));
  Buffer buffer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  Certificate certificate(PEM_read_bio_X509(buffer.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return openssl_failure("use the certificate " + path);
  return certificate;
}

// A certificate without issuer, extensions and signature, valid from a day ago: clocks may be wrong
// by hours, and by time zones.
Result<Certificate> draft(const Key& key, const std::string& common_name, int days) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  unsigned char serial[16];
  if (RAND_bytes(serial, sizeof serial) != 1) return openssl_failure("draw a serial number");
  serial[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kClockTolerance);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), days * kSecondsPerDay);
  X509_set_pubkey(certificate.get(), key.get());
  auto* name = reinterpret_cast<const unsigned char*>(common_name.c_str());
  if (X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()),
                                 "CN",
                                 MBSTRING_UTF8,
                                 name,
                                 -1,
                                 -1,
                                 0) != 1) {
    return openssl_failure("name a certificate \"" + common_name + "\"");
  }
  return certificate;
}

Result<void> extend(const Certificate& certificate,
                    const Certificate& issuer,
                    int kind,
                    const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer.get(), certificate.get(), nullptr, nullptr, 0);
  Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  if (extension == nullptr || X509_add_ext(certificate.get(), extension.get(), -1) != 1) {
    return openssl_failure("put \"" + value + "\" into a certificate");
  }
  return {};
}

Result<void> sign(const Certificate& certificate, const Certificate& issuer, const Key& key) {
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer.get()));
  DORSAL_TRY_VOID(extend(certificate, issuer, NID_authority_key_identifier, "keyid:always"));
  if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) {
    return openssl_failure("sign a certificate");
  }
  return {};
}

bool is_address(const std::string& name) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, name.c_str(), address) == 1 ||
         inet_pton(AF_INET6, name.c_str(), address) == 1;
}

// The notation of OpenSSL's configuration: "DNS:db1,IP:10.0.0.1". Its separators would let a name
// add others.
Result<std::string> alternative_names(const std::vector<std::string>& names,
                                      const std::string& uri) {
  std::vector<std::pair<const char*, std::string>> all;
  all.reserve(names.size() + 1);
  for (const auto& name : names) all.emplace_back(is_address(name) ? "IP:" : "DNS:", name);
  if (!uri.empty()) all.emplace_back("URI:", uri);
  std::string list;
  for (const auto& [kind, name] : all) {
    if (name.empty() || name.find_first_of(",;=\n ") != std::string::npos) {
      return invalid("not a name for a certificate: \"" + name + "\"");
    }
    list += (list.empty() ? "" : ",") + (kind + name);
  }
  return list;
}

std::int64_t seconds_of(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return ::timegm(&parts);
}

Result<Key> new_key() {
  Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return openssl_failure("make a key");
  return key;
}

}  // namespace

Result<void> create_authority(const AuthorityFiles& files,
                              const std::string& common_name,
                              const std::string& uri) {
  for (const auto& path : {files.certificate, files.key}) {
    if (exists(path)) return conflict(path + " exists already");
  }
  DORSAL_TRY(auto names, alternative_names({}, uri));
  DORSAL_TRY(auto key, new_key());
  DORSAL_TRY(auto certificate, draft(key, common_name, kAuthorityDays));
  DORSAL_TRY_VOID(
      extend(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  DORSAL_TRY_VOID(extend(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign"));
  DORSAL_TRY_VOID(extend(certificate, certificate, NID_subject_key_identifier, "hash"));
  if (!names.empty()) {
    DORSAL_TRY_VOID(extend(certificate, certificate, NID_subject_alt_name, names));
  }
  DORSAL_TRY_VOID(sign(certificate, certificate, key));
  DORSAL_TRY(auto key_pem, key_text(key));
  DORSAL_TRY(auto certificate_pem, certificate_text(certificate));
  DORSAL_TRY_VOID(write_file_atomically(files.key, key_pem, kKeyMode));
  return write_file_atomically(files.certificate, certificate_pem, kCertificateMode);
}

Result<void> issue_certificate(const AuthorityFiles& authority, const CertificateRequest& request) {
  DORSAL_TRY(auto issuer, load_certificate(authority.certificate));
  DORSAL_TRY(auto issuer_key, load_key(authority.key));
  DORSAL_TRY(auto names, alternative_names(request.names, request.uri));
  DORSAL_TRY(auto key, new_key());
  DORSAL_TRY(auto certificate, draft(key, request.common_name, request.days));
  DORSAL_TRY_VOID(extend(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE"));
  DORSAL_TRY_VOID(extend(certificate, issuer, NID_key_usage, "critical,digitalSignature"));
  DORSAL_TRY_VOID(extend(certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth"));
  DORSAL_TRY_VOID(extend(certificate, issuer, NID_subject_key_identifier, "hash"));
  if (!names.empty()) DORSAL_TRY_VOID(extend(certificate, issuer, NID_subject_alt_name, names));
  DORSAL_TRY_VOID(sign(certificate, issuer, issuer_key));
  DORSAL_TRY(auto key_pem, key_text(key));
  DORSAL_TRY(auto certificate_pem, certificate_text(certificate));
  DORSAL_TRY_VOID(write_file_atomically(request.key_file, key_pem, kKeyMode));
  return write_file_atomically(request.certificate_file, certificate_pem, kCertificateMode);
}

Result<CertificateFacts> read_certificate(const std::string& certificate_file) {
  DORSAL_TRY(auto certificate, load_certificate(certificate_file));
  CertificateFacts facts;
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()),
                            NID_commonName,
                            name.data(),
                            static_cast<int>(name.size()));
  facts.common_name = name.data();
  facts.uris = uris_of(certificate.get());
  facts.valid_from_s = seconds_of(X509_get0_notBefore(certificate.get()));
  facts.valid_until_s = seconds_of(X509_get0_notAfter(certificate.get()));
  return facts;
}

Result<void> check_issuer(const std::string& certificate_file, const std::string& authority_file) {
  DORSAL_TRY(auto certificate, load_certificate(certificate_file));
  DORSAL_TRY(auto text, read_file(authority_file));
  Buffer buffer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  bool is_issued = false;
  while (!is_issued) {
    Certificate authority(PEM_read_bio_X509(buffer.get(), nullptr, nullptr, nullptr));
    if (authority == nullptr) break;
    is_issued = X509_check_issued(authority.get(), certificate.get()) == X509_V_OK &&
                X509_verify(certificate.get(), X509_get0_pubkey(authority.get())) == 1;
  }
  ERR_clear_error();
  if (is_issued) return {};
  return invalid(certificate_file + " is not a certificate of the authority " + authority_file);
}

}  // namespace dorsal::io
