#include "safety_rules.h"

#include <fmt/format.h>

#include "mutations.h"

namespace dorsal::sim {

const std::vector<SafetyRule>& safety_rules() {
  static const std::vector<SafetyRule> rules{
      {"store",
       "Every write to the store is compared with what it was decided on: a lock there excludes "
       "nobody by itself.",
       ""},
      {"revocation",
       "Who promises a term has stopped its receiver, one that only tries to connect too, has "
       "written the promise down, and never again receives from a primary of an older term.",
       ""},
      {"votes",
       "A voter is in the store before it acknowledges. It acknowledges no more before its vote is "
       "taken out, and others have what it stood for by then. More acknowledgements are required "
       "before "
       "elections count on them, fewer after.",
       "the order of a new vote: unit Decide.*, rules become_voter and give_acks_as_voter"},
      {"settings",
       "Semi-sync waits after the binlog is synced, without end, also without replicas; binlog and "
       "redo log are synced with each commit; whether semi-sync is in force is read back.",
       "unit MyCnf.*; e2e.settings; rule alarm_on_fall_back"},
      {"relay log",
       "An acknowledgement means that the transaction is in a relay log, on disk, and stays there "
       "through a restart. A replica that has lost some loses its vote.",
       ""},
      {"unapplied", "A relay log that holds unapplied transactions is never thrown away.", ""},
      {"candidates",
       "Candidates are compared as sets of what they executed or received; without one that has "
       "all "
       "that any of them has nobody leads, and that is said.",
       ""},
      {"promotion",
       "Revoke, apply, take the term in the store, forget the source, require acknowledgements, "
       "look at the lease again, open: in this order.",
       ""},
      {"waiting clients",
       "Clients that wait for an acknowledgement at a deposed primary are told nothing: it is "
       "killed "
       "rather than shut down, and semi-sync stays on while they wait.",
       ""},
      {"read only",
       "super_read_only may hang behind such clients: it is bounded, then comes SIGKILL.",
       "e2e.switchover, what_is_held_back_goes_on_when_it_is_given_up"},
      {"connections",
       "Connections to servers do not outlive a role that they were made for. See "
       "docs/decisions/connections-outlive-a-switchover.md for how far that goes.",
       "e2e.switchover; e2e.failover"},
      {"boot",
       "A server boots read-only and without replication, keeps no setting of its role, and ends "
       "with its agent.",
       "unit MyCnf.BootsSafe; e2e.restart, every_agent_killed"},
      {"ghosts",
       "Who comes back with transactions that the primary never had neither follows nor votes; "
       "they "
       "are put aside and its data is cloned anew.",
       ""},
      {"strays",
       "Whether a replica has such is told by looking at the replica first, and the primary's own "
       "newest writes are none.",
       ""},
      {"reset",
       "RESET BINARY LOGS AND GTIDS is for a server that never joined.",
       "no statement of an agent's says so but those of a first start: unit BootstrapSql.*"},
      {"clones",
       "A clone has a vote only once it has caught up, and whoever is left behind by purged "
       "binlogs "
       "is cloned anew.",
       ""},
      {"lease",
       "A lease runs from the moment at which its renewal was sent, by a clock that never jumps "
       "and "
       "runs through suspend.",
       ""},
      {"without store",
       "Without the store a primary goes on only while every member, asked directly, agrees.",
       ""},
      {"detection",
       "A replica notices within seconds that its source is silent, and tries again each second.",
       "e2e.settings, a_lost_source_is_noticed_within_seconds"},
      {"repair",
       "The repair of a replica never delays a fail-over.",
       "unit Election.NoRepairDelaysIt"},
      {"proxies",
       "A proxy never goes back to a primary of a lower term than it has seen.",
       "unit SessionTest.WithAHigherTermStatementsGoToItsPrimaryAndNeverBack"},
      {"override",
       "An operator may override, and is told before which transactions that loses.",
       "e2e.protection, only_an_operator_gives_up_what_cannot_be_had"},
      {"power",
       "A cluster that lost power comes back by itself once a quorum of its last voters is there, "
       "and not before.",
       ""},
      {"availability",
       "In mode available writes go on without acknowledgements once the store knows it, and are "
       "protected again as soon as that is possible.",
       "e2e.protection, OtherModes"},
      {"restored store",
       "Nodes remember what they saw of the store, and do not obey one that knows less.",
       "chaos, store-restored"},
  };
  return rules;
}

std::string describe_safety_rules() {
  std::string page =
      "# What keeps acknowledged writes\n\n"
      "Printed from `tests/sim/safety_rules.cc` and `tests/sim/mutations.cc`; do not edit. Each "
      "rule "
      "is broken on\n"
      "purpose, one mutation at a time, in the simulator; the invariant must tell, from this seed "
      "on. What has no place in\n"
      "the model is shown elsewhere.\n";
  int number = 0;
  for (const SafetyRule& rule : safety_rules()) {
    page += fmt::format("\n## {}. {}\n\n{}\n\n", ++number, rule.name, rule.sentence);
    for (const Mutation& mutation : mutations()) {
      if (mutation.rule != rule.name) continue;
      page += fmt::format("- `{}` breaks that {}: {}, seed {}\n",
                          mutation.name,
                          mutation.breaks,
                          to_string(mutation.told_by),
                          mutation.seed);
    }
    if (!rule.elsewhere.empty()) page += fmt::format("- elsewhere: {}\n", rule.elsewhere);
  }
  return page;
}

}  // namespace dorsal::sim
