#include "core/sql/grants.h"

#include <gtest/gtest.h>

namespace dorsal::sql {
namespace {

TEST(Grants, SuperAndConnectionAdminEndOthers) {
  for (auto grant : {"GRANT SELECT, PROCESS, SUPER ON *.* TO `a`@`%`",
                     "GRANT AUDIT_ADMIN,CONNECTION_ADMIN,XA_RECOVER_ADMIN ON *.* TO `a`@`%`",
                     "GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION"}) {
    EXPECT_TRUE(allows_to_end_others(grant)) << grant;
  }
}

TEST(Grants, NothingElseDoes) {
  for (auto grant : {"GRANT USAGE ON *.* TO `a`@`%`",
                     "GRANT SELECT, PROCESS ON *.* TO `super`@`%`",
                     "GRANT ALL PRIVILEGES ON `shop`.* TO `a`@`%`",
                     "GRANT ALL PRIVILEGES ON `*`.`*` TO `a`@`%`",
                     "GRANT `super`@`%` TO `a`@`%`",
                     "GRANT `SUPER`@`%`, `ON *.*`@`%` TO `a`@`%`",
                     "REVOKE SUPER ON *.* FROM `a`@`%`",
                     ""}) {
    EXPECT_FALSE(allows_to_end_others(grant)) << grant;
  }
}

}  // namespace
}  // namespace dorsal::sql
