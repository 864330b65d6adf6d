#include "edge/io/layers.h"

#include <array>

namespace dorsal::io {
namespace {

// Encrypted at a time; bounds what a slow reader makes us hold.
constexpr std::size_t kTlsChunk = std::size_t{64} << 10;

// The text of one TLS record.
constexpr std::size_t kTlsText = std::size_t{16} << 10;

}  // namespace

Result<void> Layers::start_tls(const TlsContext& context, const std::string& server_name) {
  DORSAL_TRY(tls_, TlsEngine::make(context, server_name));
  return {};
}

void Layers::start_compression(Compressors& compressors, const CompressionOptions& options) {
  frames_ = std::make_unique<FrameCodec>(compressors, options);
}

void Layers::feed(std::string_view bytes) {
  if (tls_ != nullptr) {
    tls_->feed(bytes);
  } else {
    frames_->feed(bytes);
  }
}

Result<std::size_t> Layers::read(char* buffer, std::size_t size) {
  if (frames_ == nullptr) return tls_->read(buffer, size);
  for (;;) {
    DORSAL_TRY(auto count, frames_->read(buffer, size));
    if (count > 0 || tls_ == nullptr) return count;
    DORSAL_TRY(bool is_fed, decrypt_frames());
    if (!is_fed) return std::size_t{0};
  }
}

bool Layers::has_text() {
  if (frames_ == nullptr) return tls_->has_text();
  for (;;) {
    if (frames_->has_packets()) return true;
    if (tls_ == nullptr || !tls_->has_text()) return false;
    auto is_fed = decrypt_frames();
    if (!is_fed) return true;
  }
}

// Moves what TLS has to the frames; false when it has nothing.
Result<bool> Layers::decrypt_frames() {
  std::array<char, kTlsText> bytes;
  DORSAL_TRY(auto count, tls_->read(bytes.data(), bytes.size()));
  frames_->feed(std::string_view(bytes.data(), count));
  return count > 0;
}

Result<void> Layers::write(std::string_view text) {
  if (frames_ == nullptr) return tls_->write(text);
  frames_->write(text);
  if (tls_ == nullptr) return {};
  auto packed = frames_->output();
  DORSAL_TRY_VOID(tls_->write(packed));
  frames_->sent(packed.size());
  return {};
}

std::size_t Layers::largest_write() const {
  return frames_ != nullptr ? FrameCodec::kMostPackets : kTlsChunk;
}

void Layers::sent(std::size_t count) {
  if (tls_ != nullptr) {
    tls_->sent(count);
  } else {
    frames_->sent(count);
  }
}

void Layers::trim() {
  if (tls_ != nullptr) tls_->trim();
  if (frames_ != nullptr) frames_->trim();
}

}  // namespace dorsal::io
