#include "service/proxy/probe.h"

#include "service/proxy/monitor.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {

PrimaryProbe::PrimaryProbe(LoopContext& context)
    : context_(context), question_(context.loop, *this) {}

PrimaryProbe::~PrimaryProbe() = default;

io::Task<> PrimaryProbe::stop() { return question_.stop(); }

io::Task<Result<routing::Position>> PrimaryProbe::position(Deadline deadline) {
  return question_.answer(deadline, "the primary did not tell its position in time");
}

io::Task<Result<routing::Position>> PrimaryProbe::ask() {
  Server* primary = context_.view->primary;
  if (primary == nullptr) co_return unavailable("the cluster has no primary");
  const Deadline deadline = context_.loop.after(context_.options->connect_limit);
  if (connection_ == nullptr || connected_to_ != primary) {
    auto connection = co_await connect_as_monitor(context_, *primary, deadline);
    if (!connection) co_return connection.error();
    connection_ = *std::move(connection);
    connected_to_ = primary;
  }
  context_.shared.numbers.probes.add();
  auto executed = co_await connection_->scalar("SELECT @@GLOBAL.gtid_executed", deadline);
  if (!executed) {
    connection_.reset();
    co_return executed.error().in("cannot ask the primary for its position");
  }
  auto position = context_.shared.frontier.position_of(*executed);
  if (!position) co_return unavailable("the primary's position cannot be compared");
  co_return *position;
}

}  // namespace dorsal::proxy
