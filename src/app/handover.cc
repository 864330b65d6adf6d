#include "app/handover.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/commands.h"
#include "app/role.h"
#include "base/log.h"

namespace dorsal::app {
namespace {

using Json = nlohmann::json;
using Message = io::PassingSocket::Message;

constexpr auto kPatience = std::chrono::seconds(10);       // for an answer
constexpr auto kStartPatience = std::chrono::seconds(60);  // for a process to get ready
constexpr auto kEndPatience = std::chrono::seconds(20);    // for a process to end
// One message has room for so many sockets; with more loops than that, those left over are closed.
constexpr std::size_t kMostSockets = io::PassingSocket::kMostDescriptors - 1;

constexpr std::array kKinds = {routing::Listener::Split,
                               routing::Listener::Primary,
                               routing::Listener::Replicas};

// A field of the message; empty when it is not there or of another kind.
template <typename T>
std::optional<T> field(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end()) return std::nullopt;
  if constexpr (std::is_same_v<T, std::string>) {
    if (!found->is_string()) return std::nullopt;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!found->is_boolean()) return std::nullopt;
  } else {
    if (!found->is_number_integer()) return std::nullopt;
  }
  return found->get<T>();
}

Result<Json> parse(const Message& message) {
  auto json = Json::parse(message.text, nullptr, false);
  if (!json.is_object()) return corrupt("the other process does not speak as a proxy does");
  if (auto refusal = field<std::string>(json, "refused")) return conflict(*refusal);
  return json;
}

Result<proxy::HandedPorts> parse_ports(const Json& json, Message& message) {
  proxy::HandedPorts ports;
  ports.listen = field<std::string>(json, "listen").value_or("");
  const auto kinds = json.find("sockets");
  const bool is_sound =
      kinds != json.end() && kinds->is_array() && message.descriptors.size() == kinds->size() + 1;
  if (!is_sound) return corrupt("the other process has not passed what it says");
  for (std::size_t i = 0; i < kinds->size(); ++i) {
    for (const auto kind : kKinds) {
      if ((*kinds)[i] != routing::to_string(kind)) continue;
      ports.sockets.push_back({kind, std::move(message.descriptors[i + 1])});
    }
  }
  return ports;
}

}  // namespace

std::string handover_socket(const std::string& run_folder, const std::string& role) {
  return run_folder + "/" + role + ".handover";
}

bool asks_to_end(const Message& message) {
  const auto json = parse(message);
  return json && field<std::string>(*json, "state") == "ends";
}

// ---- the old process ----

Giver::Giver(io::Loop& loop,
             proxy::Proxy& proxy,
             std::optional<io::FileLock>& lock,
             std::string listen,
             std::function<void()> leave)
    : loop_(loop),
      proxy_(proxy),
      lock_(lock),
      listen_(std::move(listen)),
      leave_(std::move(leave)) {}

io::Task<Result<io::PassingSocket>> Giver::give(io::PassingListener& listener) {
  for (;;) {
    auto asker = co_await listener.accept(Deadline::never());
    if (!asker) co_return asker.error();
    auto outcome = co_await converse(*asker);
    if (outcome) co_return *std::move(asker);
    const bool is_over = co_await io::cancelled();
    if (is_over) co_return outcome.error();
    log_warn("proxy", "handover=failed reason=\"{}\"", outcome.error().message);
  }
}

io::Task<Result<void>> Giver::converse(io::PassingSocket& asker) {
  DORSAL_CO_TRY(auto asked, co_await asker.receive(loop_.after(kPatience)));
  DORSAL_CO_TRY(const auto wish, parse(asked));
  const Deadline soon = loop_.after(kPatience);
  if (field<int>(wish, "format") != kHandoverFormat) {
    const Json refusal{{"refused", "the proxy that runs hands over in another way than this one"}};
    DORSAL_CO_TRY_VOID(co_await asker.send(refusal.dump(), soon));
    co_return invalid("another version asked to take over in another way");
  }
  const auto version = field<std::string>(wish, "version").value_or("an unknown version");
  log_info("proxy", "handover=asked version=\"{}\"", version);
  Json offer{{"format", kHandoverFormat},
             {"listen", listen_},
             {"reaches_primary", proxy_.reaches_primary()},
             {"sockets", Json::array()}};
  std::vector<int> descriptors = {lock_->descriptor()};
  auto sockets = proxy_.sockets();
  if (sockets.size() > kMostSockets) sockets.resize(kMostSockets);
  for (const auto& socket : sockets) {
    offer["sockets"].push_back(routing::to_string(socket.kind));
    descriptors.push_back(socket.descriptor);
  }
  DORSAL_CO_TRY_VOID(co_await asker.send(offer.dump(), std::move(descriptors), soon));
  DORSAL_CO_TRY(auto ready, co_await asker.receive(loop_.after(kStartPatience)));
  DORSAL_CO_TRY(const auto state, parse(ready));
  if (field<std::string>(state, "state") != "ready") co_return corrupt("it did not get ready");
  leave_();
  lock_.reset();  // it is free again when the other ends
  const Json left{{"state", "left"},
                  {"clients", proxy_.clients()},
                  {"next_session", proxy_.next_session()}};
  // The other has the ports now, whether it hears this or not.
  (void)co_await asker.send(left.dump(), loop_.after(kPatience));
  co_return Result<void>();
}

// ---- the new process ----

Result<Takeover> Takeover::ask(io::Loop& loop, const std::string& run_folder, std::string role) {
  auto socket = io::PassingSocket::connect(loop, handover_socket(run_folder, role));
  if (!socket)
    return not_found(
        fmt::format("there is no {} to take over from: {}", role, socket.error().message));
  return Takeover(loop, *std::move(socket), lock_file(run_folder, role));
}

io::Task<Result<Takeover::Handed>> Takeover::receive() {
  const Json wish{{"format", kHandoverFormat}, {"wish", "take over"}, {"version", version_line()}};
  DORSAL_CO_TRY_VOID(co_await socket_.send(wish.dump(), loop_->after(kPatience)));
  DORSAL_CO_TRY(auto offered, co_await socket_.receive(loop_->after(kPatience)));
  DORSAL_CO_TRY(const auto offer, parse(offered));
  DORSAL_CO_TRY(auto ports, parse_ports(offer, offered));
  DORSAL_CO_TRY(auto lock, io::FileLock::take_over(std::move(offered.descriptors[0]), lock_file_));
  co_return Handed{std::move(lock),
                   std::move(ports),
                   field<bool>(offer, "reaches_primary").value_or(false)};
}

io::Task<Result<Takeover::Left>> Takeover::finish() {
  const Json ready{{"state", "ready"}};
  DORSAL_CO_TRY_VOID(co_await socket_.send(ready.dump(), loop_->after(kPatience)));
  DORSAL_CO_TRY(auto answer, co_await socket_.receive(loop_->after(kPatience)));
  DORSAL_CO_TRY(const auto left, parse(answer));
  co_return Left{field<std::uint64_t>(left, "clients").value_or(0),
                 field<std::uint32_t>(left, "next_session").value_or(0)};
}

io::Task<> Takeover::end() {
  const Json ends{{"state", "ends"}};
  auto sent = co_await socket_.send(ends.dump(), loop_->after(kPatience));
  if (sent) (void)co_await socket_.receive(loop_->after(kEndPatience));
}

io::Task<> Takeover::ends() { (void)co_await socket_.receive(Deadline::never()); }

}  // namespace dorsal::app
