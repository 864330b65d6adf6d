#include "service/proxy/admission.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "service/proxy/proxy.h"

namespace dorsal::proxy {
namespace {

using Limit = Admission::Limit;

constexpr TimePoint kNow{std::chrono::hours(1)};

admission::IpAddress address(int number) {
  return admission::IpAddress::v4(0x0a000000 + static_cast<std::uint32_t>(number));
}

class AdmissionTest : public testing::Test {
 public:
  // A client that stays until the test is over, or until it is let go.
  Limit come(int from, bool is_balancer = false) {
    visits_.push_back(
        std::make_unique<Visit>(admission_, static_cast<std::uint32_t>(visits_.size() + 1)));
    return visits_.back()->arrive(address(from), is_balancer, options_);
  }
  // Begins to log in; the number of whoever is thrown out for it, or 0.
  std::uint32_t begin(int from) {
    EXPECT_EQ(come(from), Limit::None);
    return visits_.back()->begin_login(options_, kNow).value_or(0);
  }

  std::int64_t number(const char* name) {
    std::int64_t sum = 0;
    for (const auto& sample : counters_.read()) sum += sample.name == name ? sample.value : 0;
    return sum;
  }

  Counters counters_;
  Admission admission_{counters_};
  Options options_;
  std::vector<std::unique_ptr<Visit>> visits_;
};

TEST_F(AdmissionTest, WithoutLimitsEverybodyComesIn) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(come(1), Limit::None);
  EXPECT_EQ(number("dorsal_proxy_clients"), 100);
  visits_.clear();
  EXPECT_EQ(number("dorsal_proxy_clients"), 0);
}

TEST_F(AdmissionTest, OnlySoManyMayBeThere) {
  options_.max_clients = 2;
  EXPECT_EQ(come(1), Limit::None);
  EXPECT_EQ(come(2), Limit::None);
  EXPECT_EQ(come(3), Limit::Clients);
  visits_.erase(visits_.begin());
  EXPECT_EQ(come(3), Limit::None);
  EXPECT_EQ(number("dorsal_proxy_clients_refused_total"), 1);
}

TEST_F(AdmissionTest, OnlySoManyFromOneAddress) {
  options_.max_clients_per_address = 1;
  EXPECT_EQ(come(1), Limit::None);
  EXPECT_EQ(come(1), Limit::Address);
  EXPECT_EQ(come(2), Limit::None);
  visits_.clear();
  EXPECT_EQ(come(1), Limit::None);
}

TEST_F(AdmissionTest, ABalancerCountsAsWhomItSpeaksFor) {
  options_.max_clients_per_address = 1;
  EXPECT_EQ(come(1, true), Limit::None);
  EXPECT_EQ(come(1, true), Limit::None);
  visits_[0]->begin_login(options_, kNow);
  EXPECT_TRUE(visits_[0]->speak_for(address(7), options_));
  EXPECT_FALSE(visits_[1]->speak_for(address(7), options_));
  EXPECT_TRUE(visits_[1]->speak_for(address(8), options_));
  EXPECT_EQ(come(7), Limit::Address);
  visits_.clear();
  EXPECT_EQ(come(7), Limit::None);
  EXPECT_EQ(number("dorsal_proxy_logins_in_progress"), 0);
}

TEST_F(AdmissionTest, OnlySoManySessionsOfOneUser) {
  for (int i = 0; i < 3; ++i) come(i);
  EXPECT_EQ(visits_[0]->become("app", 2), Limit::None);
  EXPECT_EQ(visits_[1]->become("app", 2), Limit::None);
  EXPECT_EQ(visits_[2]->become("app", 2), Limit::User);
  EXPECT_EQ(visits_[2]->become("other", 2), Limit::None);
  // Who changes its user makes room, and who tries to and cannot is nobody's.
  EXPECT_EQ(visits_[0]->become("other", 2), Limit::None);
  EXPECT_EQ(visits_[1]->become("other", 2), Limit::User);
  EXPECT_EQ(visits_[2]->become("app", 1), Limit::None);
  EXPECT_EQ(visits_[1]->become("app", 1), Limit::User);
  visits_[2].reset();
  EXPECT_EQ(visits_[1]->become("app", 1), Limit::None);
}

TEST_F(AdmissionTest, OfTooManyLogInsTheOldestOfTheBusiestAddressGoes) {
  options_.max_logins = 4;
  EXPECT_EQ(begin(1), 0u);
  EXPECT_EQ(begin(2), 0u);
  EXPECT_EQ(begin(2), 0u);
  EXPECT_EQ(begin(3), 0u);
  EXPECT_EQ(begin(4), 2u);
  EXPECT_EQ(number("dorsal_proxy_logins_in_progress"), 4);
  EXPECT_EQ(number("dorsal_proxy_logins_thrown_out_total"), 1);
  // Whoever finished is no longer in anybody's way.
  visits_[0]->end_login();
  EXPECT_EQ(begin(5), 0u);
  visits_.clear();
  EXPECT_EQ(number("dorsal_proxy_logins_in_progress"), 0);
}

TEST_F(AdmissionTest, WhereLogInsFailFewMayWaitAtATime) {
  bool is_slowed = false;
  for (int i = 0; i < 10; ++i) is_slowed |= admission_.failed(address(1), kNow);
  EXPECT_TRUE(is_slowed);
  EXPECT_GT(admission_.delay(address(1), kNow), Duration::zero());
  for (int i = 0; i < 16; ++i) EXPECT_EQ(begin(1), 0u);
  EXPECT_EQ(begin(1), 1u);
  EXPECT_EQ(begin(1), 2u);
  EXPECT_EQ(begin(2), 0u);
  admission_.succeeded(address(1));
  EXPECT_EQ(begin(1), 0u);
  EXPECT_EQ(admission_.delay(address(1), kNow), Duration::zero());
}

}  // namespace
}  // namespace dorsal::proxy
