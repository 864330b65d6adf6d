// Numbers that services count and that the metrics page and `dorsal status` show.
//
// A Counters object is made by app and handed to each service. Looking a number up takes a lock and
// happens once, when its owner is made; adding to it is one relaxed atomic and may happen on any
// thread. References stay valid as long as the Counters.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace dorsal {

class Number {
 public:
  void add(std::int64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

class Counters {
 public:
  enum class Kind { Counter, Gauge };  // as Prometheus means them: a Counter only grows
  using Labels = std::vector<std::pair<std::string, std::string>>;

  struct Sample {
    Kind kind;
    std::string name;  // Prometheus style: dorsal_proxy_reads_total
    std::string help;
    Labels labels;
    std::int64_t value;
  };

  Counters() = default;
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;

  // The number of that name and these labels, made at the first call.
  Number& get(Kind kind, std::string name, std::string help, Labels labels = {});
  Number& counter(std::string name, std::string help, Labels labels = {}) {
    return get(Kind::Counter, std::move(name), std::move(help), std::move(labels));
  }
  Number& gauge(std::string name, std::string help, Labels labels = {}) {
    return get(Kind::Gauge, std::move(name), std::move(help), std::move(labels));
  }

  // All numbers as of now, in the order in which they were made.
  std::vector<Sample> read() const;

 private:
  struct Entry {
    Kind kind;
    std::string name;
    std::string help;
    Labels labels;
    Number number;
  };

  mutable std::mutex mutex_;
  std::deque<Entry> entries_;
};

}  // namespace dorsal
