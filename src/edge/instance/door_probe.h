// Tries again and again whether the server lets new connections in.
//
// Its agent is connected already, over the socket, and goes on asking a server that has no
// descriptors left for new connections, or no listener. So clients are imitated: a connection to
// the server's own address, as the account that watches servers, which each of them has. The
// server's words are an answer, whatever they are: who is told "Too many connections" has found it
// at work, and another primary would be filled up by the same clients.
#pragma once

#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/io/endpoint.h"
#include "edge/io/loop.h"
#include "edge/io/scope.h"
#include "edge/io/task.h"

namespace dorsal::instance {

class DoorProbe {
 public:
  struct Options {
    io::Endpoint address;
    std::string password;  // of the monitor account
    std::string tls_ca;    // a file, read each time
    Duration pause = std::chrono::seconds(1);
    Duration limit = std::chrono::seconds(4);  // for one connection
  };

  // Begins at the loop's next turn, which outlives the DoorProbe.
  DoorProbe(io::Loop& loop, Options options);

  // What is wrong, in words for people, also of a server that does not run; empty when nothing is
  // known to be.
  const std::string& trouble() const { return trouble_; }

 private:
  io::Task<> probe_for_ever();
  io::Task<Result<void>> enter();

  io::Loop& loop_;
  Options options_;
  std::string trouble_;
  io::Scope scope_;
};

}  // namespace dorsal::instance
