// Different numbers and names are different types.
//
//   using Term = NamedType<std::uint64_t, struct TermTag>;
//
// A NamedType is made explicitly, compares and hashes like its value, and prints through fmt by
// its value(). It has no arithmetic: whoever needs it says `Term(term.value() + 1)`.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <utility>

namespace dorsal {

template <class T, class Tag>
class NamedType {
 public:
  NamedType() = default;
  explicit NamedType(T value) : value_(std::move(value)) {}

  const T& value() const { return value_; }

  auto operator<=>(const NamedType&) const = default;
  bool operator==(const NamedType&) const = default;

 private:
  T value_{};
};

}  // namespace dorsal

template <class T, class Tag>
struct std::hash<dorsal::NamedType<T, Tag>> {
  std::size_t operator()(const dorsal::NamedType<T, Tag>& named) const {
    return std::hash<T>()(named.value());
  }
};
