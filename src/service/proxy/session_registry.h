// Which client's session runs over which server connections now, for KILL.
//
// Clients know connections by the numbers that the proxy gave them in its greeting; servers have
// numbers of their own. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace dorsal::proxy {

struct LoopContext;
struct Server;

// The connections that one session has at the moment. Written by its loop at every statement, read
// by whoever kills it. A connection goes on to another session soon; so that a KILL does not hit
// that one, whoever kills says so first, and a session that finds it said does not pass on the
// connection that it gives up.
class KillTarget {
 public:
  enum class Slot { Home, Reader };
  struct Connection {
    std::size_t server = 0;  // its index
    std::uint32_t id = 0;    // as the server counts connections
  };

  void connected(Slot slot, std::size_t server, std::uint32_t connection_id) {
    slots_[index(slot)].store(pack(server, connection_id));
  }
  // False: somebody is about to kill what runs there; nobody else may get the connection.
  bool disconnected(Slot slot) {
    slots_[index(slot)].store(0);
    return kills_.load() == 0;
  }

  // connections() may be called between these.
  void begin_kill() { kills_.fetch_add(1); }
  void end_kill() { kills_.fetch_sub(1); }
  std::vector<Connection> connections() const;

 private:
  static std::size_t index(Slot slot) { return static_cast<std::size_t>(slot); }
  static std::uint64_t pack(std::size_t server, std::uint32_t id) {
    return (static_cast<std::uint64_t>(server) + 1) << 32 | id;
  }

  std::array<std::atomic<std::uint64_t>, 2> slots_{};
  std::atomic<int> kills_{0};
};

class SessionRegistry {
 public:
  // Numbers of sessions begin here, far above those of servers' connections in the lists of
  // processes that servers show, so that a KILL tells which of the two it means.
  static constexpr std::uint32_t kFirst = std::uint32_t{1} << 30;

  // Numbers before this one are another process's. Before the first add().
  void begin_with(std::uint32_t session);
  std::uint32_t next() const;
  std::size_t size() const;

  // A new session's number, and where it writes down its connections. The context is that of its
  // loop.
  std::pair<std::uint32_t, std::shared_ptr<KillTarget>> add(LoopContext& context);
  void remove(std::uint32_t session);

  // The session's client has logged in as that user, for the first time or anew.
  void set_user(std::uint32_t session, const std::string& user);
  // Empty as long as it has not logged in, and when there is no such session.
  std::string user_of(std::uint32_t session) const;

  // Sessions by the numbers of the connections that they hold now to the server of that index.
  std::map<std::uint32_t, std::uint32_t> holders(std::size_t server) const;

  // Null when there is no such session.
  std::shared_ptr<KillTarget> find(std::uint32_t session) const;

  // Ends the session of that number soon, if there is one, and calls `then` when there is none any
  // more, on whatever thread. From any thread.
  void end(std::uint32_t session, std::function<void()> then) const;

 private:
  struct Entry {
    LoopContext* context = nullptr;
    std::shared_ptr<KillTarget> target;
    std::string user;
  };

  mutable std::mutex mutex_;
  std::uint32_t next_ = kFirst;
  std::map<std::uint32_t, Entry> sessions_;
};

}  // namespace dorsal::proxy
