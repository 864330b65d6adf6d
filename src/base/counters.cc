#include "base/counters.h"

namespace dorsal {

Number& Counters::get(Kind kind, std::string name, std::string help, Labels labels) {
  std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    if (entry.name == name && entry.labels == labels) return entry.number;
  }
  Entry& made = entries_.emplace_back();
  made.kind = kind;
  made.name = std::move(name);
  made.help = std::move(help);
  made.labels = std::move(labels);
  return made.number;
}

std::vector<Counters::Sample> Counters::read() const {
  std::lock_guard lock(mutex_);
  std::vector<Sample> samples;
  samples.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    samples.push_back({entry.kind, entry.name, entry.help, entry.labels, entry.number.value()});
  }
  return samples;
}

}  // namespace dorsal
