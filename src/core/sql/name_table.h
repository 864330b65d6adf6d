// A table from names to values, laid out by the compiler and looked up without regard to case.
//
// Most words of a statement are in no table, so a miss must be cheap: the hash takes the length
// and three characters, and with three slots per name most misses end at an empty slot.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/sql/ascii.h"

namespace dorsal::sql {

template <class Value>
struct NameRow {
  std::string_view name;  // lower case, never empty
  Value value;
};

template <class Value, std::size_t Count>
class NameTable {
 public:
  explicit constexpr NameTable(const std::array<NameRow<Value>, Count>& rows) : rows_(rows) {
    for (std::size_t i = 0; i < Count; ++i) {
      std::size_t slot = slot_of(rows_[i].name);
      while (slots_[slot] != 0) slot = (slot + 1) % kSlots;
      slots_[slot] = static_cast<std::uint16_t>(i + 1);
    }
  }

  // Null when the name is not in the table.
  constexpr const Value* find(std::string_view name) const {
    if (name.empty()) return nullptr;
    for (std::size_t slot = slot_of(name); slots_[slot] != 0; slot = (slot + 1) % kSlots) {
      const NameRow<Value>& row = rows_[slots_[slot] - 1U];
      if (row.name.size() == name.size() && starts_with_word(name, row.name)) return &row.value;
    }
    return nullptr;
  }

  constexpr const std::array<NameRow<Value>, Count>& rows() const { return rows_; }

 private:
  static constexpr std::size_t kSlots = std::bit_ceil(3 * Count);

  static constexpr std::size_t slot_of(std::string_view name) {
    auto at = [&](std::size_t i) {
      return std::uint32_t{static_cast<unsigned char>(name[i])} | 0x20;
    };
    std::uint32_t mixed = at(0) ^ at(name.size() / 2) << 7 ^ at(name.size() - 1) << 14 ^
                          static_cast<std::uint32_t>(name.size()) << 21;
    return (mixed * 0x9E3779B1U) >> (32 - std::bit_width(kSlots - 1));
  }

  std::array<NameRow<Value>, Count> rows_;
  std::array<std::uint16_t, kSlots> slots_{};
};

template <class Value, std::size_t Count>
NameTable(const std::array<NameRow<Value>, Count>&) -> NameTable<Value, Count>;

// The two below make rows of a list of words with a separator between them.
constexpr std::size_t count_words(std::string_view list, char separator = ' ') {
  std::size_t count = 1;
  for (char c : list) count += c == separator ? 1 : 0;
  return count;
}

// Returns the index behind the last row written.
template <class Value, std::size_t Count>
constexpr std::size_t add_words(std::array<NameRow<Value>, Count>& rows,
                                std::size_t next,
                                std::string_view list,
                                Value value,
                                char separator = ' ') {
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    if (i < list.size() && list[i] != separator) continue;
    rows[next++] = {list.substr(begin, i - begin), value};
    begin = i + 1;
  }
  return next;
}

}  // namespace dorsal::sql
