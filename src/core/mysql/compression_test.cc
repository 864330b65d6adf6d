#include "core/mysql/compression.h"

#include <gtest/gtest.h>

namespace dorsal::mysql {
namespace {

TEST(CompressionOf, PrefersZlibAsTheServerDoes) {
  constexpr auto kOther = capability::kProtocol41 | capability::kSsl;
  EXPECT_EQ(compression_of(kOther), CompressionMethod::None);
  EXPECT_EQ(compression_of(kOther | capability::kCompress), CompressionMethod::Zlib);
  EXPECT_EQ(compression_of(kOther | capability::kZstdCompression), CompressionMethod::Zstd);
  EXPECT_EQ(compression_of(capability::kAnyCompression), CompressionMethod::Zlib);
}

TEST(CompressionOf, IsWhatItsCapabilityAsksFor) {
  for (auto method : {CompressionMethod::None, CompressionMethod::Zlib, CompressionMethod::Zstd}) {
    EXPECT_EQ(compression_of(capability_of(method)), method);
  }
}

TEST(CompressionOffer, IsReadAsTheServerWritesIt) {
  const std::pair<const char*, CompressionOffer> cases[] = {
      {"zlib,zstd,uncompressed", {true, true, true}},
      {"uncompressed,zlib", {true, false, true}},
      {"zstd", {false, true, false}},
      {"zstd,zstd", {false, true, false}},
      {"uncompressed", {false, false, true}},
  };
  for (const auto& [text, offer] : cases) {
    auto parsed = parse_compression_offer(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, offer) << text;
  }
  for (const char* text : {"", ",", "zlib,", ",zlib", "zlib zstd", "zlib, zstd", "lz4", "none"}) {
    EXPECT_FALSE(parse_compression_offer(text)) << text;
  }
}

TEST(CompressionOffer, BecomesCapabilities) {
  EXPECT_EQ((CompressionOffer{true, true, true}.capabilities()), capability::kAnyCompression);
  EXPECT_EQ((CompressionOffer{true, false, false}.capabilities()), capability::kCompress);
  EXPECT_EQ((CompressionOffer{false, false, true}.capabilities()), 0u);
}

}  // namespace
}  // namespace dorsal::mysql
