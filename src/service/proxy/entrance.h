// What a client passes before its session begins: its address, limits, the account that its log-in
// means, and what that account demands. One for each session, used on its loop.
//
// Calls match: arrive (start (identify | …)* judge* (admit settle | failed))*, where start() begins
// each log-in, the first as well as those of COM_CHANGE_USER. look_again() may also come later.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "base/result.h"
#include "core/admission/accounts.h"
#include "core/admission/ip_address.h"
#include "core/mysql/reply.h"
#include "edge/io/stream.h"
#include "edge/io/task.h"
#include "service/proxy/admission.h"

namespace dorsal::proxy {

struct LoopContext;

class Entrance {
 public:
  // The context and the client outlive the entrance.
  Entrance(LoopContext& context, io::Stream& client, std::uint32_t session);

  // Reads the header of the PROXY protocol from those who have to send one, and sees whether there
  // is room. An ERR is to be sent in the place of the greeting; on an Error nothing is sent.
  io::Task<Result<std::optional<mysql::ErrPacket>>> arrive(Deadline deadline);

  // Where the client is, as it is known best. Valid after arrive().
  const std::optional<admission::IpAddress>& address() const { return address_; }
  std::string host() const;           // as a server would call it in an error
  std::string host_and_port() const;  // as a server lists its connections
  std::string described() const;      // "10.0.0.1:4711", for the log

  // A log-in begins.
  void start();

  // Finds the account that this user means, looking twice before there is none, after a wait if
  // log-ins from there have failed. Later calls for the same log-in change nothing.
  io::Task<> identify(std::string user, Deadline deadline);

  // Null when there is none. Valid until the next start() or look_again().
  const admission::Account* account() const { return account_; }
  bool may_need_tls() const;
  std::string connection_version() const;  // see Accounts

  // The client has said all that it has to say: is its connection what the account demands? The
  // error is the server's own.
  std::optional<mysql::ErrPacket> judge(bool using_password);

  // An error if the account has further factors of authentication, which cannot be passed on. Only
  // who has the first one, the password, is told so; without `is_proven` it is verified.
  io::Task<std::optional<mysql::ErrPacket>> judge_factors(Secret password,
                                                          bool is_proven,
                                                          Deadline deadline);

  // Looks at the user's accounts once more, after a server has refused one. False: they cannot be
  // read, or there is none any more.
  io::Task<bool> look_again(Deadline deadline);

  // A server has found the password right, for the account that it sees. When the user has others,
  // the client's may be one of those: an error if it has another password.
  io::Task<std::optional<mysql::ErrPacket>> verify(Secret password, Deadline deadline);

  // All that remains. An error: the client may not come in all the same.
  std::optional<mysql::ErrPacket> admit();

  // The log-in is over: the accounts of then are not kept any longer.
  void settle();

  // The log-in was denied.
  void failed();

  // What a server says about the proxy's log-in, with the client's host in the place of the
  // proxy's.
  mysql::ErrPacket reworded(mysql::ErrPacket err) const;

 private:
  io::Task<std::optional<mysql::ErrPacket>> compare(Secret password, Deadline deadline);
  io::Task<Result<void>> read_header(Deadline deadline);
  bool takes_page();
  admission::IpAddress counted_address() const;

  LoopContext& context_;
  io::Stream& client_;
  Visit visit_;
  std::optional<admission::IpAddress> address_;
  std::uint16_t port_ = 0;

  std::optional<std::string> user_;  // once identified
  std::shared_ptr<const admission::Accounts> accounts_;
  const admission::Account* account_ = nullptr;
  std::string unknown_;  // why it is not known whether there is an account; else empty
};

}  // namespace dorsal::proxy
