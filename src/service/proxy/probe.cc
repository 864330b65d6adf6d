#include "service/proxy/probe.h"

#include "service/proxy/monitor.h"
#include "service/proxy/shared.h"

namespace dorsal::proxy {

PrimaryProbe::PrimaryProbe(LoopContext& context)
    : context_(context), scope_(context.loop), answered_(context.loop) {}

PrimaryProbe::~PrimaryProbe() = default;

io::Task<> PrimaryProbe::stop() { co_await scope_.cancel_and_join(); }

io::Task<Result<routing::Position>> PrimaryProbe::position(Deadline deadline) {
  // Questions are numbered; one that was sent already may miss what was committed since.
  const std::uint64_t mine = sent_ + 1;
  if (wanted_ < mine) wanted_ = mine;
  if (!is_asking_) {
    is_asking_ = true;
    scope_.spawn(ask_while_wanted());
  }
  while (finished_ < mine) {
    const bool woken = co_await answered_.wait(deadline);
    if (!woken) co_return timeout("the primary did not tell its position in time");
  }
  co_return answer_;
}

io::Task<> PrimaryProbe::ask_while_wanted() {
  while (finished_ < wanted_) {
    const bool is_over = co_await io::cancelled();
    if (is_over) break;
    const std::uint64_t question = ++sent_;
    answer_ = co_await ask();
    finished_ = question;
    answered_.notify_all();
  }
  is_asking_ = false;
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
