#include "edge/io/x509_names.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace dorsal::io {

std::vector<std::string> uris_of(const x509_st* certificate) {
  std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  std::vector<std::string> uris;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                      static_cast<std::size_t>(ASN1_STRING_length(uri)));
  }
  return uris;
}

std::string one_line(const X509_name_st* name) {
  char* line = X509_NAME_oneline(name, nullptr, 0);
  std::string copy = line == nullptr ? "" : line;
  OPENSSL_free(line);
  return copy;
}

}  // namespace dorsal::io
