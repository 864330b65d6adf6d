#include "service/agent/peer_guests.h"

#include <algorithm>
#include <utility>

namespace dorsal::agent {

PeerGuests::Handle PeerGuests::arrive(io::Stream& stream) {
  if (arriving_.size() >= most_handshakes_) make_room();
  arriving_.push_back(Guest{stream.peer_address(), &stream, false, {}});
  return std::prev(arriving_.end());
}

// One that was closed stays in the list until its task has noticed, and takes nobody's place.
void PeerGuests::make_room() {
  std::map<std::string, std::size_t> busy;
  for (const auto& guest : arriving_) {
    if (!guest.was_dropped) ++busy[guest.address];
  }
  const auto busiest = std::max_element(busy.begin(), busy.end(), [](const auto& a, const auto& b) {
    return a.second < b.second;
  });
  if (busiest == busy.end()) return;
  const auto oldest = std::find_if(arriving_.begin(), arriving_.end(), [&](const Guest& guest) {
    return !guest.was_dropped && guest.address == busiest->first;
  });
  oldest->was_dropped = true;
  oldest->stream->close();
}

bool PeerGuests::come_in(Handle guest, std::string name) {
  if (inside_.size() >= most_inside_ || per_name_[name] >= most_per_name_) return false;
  guest->name = std::move(name);
  ++per_name_[guest->name];
  inside_.splice(inside_.end(), arriving_, guest);
  return true;
}

void PeerGuests::leave(Handle guest) {
  if (guest->name.empty()) {
    arriving_.erase(guest);
    return;
  }
  auto counted = per_name_.find(guest->name);
  if (--counted->second == 0) per_name_.erase(counted);
  inside_.erase(guest);
}

}  // namespace dorsal::agent
