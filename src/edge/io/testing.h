// For the tests of this folder and of those who use it: connected streams, scratch folders and
// certificates.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <utility>

#include "base/check.h"
#include "edge/io/certificates.h"
#include "edge/io/connect.h"
#include "edge/io/files.h"
#include "edge/io/listener.h"
#include "edge/io/loop.h"
#include "edge/io/stream.h"
#include "edge/io/task.h"

namespace dorsal::io::testing {

// A folder that is removed with all that is in it.
class ScratchFolder {
 public:
  ScratchFolder() {
    auto pattern = (std::filesystem::temp_directory_path() / "dorsal-test-XXXXXX").string();
    DORSAL_CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~ScratchFolder() { (void)remove_tree(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// A port that nobody listens on, for who opens it later. It is none of those that the kernel gives
// to clients: one of these may be a client's by then, even that of one who connects to this port.
inline std::uint16_t free_port(Loop& loop) {
  constexpr int kLowest = 10000;
  constexpr int kHighest = 19999;
  std::random_device random;
  std::uniform_int_distribution<int> ports(kLowest, kHighest);
  for (;;) {
    const auto port = static_cast<std::uint16_t>(ports(random));
    if (Listener::open(loop, Endpoint("127.0.0.1", port))) return port;
  }
}

// Both ends of one connection.
struct Pair {
  Stream client;
  Stream server;
};

inline Task<Pair> connected_pair(Loop& loop, Endpoint endpoint) {
  auto deadline = loop.after(std::chrono::seconds(20));
  auto listener = Listener::open(loop, std::move(endpoint));
  DORSAL_CHECK(listener);
  auto client = co_await connect(loop, listener->local_endpoint(), deadline);
  DORSAL_CHECK(client);
  auto server = co_await listener->accept(deadline);
  DORSAL_CHECK(server);
  Pair pair;
  pair.client = *std::move(client);
  pair.server = *std::move(server);
  co_return pair;
}

inline Task<Pair> connected_pair(Loop& loop) {
  return connected_pair(loop, Endpoint("127.0.0.1", 0));
}

// Reads until count bytes have come; shorter when the stream fails before.
inline Task<std::string> read_exactly(Stream& stream, std::size_t count, Deadline deadline) {
  std::string bytes(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    auto got = co_await stream.read_some(bytes.data() + have, count - have, deadline);
    if (!got) break;
    have += *got;
  }
  bytes.resize(have);
  co_return bytes;
}

// An authority, and a certificate of it for "server.test" and 127.0.0.1.
struct Certificates {
  explicit Certificates(const std::string& folder)
      : authority(AuthorityFiles::in(folder)),
        certificate(folder + "/cert.pem"),
        key(folder + "/key.pem") {
    DORSAL_CHECK(create_authority(authority, "test authority"));
    CertificateRequest request;
    request.certificate_file = certificate;
    request.key_file = key;
    request.common_name = "server.test";
    request.names = {"server.test", "127.0.0.1"};
    DORSAL_CHECK(issue_certificate(authority, request));
  }

  AuthorityFiles authority;
  std::string certificate;
  std::string key;
};

}  // namespace dorsal::io::testing
