// One proxy process takes the place of another, of the same or of another version, and no client is
// dropped.
//
// The new process asks the old one over a unix socket in their run folder; the old one passes the
// sockets it listens on, and the lock of its role. Up to the moment at which the new one says that
// it is ready, the old one has changed nothing, and goes on as if nobody had asked when the other
// fails or ends. Then it accepts nobody any more and serves the clients that it has until they
// leave. Clients that connect in between wait in the sockets' queues, which both share.
//
//   new  {"format": 1, "wish": "take over", "version": …}
//   old  {"format": 1, "listen": …, "reaches_primary": …, "sockets": […]}
//        with the lock's descriptor, and those of the sockets in the same order
//   new  {"state": "ready"}
//   old  {"state": "left", "clients": …, "next_session": …}
//   new  {"state": "ends"}      as it ends in order, so that its predecessor does too
//
// The connection stays open for as long as both live. A message that says {"refused": …} instead
// ends the conversation.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "edge/io/files.h"
#include "edge/io/loop.h"
#include "edge/io/passing_socket.h"
#include "edge/io/task.h"
#include "service/proxy/proxy.h"

namespace dorsal::app {

inline constexpr int kHandoverFormat = 1;

// RUN/ROLE.handover
std::string handover_socket(const std::string& run_folder, const std::string& role);

// The old process's side.
class Giver {
 public:
  // `leave` is called once the other is ready, and the lock is let go of. All of them outlive the
  // Giver.
  Giver(io::Loop& loop,
        proxy::Proxy& proxy,
        std::optional<io::FileLock>& lock,
        std::string listen,
        std::function<void()> leave);

  // Answers one after the other who asks, until one has taken over; returns the connection to it.
  // What went wrong with others is logged. Unavailable when cancelled.
  io::Task<Result<io::PassingSocket>> give(io::PassingListener& listener);

 private:
  io::Task<Result<void>> converse(io::PassingSocket& asker);

  io::Loop& loop_;
  proxy::Proxy& proxy_;
  std::optional<io::FileLock>& lock_;
  const std::string listen_;
  const std::function<void()> leave_;
};

// The new process's side: the conversation with its predecessor.
class Takeover {
 public:
  struct Handed {
    io::FileLock lock;
    proxy::HandedPorts ports;
    bool reaches_primary = false;  // the predecessor does
  };

  // NotFound when no process of the role runs there that could be asked.
  static Result<Takeover> ask(io::Loop& loop, const std::string& run_folder, std::string role);

  // What the predecessor hands over. First of all.
  io::Task<Result<Handed>> receive();

  struct Left {
    std::uint64_t clients = 0;       // that the predecessor goes on to serve
    std::uint32_t next_session = 0;  // numbers below are its sessions
  };

  // Says that this process is ready. Success: the ports are its own now.
  io::Task<Result<Left>> finish();

  // Has the predecessor end, if it still runs, and waits for that. Not while ends() waits.
  io::Task<> end();

  // Returns when the predecessor has ended.
  io::Task<> ends();

 private:
  Takeover(io::Loop& loop, io::PassingSocket socket, std::string lock_file)
      : loop_(&loop), socket_(std::move(socket)), lock_file_(std::move(lock_file)) {}

  io::Loop* loop_;
  io::PassingSocket socket_;
  std::string lock_file_;
};

// Whether the message asks its receiver to end.
bool asks_to_end(const io::PassingSocket::Message& message);

}  // namespace dorsal::app
