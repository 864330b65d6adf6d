// The statements that a new data folder begins with: accounts, and Dorsal's own tables.
//
// Every node runs them, also those that are cloned afterwards: the recipient of a clone needs its
// agent's account to be told to clone. They stay out of the binary log, so gtid_executed is empty.
#pragma once

#include <string>

#include "edge/instance/secrets.h"

namespace dorsal::instance {

// Who committed what before this server became the primary, see origins.h.
inline constexpr const char* kCreateOriginTable =
    "CREATE TABLE IF NOT EXISTS `dorsal`.`commit_origin` (`source` CHAR(36) CHARACTER SET ascii "
    "NOT "
    "NULL, `number` BIGINT UNSIGNED NOT NULL, `connection` INT UNSIGNED NOT NULL, "
    "PRIMARY KEY (`source`, `number`)) ENGINE=InnoDB";

// For mysqld's init_file: one statement per line. Holds passwords.
std::string render_bootstrap_sql(const Secrets& secrets);

}  // namespace dorsal::instance
