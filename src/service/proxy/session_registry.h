// Which client's session runs over which server connections, for KILL.
//
// Clients know connections by the numbers that the proxy gave them in its greeting; servers have
// numbers of their own. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace dorsal::proxy {

struct LoopContext;
struct Server;

struct KillTarget {
  std::vector<std::pair<Server*, std::uint32_t>> connections;  // server, its connection id
};

class SessionRegistry {
 public:
  // A new session's number. The context is that of its loop.
  std::uint32_t add(LoopContext& context);
  void remove(std::uint32_t session);

  void connected(std::uint32_t session, Server* server, std::uint32_t connection_id);
  void disconnected(std::uint32_t session, Server* server, std::uint32_t connection_id);

  // Empty when there is no such session.
  std::optional<KillTarget> find(std::uint32_t session) const;

  // Ends the session of that number soon, if there is one. From any thread.
  void end(std::uint32_t session) const;

 private:
  struct Entry {
    LoopContext* context = nullptr;
    KillTarget target;
  };

  mutable std::mutex mutex_;
  std::uint32_t next_ = 1;
  std::map<std::uint32_t, Entry> sessions_;
};

}  // namespace dorsal::proxy
