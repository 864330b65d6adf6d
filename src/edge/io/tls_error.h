// OpenSSL's queue of errors as text.
#pragma once

#include <string>

namespace dorsal::io {

// The first error of this thread's queue, which is emptied; "unknown error" when it is empty.
std::string take_tls_errors();

}  // namespace dorsal::io
