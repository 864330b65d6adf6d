// The shape of every conversation with the other side of a MySQL connection.
//
// A conversation decides, it never does input or output. Its driver calls
//
//   Result<Need> next(std::string_view received);
//
// first with nothing, then again whenever the Need before it has been met: with the bytes that a
// read brought, cut anywhere, or with nothing after a write or the start of TLS. The sequence of
// calls matches: (Read | Write | StartTls | Ask)* Done, or ends with an Error, after which the
// connection is to be closed. Bytes that were received beyond the end of the conversation are kept
// for whoever comes next (see each class's leftover()).
#pragma once

#include <string>

namespace dorsal::mysql {

struct Need {
  enum class Kind {
    Read,      // wait for bytes and hand them to next()
    Write,     // send `bytes`, all of them, then call next("")
    StartTls,  // begin TLS on the connection (the side that the conversation plays), then next("")
    Ask,       // the conversation wants a decision of its owner, see its class; then next("")
    Done,      // finished; the conversation's accessors hold the outcome
  };
  Kind kind = Kind::Read;
  std::string bytes;  // whole packets with their headers, for Write; empty otherwise

  static Need read() { return {Kind::Read, {}}; }
  static Need write(std::string bytes) { return {Kind::Write, std::move(bytes)}; }
  static Need start_tls() { return {Kind::StartTls, {}}; }
  static Need ask() { return {Kind::Ask, {}}; }
  static Need done() { return {Kind::Done, {}}; }
};

}  // namespace dorsal::mysql
