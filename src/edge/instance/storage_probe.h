// Tries again and again whether something can be written beside a node's data.
//
// mysqld does not tell in time: it waits for room on a full disk, and a stalled disk holds its
// threads in the kernel, while it still answers questions from memory. So a thread of this object's
// own fills a small file each second, makes that durable, and empties it again.
#pragma once

#include <memory>
#include <string>

namespace dorsal::instance {

class StorageProbe {
 public:
  // Writes `file`, whose folder exists. Starts the thread.
  explicit StorageProbe(std::string file);
  // Does not wait for a write that hangs.
  ~StorageProbe();
  StorageProbe(const StorageProbe&) = delete;
  StorageProbe& operator=(const StorageProbe&) = delete;

  // What is wrong, in words for people; empty when nothing is known to be.
  std::string trouble() const;

 private:
  struct State;
  static void probe_for_ever(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;  // the thread's, too
};

}  // namespace dorsal::instance
