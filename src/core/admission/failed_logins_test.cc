#include "core/admission/failed_logins.h"

#include <gtest/gtest.h>

namespace dorsal::admission {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(1)};

IpAddress address(const char* text) { return *IpAddress::parse(text); }

// Milliseconds that the next log-in waits after so many failures at once.
long delay_after(int failures, const char* from) {
  FailedLogins logins;
  for (int i = 0; i < failures; ++i) logins.failed(address(from), kStart);
  return std::chrono::duration_cast<milliseconds>(logins.delay(address(from), kStart)).count();
}

TEST(FailedLogins, TheFirstCostNothingAndTheNextTwiceAsMuchEach) {
  const std::pair<int, long> strangers[] =
      {{0, 0}, {5, 0}, {6, 100}, {7, 200}, {8, 400}, {11, 3200}, {12, 5000}, {1000, 5000}};
  for (const auto& [failures, expected] : strangers) {
    EXPECT_EQ(delay_after(failures, "192.0.2.1"), expected) << failures;
    EXPECT_EQ(delay_after(failures, "2001:db8::1"), expected) << failures;
  }
}

TEST(FailedLogins, LoopbackWaitsLittle) {
  const std::pair<int, long> loopback[] = {{20, 0}, {21, 5}, {22, 10}, {26, 100}, {1000, 100}};
  for (const auto& [failures, expected] : loopback) {
    EXPECT_EQ(delay_after(failures, "127.0.0.1"), expected) << failures;
    EXPECT_EQ(delay_after(failures, "::1"), expected) << failures;
  }
}

TEST(FailedLogins, QuietForgetsThemOneByOne) {
  FailedLogins logins;
  const auto from = address("192.0.2.1");
  for (int i = 0; i < 8; ++i) logins.failed(from, kStart);
  EXPECT_EQ(logins.delay(from, kStart + seconds(9)), milliseconds(400));
  EXPECT_EQ(logins.delay(from, kStart + seconds(10)), milliseconds(200));
  EXPECT_EQ(logins.delay(from, kStart + seconds(30)), Duration::zero());
  logins.failed(from, kStart + seconds(30));
  EXPECT_EQ(logins.delay(from, kStart + seconds(30)), milliseconds(100));
  EXPECT_EQ(logins.delay(from, kStart + std::chrono::hours(100)), Duration::zero());
}

TEST(FailedLogins, ALongFloodIsForgottenInMinutes) {
  FailedLogins logins;
  const auto from = address("192.0.2.1");
  for (int i = 0; i < 100'000; ++i) logins.failed(from, kStart);
  EXPECT_EQ(logins.delay(from, kStart + std::chrono::minutes(5)), Duration::zero());
}

TEST(FailedLogins, AGoodOneClearsTheAddressAndNoOther) {
  FailedLogins logins;
  for (const char* from : {"192.0.2.1", "192.0.2.2"}) {
    for (int i = 0; i < 9; ++i) logins.failed(address(from), kStart);
  }
  logins.succeeded(address("192.0.2.1"));
  EXPECT_EQ(logins.delay(address("192.0.2.1"), kStart), Duration::zero());
  EXPECT_GT(logins.delay(address("192.0.2.2"), kStart), Duration::zero());
  logins.succeeded(address("192.0.2.3"));
}

TEST(FailedLogins, OfIpv6TheSubnetCounts) {
  FailedLogins logins;
  for (int i = 0; i < 9; ++i) {
    logins.failed(address(("2001:db8:1:2::" + std::to_string(i + 1)).c_str()), kStart);
  }
  EXPECT_GT(logins.delay(address("2001:db8:1:2:ffff::"), kStart), Duration::zero());
  EXPECT_EQ(logins.delay(address("2001:db8:1:3::1"), kStart), Duration::zero());
  EXPECT_EQ(logins.delay(address("::1"), kStart), Duration::zero());
}

TEST(FailedLogins, MemoryIsBoundedAndTheOldestGoFirst) {
  FailedLogins logins;
  const auto first = address("192.0.2.1");
  for (int i = 0; i < 9; ++i) logins.failed(first, kStart);
  for (std::uint32_t i = 0; i < FailedLogins::kMostAddresses - 1; ++i) {
    logins.failed(IpAddress::v4(0x0a000000 + i), kStart);
  }
  EXPECT_GT(logins.delay(first, kStart), Duration::zero());
  logins.failed(first, kStart);
  logins.failed(IpAddress::v4(0x0b000000), kStart);
  EXPECT_EQ(logins.size(), FailedLogins::kMostAddresses);
  EXPECT_GT(logins.delay(first, kStart), Duration::zero()) << "it failed again meanwhile";
}

}  // namespace
}  // namespace dorsal::admission
