#include "edge/io/worker.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "edge/io/scope.h"

namespace dorsal::io {
namespace {

Task<std::string> call(Worker& worker, std::thread::id& ran_on, std::thread::id& resumed_on) {
  auto function = [&ran_on] {
    ran_on = std::this_thread::get_id();
    return std::string("a result that is too long for the small string optimisation");
  };
  auto result = co_await on_worker(worker, std::move(function));
  resumed_on = std::this_thread::get_id();
  co_return result;
}

TEST(Worker, CallsOnItsThreadAndResumesOnTheLoop) {
  Loop loop;
  Worker worker;
  std::thread::id ran_on;
  std::thread::id resumed_on;
  auto result = block_on(loop, call(worker, ran_on, resumed_on));
  EXPECT_TRUE(result.starts_with("a result"));
  EXPECT_NE(ran_on, std::this_thread::get_id());
  EXPECT_EQ(resumed_on, std::this_thread::get_id());
}

Task<> append(Worker& worker, int number, std::vector<int>& out) {
  auto function = [&out, number] { out.push_back(number); };
  co_await on_worker(worker, std::move(function));
}

TEST(Worker, KeepsTheOrderOfCalls) {
  Loop loop;
  Worker worker;
  std::vector<int> out;
  std::vector<int> expected;
  auto all = [](Loop& on, Worker& by, std::vector<int>& into) -> Task<> {
    Scope scope(on);
    for (int number = 0; number < 100; ++number) scope.spawn(append(by, number, into));
    co_await scope.join();
  };
  block_on(loop, all(loop, worker, out));
  expected.reserve(100);
  for (int number = 0; number < 100; ++number) expected.push_back(number);
  EXPECT_EQ(out, expected);
}

TEST(Worker, CancelledTaskStillWaitsForItsCall) {
  Loop loop;
  Worker worker;
  std::vector<int> out;
  {
    Scope scope(loop);
    scope.spawn(append(worker, 1, out));
    loop.context().poll();
  }
  EXPECT_EQ(out, std::vector<int>{1});
}

}  // namespace
}  // namespace dorsal::io
