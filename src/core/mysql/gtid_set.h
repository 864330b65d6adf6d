// Sets of global transaction identifiers.
//
//   set       = [member (',' member)*]
//   member    = uuid (':' tag-or-interval)*
//   interval  = number ['-' number]             a tag holds for the intervals behind it
//   tag       = [a-z_][a-z0-9_]{0,31}           since MySQL 8.3
//
// White space and line breaks may stand between any two parts, letters may be upper case, members
// may repeat and overlap, and commas may be doubled, all as the server accepts it. Printed sets are
// canonical: sorted by UUID, then tag (none first), lower case, intervals merged, no white space.
// Two sets are equal if and only if their texts are.
//
// Source: MySQL Reference Manual, "GTID Format and Storage"; rpl_gtid_set.cc of the server.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dorsal::mysql {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const Uuid&) const = default;
};

// With dashes, without any, or in braces, as the server accepts it.
Result<Uuid> parse_uuid(std::string_view text);
std::string to_string(const Uuid& uuid);  // lower case, with dashes

// Where transactions come from: a server, and the tag they were given there.
struct GtidSource {
  Uuid uuid;
  std::string tag;  // lower case; empty: none

  auto operator<=>(const GtidSource&) const = default;
};

inline constexpr std::uint64_t kFirstGno = 1;
inline constexpr std::uint64_t kLastGno = (std::uint64_t{1} << 63) - 2;

struct GtidInterval {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // included

  auto operator<=>(const GtidInterval&) const = default;
};

// What one source contributed. Intervals are sorted, and between two of them a number is missing.
struct GtidMember {
  GtidSource source;
  std::vector<GtidInterval> intervals;  // never empty

  bool operator==(const GtidMember&) const = default;
};

class GtidSet {
 public:
  // kFirstGno <= first <= last <= kLastGno.
  void add(const Uuid& uuid, std::string_view tag, std::uint64_t first, std::uint64_t last);

  void unite(const GtidSet& other);
  void subtract(const GtidSet& other);
  void intersect(const GtidSet& other);

  bool contains(const GtidSet& other) const;
  bool contains(const Uuid& uuid, std::string_view tag, std::uint64_t gno) const;

  bool empty() const { return members_.empty(); }
  std::uint64_t count() const;  // of transactions; stops at 2^64 - 1

  // Sorted by source.
  const std::vector<GtidMember>& members() const { return members_; }

  std::string to_string() const;

  bool operator==(const GtidSet&) const = default;

 private:
  std::vector<GtidMember> members_;
};

// Invalid, with the place, when the text is not a set. Blank text is the empty set, and an interval
// that ends before it starts is empty.
Result<GtidSet> parse_gtid_set(std::string_view text);

std::string to_string(const GtidSet& set);

}  // namespace dorsal::mysql
