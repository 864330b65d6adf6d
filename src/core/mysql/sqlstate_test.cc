#include "core/mysql/sqlstate.h"

#include <gtest/gtest.h>

namespace dorsal::mysql {
namespace {

TEST(Sqlstate, IsThatOfTheNumber) {
  EXPECT_EQ(sqlstate_of(1022), "23000");
  EXPECT_EQ(sqlstate_of(1064), "42000");
  EXPECT_EQ(sqlstate_of(1365), "22012");
  EXPECT_EQ(sqlstate_of(1210), "HY000") << "in the midst of the table, and not in it";
  EXPECT_EQ(sqlstate_of(0), "HY000");
  EXPECT_EQ(sqlstate_of(65535), "HY000");
}

TEST(Sqlstate, OriginsAreAsAServerSaysThem) {
  struct Case {
    const char* sqlstate;
    const char* class_origin;
    const char* subclass_origin;
  };
  for (const Case& c : {Case{"42S02", "ISO 9075", "ISO 9075"},
                        Case{"HY000", "ISO 9075", "ISO 9075"},
                        Case{"XAE04", "MySQL", "MySQL"},
                        Case{"70100", "MySQL", "MySQL"}}) {
    EXPECT_EQ(class_origin(c.sqlstate), c.class_origin) << c.sqlstate;
    EXPECT_EQ(subclass_origin(c.sqlstate), c.subclass_origin) << c.sqlstate;
  }
}

}  // namespace
}  // namespace dorsal::mysql
