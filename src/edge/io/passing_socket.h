// Messages between two processes of one user on one machine, with file descriptors in them.
//
// Over a unix socket that keeps messages apart (SOCK_SEQPACKET; descriptors travel as SCM_RIGHTS,
// see unix(7)). The socket's path may be longer than an address has room for.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "edge/io/loop.h"
#include "edge/io/owned_descriptor.h"
#include "edge/io/task.h"

namespace dorsal::io {

class Descriptor;

class PassingSocket {
 public:
  struct Message {
    std::string text;
    std::vector<OwnedDescriptor> descriptors;
  };
  static constexpr std::size_t kMostBytes = 4096;
  static constexpr std::size_t kMostDescriptors = 250;  // the kernel takes 253 in one message

  // NotFound when nobody listens there. The loop outlives the socket.
  static Result<PassingSocket> connect(Loop& loop, const std::string& path);

  ~PassingSocket();
  PassingSocket(PassingSocket&& other) noexcept;
  PassingSocket& operator=(PassingSocket&& other) noexcept;

  // The descriptors stay open here too. Invalid when the message is too large.
  Task<Result<void>> send(std::string text, Deadline deadline);
  Task<Result<void>> send(std::string text, std::vector<int> descriptors, Deadline deadline);

  // Unavailable when the other side has ended or closed. One at a time.
  Task<Result<Message>> receive(Deadline deadline);

 private:
  friend class PassingListener;
  explicit PassingSocket(std::unique_ptr<Descriptor> descriptor);
  std::unique_ptr<Descriptor> descriptor_;
};

class PassingListener {
 public:
  // In the place of whatever socket is there. The caller sees to it that nobody else of the user
  // needs that one any more. Whoever connects is of our user, or is root.
  static Result<PassingListener> open(Loop& loop, const std::string& path);

  ~PassingListener();
  PassingListener(PassingListener&& other) noexcept;
  PassingListener& operator=(PassingListener&& other) noexcept;

  // The next one who connects. One at a time.
  Task<Result<PassingSocket>> accept(Deadline deadline);

 private:
  explicit PassingListener(std::unique_ptr<Descriptor> descriptor);
  std::unique_ptr<Descriptor> descriptor_;
};

}  // namespace dorsal::io
