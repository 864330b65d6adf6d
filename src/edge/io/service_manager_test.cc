#include "edge/io/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include "edge/io/testing.h"

namespace dorsal::io {
namespace {

class ServiceManagerTest : public ::testing::Test {
 protected:
  ServiceManagerTest() { ::unsetenv("NOTIFY_SOCKET"); }
  ~ServiceManagerTest() override {
    ::unsetenv("NOTIFY_SOCKET");
    if (socket_ >= 0) ::close(socket_);
  }

  // As a service manager does; '@' begins a name without a file.
  void listen(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    ASSERT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }

  std::string told() {
    std::array<char, 100> bytes;
    const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), 0);
    return count < 0 ? "nothing" : std::string(bytes.data(), static_cast<std::size_t>(count));
  }

 private:
  int socket_ = -1;
};

TEST_F(ServiceManagerTest, IsToldInOneDatagram) {
  testing::ScratchFolder folder;
  listen(folder.path() + "/manager");
  ASSERT_TRUE(tell_service_manager("MAINPID=42\nREADY=1"));
  EXPECT_EQ(told(), "MAINPID=42\nREADY=1");
  EXPECT_EQ(told(), "nothing");
}

TEST_F(ServiceManagerTest, MayListenWithoutAFile) {
  listen("@dorsal-test-" + std::to_string(::getpid()));
  ASSERT_TRUE(tell_service_manager("MAINPID=42"));
  EXPECT_EQ(told(), "MAINPID=42");
}

TEST_F(ServiceManagerTest, WhereThereIsNoneNothingHappens) {
  EXPECT_TRUE(tell_service_manager("MAINPID=42"));
}

TEST_F(ServiceManagerTest, OneThatIsGoneIsAnError) {
  testing::ScratchFolder folder;
  ::setenv("NOTIFY_SOCKET", (folder.path() + "/nobody").c_str(), 1);
  EXPECT_EQ(tell_service_manager("MAINPID=42").error().kind, ErrorKind::Unavailable);
  ::setenv("NOTIFY_SOCKET", std::string(200, 'x').c_str(), 1);
  EXPECT_EQ(tell_service_manager("MAINPID=42").error().kind, ErrorKind::Invalid);
}

}  // namespace
}  // namespace dorsal::io
