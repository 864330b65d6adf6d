// The numbers of MySQL's compressed frames, and of the packets in them. For FrameCodec.
//
// Frames have numbers of their own beside those of packets. Both begin at 0 with each command, and
// whoever answers goes on from the last number of the other side: a command of frames 0 and 1 is
// answered with 2, 3, …; the file that a reply asks for (LOAD DATA LOCAL) goes on after the request
// for it, and the rest of the reply after the file. They wrap at 256. Clients and servers check the
// numbers of frames, and end the connection over a wrong one.
//
// With compression nobody looks at the numbers of packets, and they cannot be relied on: the server
// and the C client set them to the number of the frame with each flush, so they jump between the
// results of one reply; MariaDB's C client numbers all packets of a large command 0. A server's
// side therefore numbers what it receives anew, as it would be without compression. On the client's
// side only who follows the replies knows where one ends, so there the numbers stay as they come.
//
// Commands that are sent at once each begin a frame of their own on the client's side: a server
// builds its reply where the rest of the frame lies, and loses the commands that follow in it.
//
// Sources: sql-common/net_serv.cc of MySQL (net_clear, net_flush, net_read_packet_header,
// compress_packet), libmariadb/ma_net.c, compress.go of Go's driver, and what MySQL 9.7 does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dorsal::io {

class FrameNumbers {
 public:
  explicit FrameNumbers(bool is_server) : is_server_(is_server) {}

  // ---- what is received ----

  // True when a frame of this number would begin a command. Server's side.
  bool begins_command(std::uint8_t number) const;

  // A frame's header has been read. Corrupt when the number is not its turn.
  Result<void> frame_received(std::uint8_t number);

  // The next bytes of packets out of that frame. The server's side numbers the packets anew.
  void packets_received(char* bytes, std::size_t size);

  // ---- what is sent ----

  struct Cut {
    std::uint8_t number = 0;
    std::size_t size = 0;  // 0: the bytes are a piece of a packet's header, which has to be whole
  };

  // Cuts the bytes for the next frame off the front of what is to be sent.
  Cut next_frame(std::string_view packets, std::size_t most);

  // The server's side has read a command to its end (or as far as it reads it before it answers)
  // and begins to answer. It may have read parts of the next one already.
  void begin_reply();

 private:
  // Where one direction is between its packets.
  struct Place {
    std::uint32_t left = 0;         // bytes of the packet's payload still to come
    std::uint32_t header_read = 0;  // bytes of the next packet's header that have come
    std::uint32_t length = 0;       // as far as the header has come
    bool goes_on = false;           // the payload goes on in another packet

    bool is_between() const { return left == 0 && header_read == 0 && !goes_on; }
  };

  // What a frame's own number says about the packet that stands first in it.
  enum class Hint { None, Begins, GoesOn };

  template <class Byte, class OnFirst, class OnNumber>
  static void walk(Place& place,
                   Byte* bytes,
                   std::size_t size,
                   OnFirst on_first,
                   OnNumber on_number);

  std::uint8_t expected() const;
  bool begins_exchange(std::uint8_t number, bool has_other_side_spoken) const;
  Result<void> server_received(std::uint8_t number);
  Result<void> client_received(std::uint8_t number);
  std::uint8_t number_anew(std::uint8_t number);
  Cut next_server_frame(std::string_view packets, std::size_t most);
  Cut next_client_frame(std::string_view packets, std::size_t most);
  void command_begins();

  const bool is_server_;

  // Of frames.
  std::uint8_t read_next_ = 0;   // if the other side goes on
  std::uint8_t write_next_ = 0;  // if this side goes on
  bool has_read_ = false;        // ever
  bool wrote_last_ = false;      // a frame was sent since the last one was received

  // The client's side.
  bool read_last_ = false;    // a frame was received since the last packet was sent
  std::string reply_starts_;  // the first numbers of replies that may be to come, but for 1

  // The server's side.
  bool command_is_ahead_ = false;    // one has been received in part that is not being answered
  Hint frame_hint_ = Hint::None;     // for a packet at the frame's beginning
  bool is_frame_start_ = false;      // nothing of the frame's packets has been received yet
  Hint header_hint_ = Hint::None;    // for the packet whose header is being received
  bool began_inside_frame_ = false;  // the message that is being received
  bool sent_packet_last_ = false;    // a packet was sent since one was received
  std::uint8_t in_number_ = 0;       // of the last packet received, as numbered anew
  std::uint8_t out_number_ = 0;      // of the last packet sent

  std::uint8_t last_as_it_came_ = 0;  // of the client's last packet, on either side
  Place in_;
  Place out_;
};

}  // namespace dorsal::io
