// Length-encoded integers and strings, which most packets are made of.
//
//   first byte  then      meaning
//   00 … fa     –         the number itself
//   fb          –         NULL, only in text rows; no number
//   fc          2 bytes   a number of 16 bits
//   fd          3 bytes   a number of 24 bits
//   fe          8 bytes   a number of 64 bits
//   ff          –         the start of an ERR packet; no number
//
// Source: MySQL Server documentation, "Protocol Basics", "Length-Encoded Integer Type".
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace dorsal::mysql {

inline constexpr std::uint8_t kNullMarker = 0xfb;

// fb and ff make the reader fail. A number in a longer form than it needs is accepted, as the
// server accepts it.
std::uint64_t read_lenenc(Reader& reader);

// A length-encoded length and that many bytes; a view of the reader's bytes.
std::string_view read_lenenc_string(Reader& reader);

// The shortest form.
void write_lenenc(Writer& writer, std::uint64_t number);
void write_lenenc_string(Writer& writer, std::string_view text);

}  // namespace dorsal::mysql
