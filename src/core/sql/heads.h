// Reads the head of a statement: the words behind its verb that choose between its forms.
//
// Each function stands behind the verb, corrects what the verb's row says where the form is another
// one, and stops anywhere before the statement's end; the rest is read for it.
#pragma once

#include "core/sql/recogniser.h"

namespace dorsal::sql {

struct Heads {
  using Read = void (*)(Recogniser&);

  static void nothing(Recogniser& r);
  static void with(Recogniser& r);
  static void create(Recogniser& r);
  static void alter(Recogniser& r);
  static void drop(Recogniser& r);
  static void rename(Recogniser& r);
  static void load(Recogniser& r);
  static void explain(Recogniser& r);
  static void show(Recogniser& r);
  static void begin(Recogniser& r);
  static void start(Recogniser& r);
  static void commit(Recogniser& r);
  static void rollback(Recogniser& r);
  static void xa(Recogniser& r);
  static void lock(Recogniser& r);
  static void unlock(Recogniser& r);
  static void flush(Recogniser& r);
  static void handler(Recogniser& r);
  static void set(Recogniser& r);
  static void unknown(Recogniser& r);
  static void administration(Recogniser& r);

 private:
  static bool account(Recogniser& r);
  static void skip_definer(Recogniser& r);
  static void body(Recogniser& r);
};

}  // namespace dorsal::sql
