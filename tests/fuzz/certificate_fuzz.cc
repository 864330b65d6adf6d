// Any certificate, in DER, that a client or a peer may show, and what is made of it: whose it is,
// and whether an account that demands a subject or an issuer accepts it.
#include <openssl/x509.h>

#include <algorithm>
#include <memory>

#include "core/admission/accounts.h"
#include "edge/io/x509_names.h"
#include "edge/peers/identity.h"
#include "fuzz_input.h"

namespace dorsal {
namespace {

using fuzz::require;

bool is_printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// What an identity is compared by is all that the certificate says.
void check_identity(const std::vector<std::string>& uris) {
  const auto identity = peers::parse_identity(uris);
  if (!identity) return;
  const std::string uri = peers::to_uri(*identity);
  require(std::count(uris.begin(), uris.end(), uri) == 1);
  require(*peers::parse_identity({uri}) == *identity);
}

void check_account(const std::string& subject, const std::string& issuer) {
  admission::Account account;
  account.require = admission::Require::Details;
  account.subject = subject;
  account.issuer = issuer;
  admission::ClientFacts client;
  client.is_tls = client.is_certified = true;
  client.subject = subject;
  client.issuer = issuer;
  require(meets(account, client));
  client.subject += "/CN=another";
  require(subject.empty() || !meets(account, client));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const unsigned char* at = data;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      d2i_X509(nullptr, &at, static_cast<long>(size)),
      &X509_free);
  if (certificate == nullptr) return 0;
  const std::string subject = io::one_line(X509_get_subject_name(certificate.get()));
  const std::string issuer = io::one_line(X509_get_issuer_name(certificate.get()));
  require(is_printable(subject) && is_printable(issuer));
  check_account(subject, issuer);
  check_identity(io::uris_of(certificate.get()));
  return 0;
}

}  // namespace dorsal
