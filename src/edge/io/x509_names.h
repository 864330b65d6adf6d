// What a certificate is for, as OpenSSL holds it. Whoever has made it may have put any bytes into
// it.
#pragma once

#include <string>
#include <vector>

struct X509_name_st;
struct x509_st;

namespace dorsal::io {

// The URIs among its alternative names.
std::vector<std::string> uris_of(const x509_st* certificate);

// A subject or an issuer, as X509_NAME_oneline() and mysqld write it: "/C=SE/O=Example/CN=app".
// What is no printable ASCII is written as \xE4.
std::string one_line(const X509_name_st* name);

}  // namespace dorsal::io
