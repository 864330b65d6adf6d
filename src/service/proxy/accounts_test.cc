#include "service/proxy/accounts.h"

#include <gtest/gtest.h>

namespace dorsal::proxy {
namespace {

using Put = AccountBook::Put;

constexpr TimePoint kNow = TimePoint() + std::chrono::hours(1);

AccountBook::Page page(const char* digest, TimePoint asked = kNow) {
  return {std::make_shared<const admission::Accounts>(std::vector<admission::Account>(), false),
          digest,
          asked};
}

TEST(AccountBook, TellsWhetherTheAccountsAreOthers) {
  AccountBook book;
  EXPECT_EQ(book.newest(), nullptr);
  EXPECT_EQ(book.put(page("1"), nullptr), Put::Changed);
  EXPECT_EQ(book.put(page("1"), book.newest()), Put::Same);
  EXPECT_EQ(book.put(page("2"), book.newest()), Put::Changed);
  EXPECT_EQ(book.newest()->digest, "2");
}

TEST(AccountBook, OfQuestionsThatOverlapNeitherIsTakenForTheNewer) {
  AccountBook book;
  book.put(page("1"), nullptr);
  const auto before = book.newest();
  EXPECT_EQ(book.put(page("2"), before), Put::Changed);
  // It was asked later, and was answered from before the change nevertheless.
  EXPECT_EQ(book.put(page("1", kNow + std::chrono::seconds(1)), before), Put::Unclear);
  EXPECT_EQ(book.newest()->digest, "2");
  EXPECT_EQ(book.put(page("1"), book.newest()), Put::Changed);
}

TEST(AccountBook, TwoThatFindTheSameChangeAreOfOneMind) {
  AccountBook book;
  book.put(page("1"), nullptr);
  const auto before = book.newest();
  EXPECT_EQ(book.put(page("2"), before), Put::Changed);
  EXPECT_EQ(book.put(page("2"), before), Put::Same);
}

TEST(AccountBook, KnowsWhenItWasLastRight) {
  AccountBook book;
  book.put(page("1", kNow + std::chrono::seconds(2)), nullptr);
  const auto accounts = book.newest()->accounts;
  book.put(page("1", kNow + std::chrono::seconds(1)), book.newest());
  EXPECT_EQ(book.newest()->asked, kNow + std::chrono::seconds(2));
  book.put(page("1", kNow + std::chrono::seconds(3)), book.newest());
  EXPECT_EQ(book.newest()->asked, kNow + std::chrono::seconds(3));
  EXPECT_EQ(book.newest()->accounts, accounts);
}

}  // namespace
}  // namespace dorsal::proxy
