#include "base/secret.h"

#include <gtest/gtest.h>

namespace dorsal {
namespace {

TEST(Secret, KeepsItsTextForEveryCopy) {
  Secret copy;
  {
    Secret secret("hunter2");
    copy = secret;
  }
  EXPECT_EQ(copy.view(), "hunter2");
}

TEST(Secret, AnEmptyOneIsLegal) {
  EXPECT_EQ(Secret().view(), "");
  EXPECT_EQ(Secret("").view(), "");
}

TEST(Secret, WipingLeavesNothing) {
  std::string password = "a password that is too long for the small string buffer";
  const char* memory = password.data();
  const std::size_t size = password.size();
  wipe(password);
  EXPECT_TRUE(password.empty());
  for (std::size_t i = 0; i < size; ++i) EXPECT_EQ(memory[i], '\0');
}

}  // namespace
}  // namespace dorsal
