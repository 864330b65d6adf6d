// The JSON form of the cluster's nouns, as they stand in the coordination store.
//
// Fields are added, never renamed. Reading passes over fields it does not know, so that the store
// of a newer version can be read; a field of the wrong type is Corrupt. A version that adds what
// others must not pass over, or drop as they write a record anew, takes the next format; see
// docs/decisions/versions-in-the-store.md.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "core/cluster/event.h"
#include "core/cluster/topology.h"

namespace dorsal::coord {

// Stands in the charter, and with it for all records. No format there means 1.
inline constexpr std::uint32_t kRecordFormat = 2;

std::string encode(const cluster::Charter& charter);
std::string encode(const cluster::Member& member);
std::string encode(const cluster::Leadership& leadership);
std::string encode(const cluster::NodeState& state);
std::string encode(const cluster::Promise& promise);
std::string encode(const cluster::Pause& pause);
std::string encode(const cluster::Event& event);

// Invalid when the format is a newer one.
Result<cluster::Charter> decode_charter(const std::string& json);
Result<cluster::Member> decode_member(const std::string& json);
Result<cluster::Leadership> decode_leadership(const std::string& json);
Result<cluster::NodeState> decode_state(const std::string& json);
Result<cluster::Promise> decode_promise(const std::string& json);
Result<cluster::Pause> decode_pause(const std::string& json);
Result<cluster::Event> decode_event(const std::string& json);

// Whether a member of a version that kept votes with the members had one.
bool had_vote(const std::string& member);

}  // namespace dorsal::coord
