// Follows one command's reply from a server and rewrites it for a client, in bounded memory.
//
// Dorsal asks every server for CLIENT_DEPRECATE_EOF and CLIENT_SESSION_TRACK, since the OK that
// ends a reply then tells what the proxy must know. A client may have asked for less. The relay
// finds where the reply ends, notes what its OKs say, puts in and takes out what the client's
// capabilities differ by, and renumbers packets. Rows pass through as bytes, never as whole
// packets, so a blob of a gigabyte needs no more memory than a number.
//
// Calls match:  begin (feed (client_sent_file)?)* until feed returns Done or an Error.
// An Error (Corrupt) means that the server broke the protocol; its connection must be closed. The
// numbers of its packets are checked, unless it compresses: then they follow its frames, which have
// numbers of their own.
//
// Sources: MySQL Internals, "Text Resultset", "COM_STMT_PREPARE Response", "LOCAL INFILE Request",
// "OK_Packet"; sql/protocol_classic.cc of the server for what ends a result set, and for what a
// client with CLIENT_OPTIONAL_RESULTSET_METADATA gets: a byte behind the number of columns, and
// behind PREPARE's header, and no definitions where it is 0.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "core/mysql/column.h"
#include "core/mysql/reply.h"
#include "core/mysql/untold_changes.h"

namespace dorsal::mysql {

// What kind of packets a command is answered with.
enum class ReplyShape {
  Results,    // COM_QUERY, COM_STMT_EXECUTE: OK, ERR, LOCAL INFILE or result sets, maybe several
  Prepare,    // COM_STMT_PREPARE
  Rows,       // COM_STMT_FETCH: rows and their end
  Columns,    // COM_FIELD_LIST: column definitions and their end
  OnePacket,  // COM_PING, COM_INIT_DB, COM_STMT_RESET, COM_SET_OPTION…: OK or ERR
  OneText,    // COM_STATISTICS: a packet that is neither, or ERR
};

// Which of a server's session changes a client is to see. The defaults are the server's own.
struct ClientTracking {
  bool schema = true;
  bool state_change = false;
  bool gtids = false;
  bool characteristics = false;
  bool transaction_state = false;
  bool all_variables = false;
  std::vector<std::string> variables = {"time_zone",
                                        "autocommit",
                                        "character_set_client",
                                        "character_set_results",
                                        "character_set_connection"};
  // Those that a SET assigns to before it names a list, and whether the list before named them. In
  // its reply servers tell nothing of them, but of these that something has changed.
  std::map<std::string, bool, std::less<>> forgotten;

  bool has_transactions() const { return characteristics || transaction_state; }

  // Without any, servers do not even tell where transactions begin.
  bool has_any() const {
    return schema || state_change || gtids || characteristics || transaction_state ||
           all_variables || !variables.empty();
  }
};

// What the proxy learns from a reply. Lists add up over all OKs of the reply, but for what was
// taken out of them, see ReplyRelay::take_changes().
struct ReplySummary {
  std::uint16_t status = 0;  // of the last OK
  std::uint16_t warnings = 0;
  bool has_ok = false;  // at least one OK or end of rows was seen
  std::optional<ErrPacket> err;
  std::vector<std::string> gtids;  // one for each OK that carried some
  bool has_gtids = false;          // some did, also when they were taken out
  std::optional<std::string> schema;
  std::vector<std::pair<std::string, std::string>> variables;  // name, value
  std::optional<std::string> characteristics;  // the newest: SQL that starts the transaction again
  std::optional<std::string> transaction_state;  // the newest: eight characters
  bool state_changed = false;                    // some OK said so
  std::uint64_t affected_rows = 0;               // of the last OK that ended no rows
  std::uint64_t insert_id = 0;                   // the same
  std::uint64_t rows = 0;                        // of the last result set
  bool ended_rows = false;                       // the last OK ended rows
  // COM_STMT_PREPARE's answer.
  std::uint32_t statement_id = 0;
  std::uint16_t parameters = 0;
  std::uint16_t columns = 0;
  // The first field of the first row, when asked for; at most 256 bytes of it.
  std::optional<std::string> first_field;
};

// Changes rows on their way.
//
// Calls match, for each result:  begin edit* more_rows. Rows that are fetched from a cursor have no
// begin of their own.
class RowEditor {
 public:
  virtual ~RowEditor() = default;
  // Rows of so many columns follow. There are fewer definitions, or none, where the client has
  // asked for none or where they are larger than any that a server makes.
  virtual void begin(std::uint64_t count, std::vector<Column> definitions) = 0;
  // One row as it stands in its packet, to be changed in place. A row of more than 1 MiB passes
  // unseen.
  virtual void edit(std::string& row) = 0;
  // Rows that come behind the last one of each result.
  virtual std::vector<std::string> more_rows() { return {}; }
};

class ReplyRelay {
 public:
  enum class Progress {
    More,       // the reply goes on
    LocalFile,  // the server asked for a file: it is the client's turn, then client_sent_file()
    Done,
  };

  // The server's capabilities must have CLIENT_DEPRECATE_EOF; CLIENT_SESSION_TRACK decides how its
  // OKs are read. `tracking` must outlive the relay and may change between replies.
  ReplyRelay(std::uint32_t server_capabilities,
             std::uint32_t client_capabilities,
             const ClientTracking& tracking)
      : server_capabilities_(server_capabilities),
        client_capabilities_(client_capabilities),
        tracking_(tracking) {}

  // Another server sends the replies from now on. Between replies only. GTIDs may be those of the
  // client's own writes, which it is shown if it asked for them, or all that the server has.
  void change_server(std::uint32_t capabilities, bool gtids_are_clients) {
    server_capabilities_ = capabilities;
    gtids_are_clients_ = gtids_are_clients;
  }

  // Starts on the reply to a command whose last packet had sequence number `sent`. `statement_id`
  // replaces the server's in a Prepare reply. With `keep_first_field` the summary has it.
  void begin(ReplyShape shape,
             std::uint8_t sent = 0,
             std::optional<std::uint32_t> statement_id = {},
             bool keep_first_field = false);

  // Between begin() and the first feed(): each result set of the reply will have another reply
  // behind it, as those of a CALL have. Servers say so with the EOF behind the columns already, and
  // clients that want this EOF rely on it.
  void expect_more_results() { has_more_results_ = true; }

  // Between begin() and the first feed(): the statement is one for which servers have a transaction
  // of their own on the way. Who tracks transactions is told with the flag alone that something has
  // changed, behind an error with the next OK.
  void expect_inner_transaction() { has_inner_transaction_ = true; }

  // Between begin() and the first feed(): the EOF behind the columns says nothing of a transaction,
  // as servers have it where they read tables of their own for a statement (HELP).
  void hide_transaction_behind_columns() { columns_are_outside_ = true; }

  // Between begin() and the first feed(): the command turned out to have more packets, the last of
  // them with this sequence number.
  void expect_after(std::uint8_t sent) {
    in_sequence_ = out_sequence_ = static_cast<std::uint8_t>(sent + 1);
  }

  // Between begin() and the first feed(): the client has had results ahead of this reply's, in
  // packets up to this sequence number.
  void continue_after(std::uint8_t sent) { out_sequence_ = static_cast<std::uint8_t>(sent + 1); }

  // Between begin() and the first feed(): rows of this reply go through the editor, which outlives
  // it. For Results and Rows. Null: no editor.
  void edit_rows(RowEditor* editor) { editor_ = editor; }

  // Between begin() and the first feed(): no client sees this reply, one of a single packet. What
  // it tells of the session the client is told with the next OK.
  void withhold() { is_withheld_ = true; }

  // Between begin() and the first feed(): where the server says this error in a transaction, the
  // client gets the other one. The summary has the server's.
  void say_instead(std::uint16_t code, ErrPacket err) { instead_.emplace(code, std::move(err)); }

  // Takes bytes of the reply, cut anywhere; appends to `out` what the client is to get. Returns
  // after the reply's last byte even when more bytes are there: consumed() says how many it took.
  Result<Progress> feed(std::string_view bytes, std::string& out);
  std::size_t consumed() const { return consumed_; }

  // Between replies: an OK of the proxy's own, as the client gets it. It tells what the client is
  // still to be told.
  std::string own_ok(const OkPacket& ok);

  // Between replies: the client's transaction was ended by a statement of the proxy's own. The next
  // OK tells of it.
  void end_transaction();

  // Between replies: the client asks to be told of transactions from now on. Of one that a
  // statement has begun before, servers tell nothing any more, not even its end: false.
  bool start_to_tell_transactions();

  // The newest reply of the server was an error.
  bool is_err_newest() const { return is_err_newest_; }

  // An error may have ended the transaction that the last OK said the session is in. Matters to
  // clients that get EOFs, which say so ahead of the next OK.
  bool is_transaction_unsure() const {
    return client_wants_eof() && is_err_newest_ && (last_status_ & status::kInTransaction) != 0;
  }

  // After LocalFile: the client's file ended with a packet of this sequence number, as the client
  // numbered it.
  void client_sent_file(std::uint8_t last_sequence) {
    in_sequence_ = static_cast<std::uint8_t>(last_sequence - sequence_shift() + 1);
    out_sequence_ = static_cast<std::uint8_t>(last_sequence + 1);
  }

  // What must be subtracted from a client's sequence number before the server gets it, while the
  // client sends its file: the packets that this relay put in so far.
  std::uint8_t sequence_shift() const {
    return static_cast<std::uint8_t>(out_sequence_ - in_sequence_);
  }

  const ReplySummary& summary() const { return summary_; }

  // What a reply tells of GTIDs and variables adds up to this much at most, unless it is taken out
  // in between: a server could go on for ever. More is an Error.
  static constexpr std::size_t kMostChanges = std::size_t{4} << 20;

  struct Changes {
    std::vector<std::string> gtids;
    std::vector<std::pair<std::string, std::string>> variables;
  };
  // Takes the lists out of the summary.
  Changes take_changes();

  // Whether anything of the present reply has been appended to an `out`.
  bool has_output() const { return has_output_; }

 private:
  enum class Stage {
    First,         // OK, ERR, LOCAL INFILE, or a number of columns
    Columns,       // column definitions of a result set
    Rows,          // rows, or what ends them
    PrepareFirst,  // the prepared statement's header
    PrepareParameters,
    PrepareColumns,
    FieldList,
    One,
    Text,
    LocalFile,
    Done,
  };

  Result<Progress> start_packet(std::string_view& bytes, std::string& out);
  bool wants_whole(std::uint32_t length, std::uint8_t first) const;
  Result<void> whole_packet(std::string_view payload, std::string& out);
  void packet_passed(std::string& out);

  Result<void> first_packet(std::string_view payload, std::string& out);
  Result<void> result_columns(std::string_view payload, std::string& out);
  Result<void> note_definition(std::string_view payload, std::string& out);
  void columns_are_over();
  void definitions_are_over(std::string& out);
  Result<bool> metadata_flag(Reader& reader, std::string& head);
  Result<void> prepare_header(std::string_view payload, std::string& out);
  Result<void> ok_packet(std::string_view payload, bool ends_rows, std::string& out);
  Result<void> err_packet(std::string_view payload, std::string& out);
  Result<void> note_changes(std::string_view changes, std::string& wanted);
  void note_inner_transaction();
  Result<bool> note_change(const Change& change);
  Result<void> make_room(std::size_t bytes);
  void note_boundary(std::string_view state, std::string& wanted);
  void note_first_row(std::string_view payload);
  void pass_row(std::string_view payload, std::string& out);
  void add_rows(std::string& out);

  Result<void> write_ok(const OkView& ok,
                        std::string_view wanted_changes,
                        bool ends_rows,
                        std::string& out);
  bool tells_changes(bool ends_rows) const;
  void write_packet(std::string_view payload, std::string& out);
  void write_header(std::uint32_t length, std::string& out);
  void write_eof(std::uint16_t status, std::uint16_t warnings, std::string& out);
  void write_held_eof(std::string& out);
  bool client_wants_eof() const;
  Progress progress() const;

  std::uint32_t server_capabilities_;
  const std::uint32_t client_capabilities_;
  const ClientTracking& tracking_;

  Stage stage_ = Stage::Done;
  std::uint8_t in_sequence_ = 0;      // expected of the server's next packet
  std::uint8_t out_sequence_ = 0;     // of the client's next packet
  std::uint64_t left_in_stage_ = 0;   // column definitions still to come
  std::uint32_t pass_left_ = 0;       // bytes of the present packet still to pass through
  bool last_frame_was_full_ = false;  // the packet goes on in the next frame
  bool eof_is_held_ = false;          // columns are over; their EOF waits for what follows
  bool keep_first_field_ = false;
  bool gtids_are_clients_ = true;
  bool has_output_ = false;
  bool columns_are_outside_ = false;
  bool has_begun_transaction_ = false;    // by the statement that the present OK answers
  bool has_change_without_name_ = false;  // the same: the flag is all that tells of it
  bool has_inner_transaction_ = false;
  std::string_view told_transaction_ = kNoTransaction;  // to clients that do not track transactions
  bool hides_transaction_ = false;  // until it ends, see start_to_tell_transactions()
  UntoldChanges untold_;
  bool is_withheld_ = false;    // the present reply
  bool is_err_newest_ = false;  // nothing was OK since the last ERR
  std::optional<std::uint32_t> statement_id_;
  bool has_more_results_ = false;
  // Of the last OK, for an EOF that has none of its own. A session begins with autocommit.
  std::uint16_t last_status_ = status::kAutocommit;
  std::size_t consumed_ = 0;
  std::optional<std::pair<std::uint16_t, ErrPacket>> instead_;  // of the present reply
  RowEditor* editor_ = nullptr;                                 // of the present reply
  std::uint64_t columns_ = 0;                                   // of the present result
  std::vector<Column> definitions_;                             // of those, for the editor
  std::string pending_;  // a header, or a small packet, that came in pieces
  ReplySummary summary_;
  std::size_t listed_bytes_ = 0;  // about what the summary's lists take
};

}  // namespace dorsal::mysql
