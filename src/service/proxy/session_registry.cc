#include "service/proxy/session_registry.h"

#include <algorithm>

#include "service/proxy/session.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {

std::vector<KillTarget::Connection> KillTarget::connections() const {
  std::vector<Connection> found;
  for (const auto& slot : slots_) {
    const std::uint64_t packed = slot.load();
    if (packed == 0) continue;
    found.push_back({(packed >> 32) - 1, static_cast<std::uint32_t>(packed)});
  }
  return found;
}

std::pair<std::uint32_t, std::shared_ptr<KillTarget>> SessionRegistry::add(LoopContext& context) {
  std::lock_guard lock(mutex_);
  while (next_ < kFirst || sessions_.count(next_) != 0) next_ = std::max(next_ + 1, kFirst);
  auto target = std::make_shared<KillTarget>();
  sessions_.insert_or_assign(next_, Entry{&context, target, {}});
  return {next_++, std::move(target)};
}

void SessionRegistry::begin_with(std::uint32_t session) {
  std::lock_guard lock(mutex_);
  next_ = session;
}

std::uint32_t SessionRegistry::next() const {
  std::lock_guard lock(mutex_);
  return next_;
}

std::size_t SessionRegistry::size() const {
  std::lock_guard lock(mutex_);
  return sessions_.size();
}

void SessionRegistry::remove(std::uint32_t session) {
  std::lock_guard lock(mutex_);
  sessions_.erase(session);
}

void SessionRegistry::set_user(std::uint32_t session, const std::string& user) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  if (found != sessions_.end()) found->second.user = user;
}

std::string SessionRegistry::user_of(std::uint32_t session) const {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  return found == sessions_.end() ? std::string() : found->second.user;
}

std::map<std::uint32_t, std::uint32_t> SessionRegistry::holders(std::size_t server) const {
  std::lock_guard lock(mutex_);
  std::map<std::uint32_t, std::uint32_t> holders;
  for (const auto& [session, entry] : sessions_) {
    for (const auto& connection : entry.target->connections()) {
      if (connection.server == server) holders.emplace(connection.id, session);
    }
  }
  return holders;
}

std::shared_ptr<KillTarget> SessionRegistry::find(std::uint32_t session) const {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : found->second.target;
}

void SessionRegistry::end(std::uint32_t session, std::function<void()> then) const {
  LoopContext* context = nullptr;
  {
    std::lock_guard lock(mutex_);
    auto found = sessions_.find(session);
    if (found != sessions_.end()) context = found->second.context;
  }
  if (context == nullptr) return then();
  // By the time that this runs on its loop the session may be gone, which the loop knows.
  context->loop.post([context, session, then = std::move(then)] {
    auto found = context->sessions.find(session);
    if (found != context->sessions.end()) found->second->end();
    then();
  });
}

}  // namespace dorsal::proxy
