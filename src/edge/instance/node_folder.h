// The folder of a node: whose it is, and how far its data has come.
//
//   DIR/identity   format=1
//                  cluster=<uuid>
//                  node=<name>
//                  stage=fresh|cloning|member      nothing before the first initialisation
//   DIR/data       complete when it is there: it is made as DIR/data.new and renamed
//
// Lines of other names are kept out but not refused; a higher format is. Calls block.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "core/cluster/server.h"
#include "core/cluster/topology.h"
#include "edge/instance/text_fields.h"

namespace dorsal::instance {

inline constexpr int kFolderFormat = 1;

class NodeFolder {
 public:
  explicit NodeFolder(std::string dir) : dir_(std::move(dir)) {}

  // Changes nothing. Invalid, in a sentence, when the folder belongs to somebody else (without a
  // uuid to any cluster), is of a newer format, or holds files that Dorsal did not put there.
  Result<void> check(const std::optional<std::string>& cluster_uuid,
                     const cluster::NodeName& node) const;

  // Makes the folder when there is none. Invalid as of check().
  Result<void> claim(const std::string& cluster_uuid, const cluster::NodeName& node);

  // REQUIRES: claim() succeeded, for all that follow.
  cluster::DataStage stage() const;

  // Removes what an interrupted initialisation left behind.
  Result<void> clear_half_made();

  // Puts data.new into place, as Fresh.
  Result<void> put_in_place();

  // For Fresh, Cloning and Member; durable when it returns.
  Result<void> mark(cluster::DataStage stage);

  // Removes the data, whatever it is.
  Result<void> remove_data();

  // Moves the data to damaged(), and removes what was there.
  Result<void> set_data_aside();

  std::string damaged() const { return dir_ + "/damaged"; }
  std::string data() const { return dir_ + "/data"; }
  std::string new_data() const { return dir_ + "/data.new"; }

 private:
  // NotFound when the folder is nobody's yet.
  Result<TextFields> read_identity(const std::optional<std::string>& cluster_uuid,
                                   const cluster::NodeName& node) const;
  Result<void> write_identity() const;

  std::string dir_;
  std::string cluster_uuid_;
  cluster::NodeName node_;
  cluster::DataStage marked_ = cluster::DataStage::Empty;
};

}  // namespace dorsal::instance
