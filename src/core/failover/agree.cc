#include "core/failover/agree.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dorsal::failover {
namespace {

using cluster::Agreement;
using cluster::Claim;
using cluster::Objection;

// An objection and its sentence.
using Doubt = std::pair<Objection, std::string>;

Doubt doubt(const Claim& claim, const Knowledge& known) {
  const auto& self = known.self.value();
  if (known.cluster.empty()) {
    return {Objection::KnowsNothing, fmt::format("{} has not read the store yet", self)};
  }
  if (claim.cluster != known.cluster) {
    return {Objection::OtherCluster,
            fmt::format("{} is of cluster {}, not of {}", self, known.cluster, claim.cluster)};
  }
  if (known.term > claim.term) {
    return {Objection::NewerTerm,
            fmt::format("{} knows of term {}, in which {} leads",
                        self,
                        known.term.value(),
                        known.primary.value())};
  }
  if (known.term == claim.term && known.primary != claim.node) {
    return {Objection::OtherPrimary,
            fmt::format("{} knows {} as the primary of term {}",
                        self,
                        known.primary.value(),
                        known.term.value())};
  }
  if (known.election && *known.election > claim.term) {
    return {Objection::Election,
            fmt::format("{} knows of an election for term {}", self, known.election->value())};
  }
  if (known.promised && *known.promised > claim.term) {
    return {Objection::Promise,
            fmt::format("{} has promised term {}", self, known.promised->value())};
  }
  return {Objection::None, ""};
}

}  // namespace

void recall(Knowledge& known, const cluster::Remembered& remembered) {
  if (remembered.term > known.term) {
    known.term = remembered.term;
    known.primary = remembered.primary;
  }
  if (remembered.election.value() > 0) {
    known.election = std::max(known.election, std::optional(remembered.election));
  }
}

Agreement agree(const Claim& claim, const Knowledge& known) {
  auto [objection, reason] = doubt(claim, known);
  return Agreement{objection, std::move(reason), known.term, known.store_answers};
}

}  // namespace dorsal::failover
