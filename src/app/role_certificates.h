// The certificates of a cluster's roles: what is in them, how they are named, when they are due.
//
//   FOLDER/ca.pem                          the cluster's authority, for everybody
//   FOLDER/<role>.pem, <role>-key.pem      of a node, or of the proxy
//
// Whose certificate it is stands in it as a URI (edge/peers/identity.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "edge/io/certificates.h"
#include "edge/peers/identity.h"

namespace dorsal::app {

inline constexpr const char* kAuthorityName = "dorsal cluster authority";

std::string certificate_file(const std::string& folder, const std::string& role);
std::string key_file(const std::string& folder, const std::string& role);

// Of a node, or of the proxy where that is the name of the role.
peers::Identity identity_of(const std::string& cluster, const std::string& role);

// For files in that folder.
io::CertificateRequest request_for(const std::string& folder,
                                   const std::string& role,
                                   const std::string& cluster,
                                   std::vector<std::string> names);

// Two thirds of its time are over.
bool is_due_for_renewal(const io::CertificateFacts& certificate, std::int64_t now_s);

// "2036-11-18"
std::string date_of(std::int64_t seconds);

}  // namespace dorsal::app
