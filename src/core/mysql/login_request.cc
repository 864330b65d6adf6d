#include "core/mysql/login_request.h"

#include "core/mysql/lenenc.h"

namespace dorsal::mysql {
namespace {

constexpr std::size_t kReserved = 23;
constexpr std::size_t kFixedSize = 4 + 4 + 1 + kReserved;

std::string_view read_auth_response(Reader& reader, std::uint32_t capabilities) {
  if ((capabilities & capability::kPluginAuthLenencData) != 0) return read_lenenc_string(reader);
  if ((capabilities & capability::kSecureConnection) != 0) return reader.take(reader.u8());
  return reader.zero_terminated();
}

void write_auth_response(Writer& writer, const LoginRequest& request) {
  if ((request.capabilities & capability::kPluginAuthLenencData) != 0) {
    write_lenenc_string(writer, request.auth_response);
  } else if ((request.capabilities & capability::kSecureConnection) != 0) {
    DORSAL_CHECK(request.auth_response.size() <= 0xff);
    writer.u8(static_cast<std::uint8_t>(request.auth_response.size()));
    writer.put(request.auth_response);
  } else {
    writer.zero_terminated(request.auth_response);
  }
}

void write_fixed(Writer& writer,
                 std::uint32_t capabilities,
                 std::uint32_t max_packet,
                 std::uint8_t collation) {
  writer.u32(capabilities);
  writer.u32(max_packet);
  writer.u8(collation);
  writer.zeros(kReserved);
}

std::uint16_t low_capabilities(std::string_view payload) { return Reader(payload).u16(); }

}  // namespace

Result<LoginRequest> decode_login_request(std::string_view payload) {
  if (payload.size() >= 2 && (low_capabilities(payload) & capability::kProtocol41) == 0) {
    return invalid("the client is older than MySQL 4.1 and cannot log in here");
  }
  Reader reader(payload);
  LoginRequest request;
  request.capabilities = reader.u32();
  request.max_packet = reader.u32();
  request.collation = reader.u8();
  reader.skip(kReserved);
  request.user = reader.zero_terminated();
  request.auth_response = read_auth_response(reader, request.capabilities);
  auto has = [&](std::uint32_t capability) { return (request.capabilities & capability) != 0; };
  if (has(capability::kConnectWithDb)) request.schema = reader.zero_terminated();
  if (has(capability::kPluginAuth)) request.auth_plugin = reader.zero_terminated();
  if (has(capability::kConnectAttrs)) request.attributes = read_attributes(reader);
  if (has(capability::kZstdCompression)) request.zstd_level = reader.u8();
  if (!reader.ok()) return corrupt("the client's log-in request is malformed");
  return request;
}

std::string encode(const LoginRequest& request) {
  auto has = [&](std::uint32_t capability) { return (request.capabilities & capability) != 0; };
  std::string out;
  Writer writer(out);
  write_fixed(writer, request.capabilities, request.max_packet, request.collation);
  writer.zero_terminated(request.user);
  write_auth_response(writer, request);
  if (has(capability::kConnectWithDb)) writer.zero_terminated(request.schema);
  if (has(capability::kPluginAuth)) writer.zero_terminated(request.auth_plugin);
  if (has(capability::kConnectAttrs)) write_attributes(writer, request.attributes);
  if (has(capability::kZstdCompression)) writer.u8(request.zstd_level);
  return out;
}

bool is_ssl_request(std::string_view payload) {
  constexpr std::uint32_t kBoth = capability::kProtocol41 | capability::kSsl;
  return payload.size() == kFixedSize && (low_capabilities(payload) & kBoth) == kBoth;
}

std::string encode_ssl_request(std::uint32_t capabilities,
                               std::uint32_t max_packet,
                               std::uint8_t collation) {
  std::string out;
  Writer writer(out);
  write_fixed(writer,
              capabilities | capability::kSsl | capability::kProtocol41,
              max_packet,
              collation);
  return out;
}

ConnectAttributes read_attributes(Reader& reader) {
  Reader inner(read_lenenc_string(reader));
  ConnectAttributes attributes;
  while (inner.ok() && !inner.at_end()) {
    auto name = read_lenenc_string(inner);
    auto value = read_lenenc_string(inner);
    if (inner.ok()) attributes.emplace_back(name, value);
  }
  if (!inner.ok()) reader.fail();
  return attributes;
}

void write_attributes(Writer& writer, const ConnectAttributes& attributes) {
  std::string block;
  Writer inner(block);
  for (const auto& [name, value] : attributes) {
    write_lenenc_string(inner, name);
    write_lenenc_string(inner, value);
  }
  write_lenenc_string(writer, block);
}

}  // namespace dorsal::mysql
