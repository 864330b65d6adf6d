// Session changes that a client is to be told of, and that no packet has told it yet.
//
// A client without CLIENT_DEPRECATE_EOF gets an EOF behind rows, and no EOF carries changes. A
// server tells them with the next OK then, each as it is by that time; of GTIDs only those of the
// same command, and the next OK has the flag alone of what there was before. A state of the
// transaction that the client has been told already is not told again.
//
// Calls match:  (command_begins (keep | take)*)*
//
// Source: sql/session_tracker.cc of the server, and notify_after_response_packet() in
// sql/rpl_context.cc.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "core/mysql/reply.h"

namespace dorsal::mysql {

class UntoldChanges {
 public:
  void command_begins() {
    if (has_any_) kept_.gtids.reset();
  }

  // The client is to be told of these, and did not get them. Corrupt when malformed.
  Result<void> keep(std::string_view changes);
  // There was a change, of which there is nothing to tell.
  void keep_flag() { has_any_ = true; }

  // Of an OK that comes now, with these changes: what it tells, which may be nothing but the flag
  // SESSION_STATE_CHANGED. Without any that were kept it is what was given.
  struct Told {
    std::string changes;
    bool has_flag = false;
  };
  Result<Told> take(std::string_view changes);

 private:
  Result<void> add(std::string_view changes);

  bool has_any_ = false;
  Trackers kept_;
  std::string told_state_{kNoTransaction};  // of the transaction, as the client knows it
};

}  // namespace dorsal::mysql
