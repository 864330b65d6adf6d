// A real etcd and a loop, for tests that break one of the two.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "edge/coord/etcd_store.h"
#include "edge/io/scope.h"
#include "etcd_cluster.h"

namespace dorsal::coord {

class EtcdTest : public ::testing::Test {
 protected:
  static constexpr const char* kPrefix = "/dorsal/shop";

  // A hang, not a slow machine.
  Deadline hang_limit() { return loop_.after(std::chrono::seconds(60)); }
  Deadline in(int milliseconds) { return loop_.after(std::chrono::milliseconds(milliseconds)); }

  EtcdOptions with_notices(EtcdOptions options) {
    options.notice = [this](const std::string& sentence) { notices_.push_back(sentence); };
    return options;
  }

  Result<Revision> put(EtcdStore& store, std::string key, std::string value, Revision expected) {
    return io::block_on(loop_, store.put(std::move(key), std::move(value), expected, hang_limit()));
  }
  Result<std::optional<Entry>> get(EtcdStore& store, std::string key) {
    return io::block_on(loop_, store.get(std::move(key), hang_limit()));
  }
  Result<Revision> changed_since(EtcdStore& store, Revision seen) {
    return io::block_on(loop_, store.changed_since(seen, hang_limit()));
  }

  // Until it is known to have taken place. Between two of its tries nobody else writes the key.
  Revision write_surely(EtcdStore& store, const std::string& key, const std::string& value) {
    for (;;) {
      auto there = get(store, key);
      if (there && *there && (*there)->value == value) return (*there)->revision;
      if (!there) continue;
      auto expected = *there ? (*there)->revision : Revision();
      auto written = put(store, key, value, expected);
      if (written) return *written;
    }
  }

  bool was_noticed(const std::string& words) const {
    for (const auto& notice : notices_) {
      if (notice.find(words) != std::string::npos) return true;
    }
    return false;
  }

  io::Loop loop_;
  std::vector<std::string> notices_;
};

}  // namespace dorsal::coord
