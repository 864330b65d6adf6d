#include "service/proxy/session_registry.h"

#include <algorithm>

#include "service/proxy/session.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {

std::uint32_t SessionRegistry::add(LoopContext& context) {
  std::lock_guard lock(mutex_);
  while (next_ == 0 || sessions_.count(next_) != 0) ++next_;
  sessions_[next_].context = &context;
  return next_++;
}

void SessionRegistry::remove(std::uint32_t session) {
  std::lock_guard lock(mutex_);
  sessions_.erase(session);
}

void SessionRegistry::connected(std::uint32_t session,
                                Server* server,
                                std::uint32_t connection_id) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  if (found != sessions_.end())
    found->second.target.connections.emplace_back(server, connection_id);
}

void SessionRegistry::disconnected(std::uint32_t session,
                                   Server* server,
                                   std::uint32_t connection_id) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  auto& connections = found->second.target.connections;
  connections.erase(
      std::remove(connections.begin(), connections.end(), std::pair(server, connection_id)),
      connections.end());
}

std::optional<KillTarget> SessionRegistry::find(std::uint32_t session) const {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return std::nullopt;
  return found->second.target;
}

void SessionRegistry::end(std::uint32_t session) const {
  LoopContext* context = nullptr;
  {
    std::lock_guard lock(mutex_);
    auto found = sessions_.find(session);
    if (found != sessions_.end()) context = found->second.context;
  }
  if (context == nullptr) return;
  // By the time that this runs on its loop the session may be gone, which the loop knows.
  context->loop.post([context, session] {
    auto found = context->sessions.find(session);
    if (found != context->sessions.end()) found->second->end();
  });
}

}  // namespace dorsal::proxy
