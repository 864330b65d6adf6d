// What the proxy knows of the servers' accounts, and how it comes to know.
//
// The monitor of the primary looks about once a second whether mysql.user has changed, and reads it
// again if so. A log-in that finds no account, or that a server refuses, has it looked at once more
// before it is told: an account that was made a moment ago counts at once. While no primary can be
// reached a replica is asked.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "base/published.h"
#include "base/result.h"
#include "base/secret.h"
#include "core/admission/accounts.h"
#include "edge/client/connection.h"
#include "edge/io/task.h"
#include "service/proxy/shared_question.h"

namespace dorsal::proxy {

struct LoopContext;
struct Server;

// The newest accounts. Thread-safe.
class AccountBook {
 public:
  struct Page {
    std::shared_ptr<const admission::Accounts> accounts;  // never null
    std::string digest;  // of the table; equal when nothing has changed
    TimePoint asked;     // they are no older than this
  };

  // Null until they have been read once.
  std::shared_ptr<const Page> newest() const { return page_.load(); }

  enum class Put {
    Same,     // nothing has changed
    Changed,  // these are others than before
    Unclear,  // others came in meanwhile; which are newer is not known, so they are to be read
              // again
  };

  // `before` is what newest() was when the question was sent.
  Put put(Page page, const std::shared_ptr<const Page>& before);

  // Logs why the accounts cannot be read, once for each reason. Empty: they can.
  void note_failure(const std::string& reason);

 private:
  std::mutex mutex_;  // orders put(), and guards failure_
  Published<Page> page_;
  std::string failure_;
};

// The server whose accounts count now; null when none can be reached.
Server* accounts_server(const LoopContext& context);

// Reads the accounts over one connection; begin anew with another one. Of the tables beside
// mysql.user, those count that the monitor's account may read.
class AccountReader {
 public:
  // Looks whether the accounts have changed, and reads them if so.
  io::Task<Result<void>> read(LoopContext& context,
                              client::Connection& connection,
                              Deadline deadline);

 private:
  io::Task<Result<void>> learn_columns(client::Connection& connection, Deadline deadline);
  io::Task<Result<AccountBook::Put>> read_once(LoopContext& context,
                                               client::Connection& connection,
                                               Deadline deadline);

  std::string whether_changed_;  // empty until the columns are known
  std::string all_;
};

// Whether this is the account's password, or its second one. Empty when its plug-in is none whose
// hashes can be read.
io::Task<Result<std::optional<bool>>> verify_password(LoopContext& context,
                                                      admission::Account account,
                                                      Secret password,
                                                      Deadline deadline);

// Reads accounts for log-ins that cannot wait for the monitor: one question at a time, shared by
// all who came before it was sent. One for each loop.
class AccountProbe {
 public:
  // The context outlives the probe.
  explicit AccountProbe(LoopContext& context);
  ~AccountProbe();

  // Success: the book has been brought up to some moment after this call began.
  io::Task<Result<void>> look(Deadline deadline);

  // Ends the task that asks. Call it on the loop, before the probe's end.
  io::Task<> stop();

 private:
  friend SharedQuestion<void, AccountProbe>;
  io::Task<Result<void>> ask();

  LoopContext& context_;
  std::unique_ptr<client::Connection> connection_;
  AccountReader reader_;
  Server* connected_to_ = nullptr;
  SharedQuestion<void, AccountProbe> question_;
};

}  // namespace dorsal::proxy
