// Recognises one statement by its first words, and judges it by the facts in the rest.
//
// The head of a statement (its verb and the words that choose between its forms) is read by the
// rows in recogniser.cc and the functions in heads.cc; everything behind it only passes the
// Observer.
#pragma once

#include <string_view>

#include "core/sql/cursor.h"
#include "core/sql/observer.h"
#include "core/sql/statement.h"

namespace dorsal::sql {

class Recogniser {
 public:
  // Stands on the first token of a statement. The cursor must outlive the recogniser.
  Recogniser(Cursor& cursor, std::string_view sql, LexerMode mode)
      : cursor_(cursor), observer_(mode), sql_(sql), mode_(mode) {}

  // Reads to the end of the statement: the cursor then stands on the semicolon or the end.
  Statement recognise();

  // What SetReader asks of its tokens; every token stepped over has passed the Observer, and no
  // step leads out of the statement.
  const Token& token() const { return cursor_.token(); }
  bool at_statement_end() const { return cursor_.at_statement_end(); }
  int code_marks() const { return cursor_.code_marks(); }
  void advance();
  bool accept(std::string_view word);
  bool accept(char sign);

 private:
  friend struct Heads;

  void step();
  void skip();  // a step past the Observer
  void read_rest();
  void judge();
  void judge_pins();
  bool only_releases_locks() const;
  void decide(Place place, std::string_view rule);

  Cursor& cursor_;
  Observer observer_;
  Statement statement_;
  std::string_view sql_;
  LexerMode mode_;
  int observed_ = 0;
};

}  // namespace dorsal::sql
