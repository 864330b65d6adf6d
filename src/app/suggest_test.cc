#include "app/suggest.h"

#include <gtest/gtest.h>

namespace dorsal::app {
namespace {

TEST(Suggest, DistanceCountsSingleEdits) {
  EXPECT_EQ(edit_distance("port", "port"), 0u);
  EXPECT_EQ(edit_distance("prot", "port"), 1u);
  EXPECT_EQ(edit_distance("ports", "port"), 1u);
  EXPECT_EQ(edit_distance("", "port"), 4u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Suggest, ATypingErrorFindsItsName) {
  std::vector<std::string> known = {"split_port", "primary_port", "listen"};
  EXPECT_EQ(nearest_name("split_prot", known), "split_port");
  EXPECT_EQ(nearest_name("lissten", known), "listen");
}

TEST(Suggest, AnotherWordFindsNothing) {
  EXPECT_EQ(nearest_name("banana", {"split_port", "listen"}), "");
  EXPECT_EQ(nearest_name("", {"listen"}), "");
}

}  // namespace
}  // namespace dorsal::app
