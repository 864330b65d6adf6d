// Who is connected to the agent's API, and who has to make room. Internal to this folder.
//
// Coming in costs a handshake, which strangers may begin as well; they can only crowd out each
// other, and the busiest address first. Who has come in is counted by the name in the certificate.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <string>

#include "edge/io/stream.h"

namespace dorsal::agent {

class PeerGuests {
 public:
  struct Guest {
    std::string address;
    io::Stream* stream = nullptr;
    bool was_dropped = false;
    std::string name;  // once it has come in
  };
  using Handle = std::list<Guest>::iterator;

  PeerGuests(std::size_t most_handshakes, std::size_t most_inside, std::size_t most_per_name)
      : most_handshakes_(most_handshakes),
        most_inside_(most_inside),
        most_per_name_(most_per_name) {}

  // Begins its handshake. If there are too many, one that began before is closed for it. The stream
  // stays where it is until leave().
  Handle arrive(io::Stream& stream);

  // Its handshake is over. False: no more may come in, or no more of that name.
  bool come_in(Handle guest, std::string name);

  void leave(Handle guest);

  std::size_t size() const { return arriving_.size() + inside_.size(); }

 private:
  void make_room();

  const std::size_t most_handshakes_;
  const std::size_t most_inside_;
  const std::size_t most_per_name_;
  std::list<Guest> arriving_;  // the oldest first
  std::list<Guest> inside_;
  std::map<std::string, std::size_t> per_name_;
};

}  // namespace dorsal::agent
