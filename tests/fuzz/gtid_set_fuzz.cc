// GTID sets: printed text is understood the same, and the laws of sets hold for any two of them.
// The two texts are parted by '|'.
#include "core/mysql/gtid_set.h"
#include "fuzz_input.h"

namespace dorsal::mysql {
namespace {

using fuzz::require;

void check_text(const GtidSet& set) {
  auto text = to_string(set);
  auto again = parse_gtid_set(text);
  require(again && *again == set && to_string(*again) == text);
}

void check_laws(const GtidSet& a, const GtidSet& b) {
  auto united = a, intersected = a, rest = a, other_way = b;
  united.unite(b);
  other_way.unite(a);
  intersected.intersect(b);
  rest.subtract(b);
  require(united == other_way);
  require(united.contains(a) && united.contains(b));
  require(a.contains(intersected) && b.contains(intersected) && a.contains(rest));
  require(a.contains(b) == (united == a));
  require(b.contains(a) == rest.empty());

  auto joined = rest;
  joined.unite(intersected);
  require(joined == a);
  rest.intersect(b);
  require(rest.empty());

  constexpr std::uint64_t kHalf = std::uint64_t{1} << 62;  // beyond it counts may stop
  if (a.count() < kHalf && b.count() < kHalf) {
    require(united.count() + intersected.count() == a.count() + b.count());
  }
  check_text(united);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = fuzz::Input(data, size).rest();
  auto bar = text.find('|');
  auto a = parse_gtid_set(text.substr(0, bar));
  if (!a) return 0;
  check_text(*a);
  if (bar == std::string_view::npos) return 0;
  auto b = parse_gtid_set(text.substr(bar + 1));
  if (b) check_laws(*a, *b);
  return 0;
}

}  // namespace dorsal::mysql
