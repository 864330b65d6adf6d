#include "core/mysql/lenenc.h"

namespace dorsal::mysql {

std::uint64_t read_lenenc(Reader& reader) {
  auto first = reader.u8();
  switch (first) {
    case 0xfc:
      return reader.u16();
    case 0xfd:
      return reader.u24();
    case 0xfe:
      return reader.u64();
    case kNullMarker:
    case 0xff:
      reader.fail();
      return 0;
    default:
      return first;
  }
}

std::string_view read_lenenc_string(Reader& reader) {
  auto length = read_lenenc(reader);
  return reader.take(length);
}

void write_lenenc(Writer& writer, std::uint64_t number) {
  if (number < kNullMarker) {
    writer.u8(static_cast<std::uint8_t>(number));
  } else if (number <= 0xffff) {
    writer.u8(0xfc);
    writer.u16(static_cast<std::uint16_t>(number));
  } else if (number <= 0xffffff) {
    writer.u8(0xfd);
    writer.u24(static_cast<std::uint32_t>(number));
  } else {
    writer.u8(0xfe);
    writer.u64(number);
  }
}

void write_lenenc_string(Writer& writer, std::string_view text) {
  write_lenenc(writer, text.size());
  writer.put(text);
}

}  // namespace dorsal::mysql
