#include "core/mysql/gtid_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace dorsal::mysql {
namespace {

using Intervals = std::vector<GtidInterval>;
using Members = std::vector<GtidMember>;

// ---- intervals of one source; all lists are sorted and merged ----

// True when the two overlap or touch, so that one interval covers both; left begins first.
bool joins(const GtidInterval& left, const GtidInterval& right) {
  return right.first <= left.last + 1;
}

void append_merged(Intervals& list, const GtidInterval& next) {
  if (!list.empty() && joins(list.back(), next)) {
    list.back().last = std::max(list.back().last, next.last);
  } else {
    list.push_back(next);
  }
}

void add_interval(Intervals& list, GtidInterval added) {
  if (list.empty() || list.back().first <= added.first) {
    append_merged(list, added);
    return;
  }
  // [begin, end) are those that the new one joins.
  auto begin = std::partition_point(list.begin(), list.end(), [&](const auto& old) {
    return old.last + 1 < added.first;
  });
  auto end = std::partition_point(begin, list.end(), [&](const auto& old) {
    return old.first <= added.last + 1;
  });
  if (begin == end) {
    list.insert(begin, added);
    return;
  }
  begin->first = std::min(begin->first, added.first);
  begin->last = std::max((end - 1)->last, added.last);
  list.erase(begin + 1, end);
}

void unite_intervals(Intervals& list, const Intervals& other) {
  if (other.size() == 1) return add_interval(list, other.front());
  Intervals sorted;
  sorted.reserve(list.size() + other.size());
  std::merge(list.begin(), list.end(), other.begin(), other.end(), std::back_inserter(sorted));
  list.clear();
  for (const auto& interval : sorted) append_merged(list, interval);
}

Intervals difference(const Intervals& list, const Intervals& removed) {
  Intervals out;
  auto cut = removed.begin();
  for (auto rest : list) {
    while (cut != removed.end() && cut->last < rest.first) ++cut;
    // `cut` stays where it is: it may reach into the next interval, too.
    for (auto here = cut; here != removed.end() && here->first <= rest.last; ++here) {
      if (rest.first < here->first) out.push_back({rest.first, here->first - 1});
      rest.first = here->last + 1;
      if (rest.first > rest.last) break;
    }
    if (rest.first <= rest.last) out.push_back(rest);
  }
  return out;
}

Intervals intersection(const Intervals& left, const Intervals& right) {
  Intervals out;
  auto a = left.begin();
  auto b = right.begin();
  while (a != left.end() && b != right.end()) {
    auto first = std::max(a->first, b->first);
    auto last = std::min(a->last, b->last);
    if (first <= last) out.push_back({first, last});
    if (a->last < b->last) {
      ++a;
    } else {
      ++b;
    }
  }
  return out;
}

bool contains_interval(const Intervals& list, const GtidInterval& wanted) {
  auto found = std::partition_point(list.begin(), list.end(), [&](const auto& old) {
    return old.last < wanted.first;
  });
  return found != list.end() && found->first <= wanted.first && wanted.last <= found->last;
}

// ---- members ----

// Compares without making a string of the tag.
bool is_before(const GtidMember& member, const Uuid& uuid, std::string_view tag) {
  if (auto order = member.source.uuid <=> uuid; order != 0) return order < 0;
  return member.source.tag < tag;
}

// Where the source stands, or would stand.
template <class List>
auto place_of(List& members, const Uuid& uuid, std::string_view tag) {
  return std::partition_point(members.begin(), members.end(), [&](const GtidMember& member) {
    return is_before(member, uuid, tag);
  });
}

template <class List>
auto* find(List& members, const Uuid& uuid, std::string_view tag) {
  auto place = place_of(members, uuid, tag);
  bool found = place != members.end() && place->source.uuid == uuid && place->source.tag == tag;
  return found ? &*place : nullptr;
}

template <class List>
auto* find(List& members, const GtidSource& source) {
  return find(members, source.uuid, source.tag);
}

Intervals& at(Members& members, const Uuid& uuid, std::string_view tag) {
  if (auto* member = find(members, uuid, tag)) return member->intervals;
  GtidMember added{{uuid, std::string(tag)}, {}};
  return members.insert(place_of(members, uuid, tag), std::move(added))->intervals;
}

}  // namespace

void GtidSet::add(const Uuid& uuid, std::string_view tag, std::uint64_t first, std::uint64_t last) {
  DORSAL_CHECK(kFirstGno <= first && first <= last && last <= kLastGno);
  add_interval(at(members_, uuid, tag), {first, last});
}

void GtidSet::unite(const GtidSet& other) {
  for (const auto& [source, intervals] : other.members_) {
    unite_intervals(at(members_, source.uuid, source.tag), intervals);
  }
}

void GtidSet::subtract(const GtidSet& other) {
  for (auto& [source, intervals] : members_) {
    if (const auto* removed = find(other.members_, source)) {
      intervals = difference(intervals, removed->intervals);
    }
  }
  std::erase_if(members_, [](const auto& member) { return member.intervals.empty(); });
}

void GtidSet::intersect(const GtidSet& other) {
  for (auto& [source, intervals] : members_) {
    const auto* kept = find(other.members_, source);
    intervals = kept != nullptr ? intersection(intervals, kept->intervals) : Intervals();
  }
  std::erase_if(members_, [](const auto& member) { return member.intervals.empty(); });
}

bool GtidSet::contains(const GtidSet& other) const {
  return std::all_of(other.members_.begin(), other.members_.end(), [&](const auto& wanted) {
    const auto* member = find(members_, wanted.source);
    return member != nullptr &&
           std::all_of(wanted.intervals.begin(), wanted.intervals.end(), [&](const auto& one) {
             return contains_interval(member->intervals, one);
           });
  });
}

bool GtidSet::contains(const Uuid& uuid, std::string_view tag, std::uint64_t gno) const {
  const auto* member = find(members_, uuid, tag);
  return member != nullptr && contains_interval(member->intervals, {gno, gno});
}

std::uint64_t GtidSet::count() const {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t sum = 0;
  for (const auto& member : members_) {
    for (const auto& [first, last] : member.intervals) {
      auto size = last - first + 1;
      sum = sum > kMost - size ? kMost : sum + size;
    }
  }
  return sum;
}

// A UUID is printed once, with all its tags behind it.
std::string GtidSet::to_string() const {
  std::string out;
  const Uuid* printed = nullptr;
  for (const auto& [source, intervals] : members_) {
    if (printed == nullptr || *printed != source.uuid) {
      if (printed != nullptr) out += ',';
      out += mysql::to_string(source.uuid);
      printed = &source.uuid;
    }
    if (!source.tag.empty()) out += ":" + source.tag;
    for (const auto& [first, last] : intervals) {
      out += first == last ? fmt::format(":{}", first) : fmt::format(":{}-{}", first, last);
    }
  }
  return out;
}

std::string to_string(const GtidSet& set) { return set.to_string(); }

}  // namespace dorsal::mysql
