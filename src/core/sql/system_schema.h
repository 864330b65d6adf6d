// The schemas that every server fills by itself.
#pragma once

#include <string_view>

#include "core/sql/lexer.h"

namespace dorsal::sql {

// mysql, performance_schema, sys, information_schema, as an identifier token.
bool is_system_schema(const Token& identifier);

// True for a table of a system schema that says the same on every server in step: those views of
// information_schema that show the data dictionary. Performance figures, threads, plug-ins,
// accounts and caches are one server's own.
bool is_replicated_view(const Token& schema, const Token& table);

}  // namespace dorsal::sql
