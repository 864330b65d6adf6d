// Session changes that a client is to be told of, and that no packet has told it yet.
//
// A client without CLIENT_DEPRECATE_EOF gets an EOF behind rows, and no EOF carries changes. A
// server tells them with the next OK then, each as it is by that time; of GTIDs only those of the
// same command, and the next OK has the flag alone of what there was before. A state of the
// transaction that the client has been told already is not told again.
//
// Calls match:  (command_begins (keep | keep_own | take | take_own)*)*
//
// A client may never get an OK, and a server could make up changes without end. So only so many are
// kept: more than any server has reason to tell.
//
// Source: sql/session_tracker.cc of the server, and notify_after_response_packet() in
// sql/rpl_context.cc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/mysql/reply.h"

namespace dorsal::mysql {

class UntoldChanges {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMostVariables = 4096;

  void command_begins() {
    if (has_any_) kept_.gtids.reset();
  }

  // The client is to be told of these, and did not get them. Corrupt when they are malformed, or
  // too many: then only the flag is left of all that was kept.
  Result<void> keep(std::string_view changes);
  // The same of the proxy's own, which are few, and no GTIDs.
  void keep_own(Trackers changes);
  // There was a change, of which there is nothing to tell.
  void keep_flag() { has_any_ = true; }

  // Of an OK that comes now, with these changes: what it tells, which may be nothing but the flag
  // SESSION_STATE_CHANGED. Without any that were kept it is what was given.
  struct Told {
    std::string changes;
    bool has_flag = false;
  };
  Result<Told> take(std::string_view changes);
  // The same of an OK of the proxy's own.
  Told take_own(Trackers changes);

 private:
  Result<void> add_of_server(std::string_view changes);
  Result<void> add(Trackers newer);
  Told tell_kept();
  Told told_as(std::string changes, bool has_flag);

  bool has_any_ = false;
  Trackers kept_;
  std::string told_state_{kNoTransaction};  // of the transaction, as the client knows it
};

}  // namespace dorsal::mysql
