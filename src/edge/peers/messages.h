// The bodies of the agents' API, as JSON objects.
//
// Every body says in `speaks` which version of the API its writer speaks, and in `oldest` the
// oldest that it still understands. Two agents understand each other unless one's `speaks` is below
// the other's `oldest`; only then does a decoder refuse with Conflict. A field that only newer
// versions know is passed over, and one that only they write has a default. Anything else that is
// wrong is Corrupt and names the field.
//
//   GET /v1/state    PeerState: node, cluster, version, term, primary, election, promised,
//                    store_answers, role, healthy, server_uuid, gtid_executed, activity
//   POST /v1/agree   Claim: cluster, node, term; the answer is an Agreement: agrees, objection,
//                    reason, term, store_answers
//   any failure      error: a sentence
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/cluster/peer.h"

namespace dorsal::peers {

struct ApiVersions {
  std::uint32_t speaks = 1;
  std::uint32_t oldest = 1;
};

// Conflict, with a sentence that says who has to be upgraded.
Result<void> check_versions(const ApiVersions& theirs, const ApiVersions& ours = {});

std::string encode(const cluster::PeerState& state, const ApiVersions& ours = {});
std::string encode(const cluster::Claim& claim, const ApiVersions& ours = {});
std::string encode(const cluster::Agreement& agreement, const ApiVersions& ours = {});
std::string encode_failure(std::string_view sentence, const ApiVersions& ours = {});

Result<cluster::PeerState> decode_state(std::string_view json);
Result<cluster::Claim> decode_claim(std::string_view json);
Result<cluster::Agreement> decode_agreement(std::string_view json);

// The sentence, fit for a line of a log; empty when there is none.
std::string decode_failure(std::string_view json);

}  // namespace dorsal::peers
