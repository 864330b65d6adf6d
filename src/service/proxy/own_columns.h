// Columns of results that the proxy makes up itself, as servers describe theirs.
#pragma once

#include <cstdint>
#include <string>

#include "core/mysql/column.h"

namespace dorsal::proxy {

mysql::Column text_column(std::string name, std::uint32_t length = 1024);

// `flags`: of mysql::column_flag, besides that of a number.
mysql::Column number_column(std::string name, std::uint16_t flags);

}  // namespace dorsal::proxy
