// What became of writes whose answers were lost with their connections.
//
// Whoever sent a COMMIT and heard nothing is owed the truth. The server that is the primary by then
// knows what the lost connection has committed. Whether it has or has not is said only once nothing
// can change it any more:
//
//   the same server   its own binary log tells. Its connection has ended, so nothing more is to
//                     come of it;
//   another one       its table dorsal.commit_origin tells, see instance::Origins. It leads in a
//                     higher term, and as many replicas as acknowledge a write have all that it
//                     has, something of its own included: from now on nobody without that can
//                     become the primary, and so nobody who has the write without it.
//
// One for each loop. One search at a time is under way, for all that are wanted.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/result.h"
#include "core/cluster/topology.h"
#include "core/mysql/commit_search.h"
#include "edge/io/task.h"
#include "service/proxy/shared_question.h"

namespace dorsal::proxy {

struct LoopContext;
struct Server;
struct ServerView;

struct LostWrite {
  mysql::LostCommit commit;
  cluster::Term term;   // in which it was sent
  TimePoint opened_at;  // its connection
};

struct Verdict {
  enum class Kind {
    Unknown,
    Committed,
    NotCommitted,         // by a server that is gone, or was started anew since
    NotCommittedByAlive,  // the server has ended it by itself, as when it was told to
  };
  Kind kind = Kind::Unknown;
  std::string gtid;  // of what was committed
  std::string why;   // it is unknown
};

inline constexpr std::size_t kVerdicts = 4;
std::string_view to_string(Verdict::Kind kind);

class LostWrites {
 public:
  // The context outlives it.
  explicit LostWrites(LoopContext& context);

  // Waits for a primary that can tell, until the deadline.
  io::Task<Verdict> find_out(LostWrite lost, Deadline deadline);

  // Ends the task that searches. Call it on the loop, before the end.
  io::Task<> stop() { co_await question_.stop(); }

 private:
  // What a primary's log had at one moment.
  struct Search {
    std::map<mysql::LostCommit, mysql::CommitSearch::Finding> findings;
    std::set<std::uint32_t> open;  // connections with wanted numbers that it has
    mysql::Uuid primary;
    Server* server = nullptr;
    cluster::Term term;
    TimePoint started_at;      // the server, at the earliest
    std::string executed;      // by it, behind all findings
    bool has_written = false;  // something of its own, since it was elected
  };
  using Answer = std::shared_ptr<const Search>;
  // Empty: the search does not decide it yet, which `why` then says.
  using Decision = std::optional<Verdict>;

  friend SharedQuestion<Answer, LostWrites>;
  io::Task<Result<Answer>> ask();
  io::Task<Result<Answer>> search(std::shared_ptr<const ServerView> view);
  io::Task<Decision> judge(const Search& search,
                           const LostWrite& lost,
                           Deadline deadline,
                           std::string& why);
  io::Task<bool> is_kept(const Search& search, Deadline deadline);

  LoopContext& context_;
  std::multiset<mysql::LostCommit> wanted_;
  SharedQuestion<Answer, LostWrites> question_;
};

}  // namespace dorsal::proxy
