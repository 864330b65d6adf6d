#include "edge/instance/node_folder.h"

#include <fmt/core.h>

#include <charconv>

#include "base/check.h"
#include "edge/instance/folder_changes.h"
#include "edge/io/files.h"

namespace dorsal::instance {

using cluster::DataStage;

Result<void> NodeFolder::check(const std::optional<std::string>& cluster_uuid,
                               const cluster::NodeName& node) const {
  const auto fields = read_identity(cluster_uuid, node);
  if (fields || fields.error().kind == ErrorKind::NotFound) return {};
  return fields.error();
}

Result<void> NodeFolder::claim(const std::string& cluster_uuid, const cluster::NodeName& node) {
  DORSAL_TRY_VOID(io::make_directories(dir_, 0700));
  auto fields = read_identity(cluster_uuid, node);
  if (!fields && fields.error().kind != ErrorKind::NotFound) return fields.error();
  cluster_uuid_ = cluster_uuid;
  node_ = node;
  if (!fields) return write_identity();
  for (const DataStage stage : {DataStage::Fresh, DataStage::Cloning, DataStage::Member}) {
    if ((*fields)["stage"] == to_string(stage)) marked_ = stage;
  }
  return {};
}

Result<TextFields> NodeFolder::read_identity(const std::optional<std::string>& cluster_uuid,
                                             const cluster::NodeName& node) const {
  const auto text = io::read_file(dir_ + "/identity", 4096);
  if (!text && text.error().kind == ErrorKind::NotFound && io::exists(data())) {
    return invalid(
        fmt::format("{} holds data, but not of a Dorsal node; name another folder", dir_));
  }
  if (!text) return text.error();
  TextFields fields = parse_text_fields(*text);
  const std::string& number = fields["format"];
  int format = 0;
  std::from_chars(number.data(), number.data() + number.size(), format);
  if (format < 1) return corrupt(fmt::format("{}/identity is damaged: it names no format", dir_));
  if (format > kFolderFormat) {
    return invalid(
        fmt::format("{} was written by a newer Dorsal (format {}, this one knows {}); "
                    "run that version",
                    dir_,
                    format,
                    kFolderFormat));
  }
  if (!cluster_uuid) {
    return invalid(
        fmt::format("{} belongs to cluster {}, of which the store knows nothing; look at "
                    "'cluster.store', restore the store, or name another folder",
                    dir_,
                    fields["cluster"]));
  }
  if (fields["cluster"] != *cluster_uuid) {
    return invalid(
        fmt::format("{} belongs to another cluster ({}, this one is {}); name another folder",
                    dir_,
                    fields["cluster"],
                    *cluster_uuid));
  }
  if (fields["node"] != node.value()) {
    return invalid(fmt::format("{} belongs to node {}, not to {}; name another folder",
                               dir_,
                               fields["node"],
                               node.value()));
  }
  return fields;
}

Result<void> NodeFolder::write_identity() const {
  const std::string text =
      fmt::format("format={}\ncluster={}\nnode={}\nstage={}\n",
                  kFolderFormat,
                  cluster_uuid_,
                  node_.value(),
                  marked_ == DataStage::Empty ? "" : std::string(to_string(marked_)));
  return io::write_file_atomically(dir_ + "/identity", text, 0600);
}

DataStage NodeFolder::stage() const {
  if (!io::exists(data())) return io::exists(new_data()) ? DataStage::HalfMade : DataStage::Empty;
  // The mark is written before the data is put into place, so it is there.
  return marked_ == DataStage::Empty ? DataStage::HalfMade : marked_;
}

Result<void> NodeFolder::clear_half_made() {
  DORSAL_CHECK(stage() == DataStage::Empty || stage() == DataStage::HalfMade);
  DORSAL_TRY_VOID(io::remove_tree(new_data()));
  return io::remove_tree(data());
}

Result<void> NodeFolder::put_in_place() {
  DORSAL_TRY_VOID(mark(DataStage::Fresh));
  return rename_durably(new_data(), data(), dir_);
}

Result<void> NodeFolder::mark(DataStage stage) {
  const DataStage before = marked_;
  marked_ = stage;
  auto written = write_identity();
  if (!written) marked_ = before;
  return written;
}

// Renamed first, so that a kill in the middle leaves no half of a data folder under its name.
Result<void> NodeFolder::remove_data() {
  DORSAL_TRY_VOID(io::remove_tree(new_data()));
  if (io::exists(data())) DORSAL_TRY_VOID(rename_durably(data(), new_data(), dir_));
  return io::remove_tree(new_data());
}

Result<void> NodeFolder::set_data_aside() {
  DORSAL_TRY_VOID(io::remove_tree(damaged()));
  return rename_durably(data(), damaged(), dir_);
}

}  // namespace dorsal::instance
