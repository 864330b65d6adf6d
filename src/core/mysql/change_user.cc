#include "core/mysql/change_user.h"

#include "base/bytes.h"
#include "core/mysql/lenenc.h"

namespace dorsal::mysql {

Result<ChangeUser> decode_change_user(std::string_view payload, std::uint32_t capabilities) {
  Reader reader(payload);
  if (reader.u8() != static_cast<std::uint8_t>(Command::ChangeUser)) {
    return corrupt("the command is not COM_CHANGE_USER");
  }
  ChangeUser request;
  request.user = reader.zero_terminated();
  request.auth_response = reader.take(reader.u8());
  request.schema = reader.zero_terminated();
  if (reader.left() >= 2) {
    request.collation = reader.u16();
    if ((capabilities & capability::kPluginAuth) != 0 && !reader.at_end()) {
      request.auth_plugin = reader.zero_terminated();
    }
    if ((capabilities & capability::kConnectAttrs) != 0 && !reader.at_end()) {
      request.attributes = read_attributes(reader);
    }
  }
  if (!reader.ok()) return corrupt("the client's COM_CHANGE_USER is malformed");
  return request;
}

std::string encode(const ChangeUser& request, std::uint32_t capabilities) {
  DORSAL_CHECK(request.auth_response.size() <= 0xff);
  std::string out;
  Writer writer(out);
  writer.u8(static_cast<std::uint8_t>(Command::ChangeUser));
  writer.zero_terminated(request.user);
  writer.u8(static_cast<std::uint8_t>(request.auth_response.size()));
  writer.put(request.auth_response);
  writer.zero_terminated(request.schema);
  writer.u16(request.collation);
  if ((capabilities & capability::kPluginAuth) != 0) writer.zero_terminated(request.auth_plugin);
  if ((capabilities & capability::kConnectAttrs) != 0) {
    write_attributes(writer, request.attributes);
  }
  return out;
}

}  // namespace dorsal::mysql
