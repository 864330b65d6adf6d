#include "core/cluster/server.h"

#include "base/check.h"

namespace dorsal::cluster {

std::string_view to_string(DataStage stage) {
  switch (stage) {
    case DataStage::Empty:
      return "empty";
    case DataStage::HalfMade:
      return "half-made";
    case DataStage::Fresh:
      return "fresh";
    case DataStage::Cloning:
      return "cloning";
    case DataStage::Member:
      return "member";
  }
  DORSAL_CHECK(false);
}

}  // namespace dorsal::cluster
