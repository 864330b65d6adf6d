#include "edge/io/passing_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/io/scope.h"
#include "edge/io/testing.h"

namespace dorsal::io {
namespace {

class PassingSocketTest : public ::testing::Test {
 public:
  Deadline soon() { return loop_.after(std::chrono::seconds(20)); }

  // Runs the steps with both ends of a connection.
  void run(Task<> (*steps)(PassingSocketTest&, PassingSocket&, PassingSocket&)) {
    auto listener = PassingListener::open(loop_, path_);
    ASSERT_TRUE(listener) << listener.error().message;
    block_on(loop_, play(*listener, steps));
  }

  Task<> play(PassingListener& listener,
              Task<> (*steps)(PassingSocketTest&, PassingSocket&, PassingSocket&)) {
    auto near = PassingSocket::connect(loop_, path_);
    auto far = co_await listener.accept(soon());
    EXPECT_TRUE(near && far);
    if (near && far) co_await steps(*this, *near, *far);
  }

  Loop loop_;
  testing::ScratchFolder folder_;
  std::string path_ = folder_ / "socket";
};

TEST_F(PassingSocketTest, MessagesStayApart) {
  run([](PassingSocketTest& test, PassingSocket& near, PassingSocket& far) -> Task<> {
    EXPECT_TRUE(co_await near.send("one", test.soon()));
    EXPECT_TRUE(co_await near.send("two", test.soon()));
    auto first = co_await far.receive(test.soon());
    auto second = co_await far.receive(test.soon());
    EXPECT_EQ(first ? first->text : first.error().message, "one");
    EXPECT_EQ(second ? second->text : second.error().message, "two");
  });
}

TEST_F(PassingSocketTest, DescriptorsArriveInTheirOrder) {
  run([](PassingSocketTest& test, PassingSocket& near, PassingSocket& far) -> Task<> {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe(ends), 0);
    OwnedDescriptor reader(ends[0]);
    OwnedDescriptor writer(ends[1]);
    std::vector<int> passed = {reader.get(), writer.get()};
    EXPECT_TRUE(co_await near.send("a pipe", std::move(passed), test.soon()));
    auto message = co_await far.receive(test.soon());
    EXPECT_TRUE(message && message->descriptors.size() == 2);
    if (!message || message->descriptors.size() != 2) co_return;
    EXPECT_EQ(::write(message->descriptors[1].get(), "x", 1), 1);
    char byte = 0;
    EXPECT_EQ(::read(reader.get(), &byte, 1), 1);
    EXPECT_EQ(byte, 'x');
    EXPECT_NE(::fcntl(message->descriptors[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  });
}

TEST_F(PassingSocketTest, AsManyAsItSays) {
  run([](PassingSocketTest& test, PassingSocket& near, PassingSocket& far) -> Task<> {
    std::vector<int> many(PassingSocket::kMostDescriptors, STDERR_FILENO);
    EXPECT_TRUE(co_await near.send("many", std::move(many), test.soon()));
    auto message = co_await far.receive(test.soon());
    EXPECT_EQ(message ? message->descriptors.size() : 0, PassingSocket::kMostDescriptors);
    std::vector<int> too_many(PassingSocket::kMostDescriptors + 1, STDERR_FILENO);
    auto refused = co_await near.send("too many", std::move(too_many), test.soon());
    EXPECT_FALSE(refused);
    const std::string long_text(PassingSocket::kMostBytes + 1, 'x');
    refused = co_await near.send(long_text, test.soon());
    EXPECT_FALSE(refused);
  });
}

TEST_F(PassingSocketTest, AnEndIsNoticed) {
  run([](PassingSocketTest& test, PassingSocket& near, PassingSocket& far) -> Task<> {
    { PassingSocket gone = std::move(near); }
    auto message = co_await far.receive(test.soon());
    EXPECT_EQ(message ? ErrorKind::Invalid : message.error().kind, ErrorKind::Unavailable);
  });
}

TEST_F(PassingSocketTest, NobodyListens) {
  auto socket = PassingSocket::connect(loop_, path_);
  EXPECT_EQ(socket ? ErrorKind::Invalid : socket.error().kind, ErrorKind::NotFound);
  // Left behind by somebody who has ended.
  { auto listener = PassingListener::open(loop_, path_); }
  socket = PassingSocket::connect(loop_, path_);
  EXPECT_EQ(socket ? ErrorKind::Invalid : socket.error().kind, ErrorKind::NotFound);
}

TEST_F(PassingSocketTest, APathMayBeLongAndIsForItsUserAlone) {
  path_ = folder_ / std::string(200, 'd');
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  path_ += "/socket";
  run([](PassingSocketTest& test, PassingSocket& near, PassingSocket& far) -> Task<> {
    EXPECT_TRUE(co_await near.send("far away", test.soon()));
    EXPECT_TRUE(co_await far.receive(test.soon()));
  });
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

// A listener whose socket another process goes on with: clients that are in its queue are not lost.
TEST_F(PassingSocketTest, AListenerGoesOnElsewhere) {
  run([](PassingSocketTest& test, PassingSocket&, PassingSocket&) -> Task<> {
    auto first = Listener::open(test.loop_, Endpoint("127.0.0.1", 0));
    EXPECT_TRUE(first);
    const Endpoint endpoint = first->local_endpoint();
    OwnedDescriptor passed(::dup(first->native_handle()));
    auto client = co_await connect(test.loop_, endpoint, test.soon());
    EXPECT_TRUE(client);
    first->leave_to_other_process();
    auto second = Listener::adopt(test.loop_, std::move(passed));
    EXPECT_TRUE(second);
    EXPECT_EQ(second->local_endpoint().port, endpoint.port);
    auto accepted = co_await second->accept(test.soon());
    EXPECT_TRUE(accepted);
  });
}

TEST_F(PassingSocketTest, OnlyAListenerIsTakenForOne) {
  OwnedDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_FALSE(Listener::adopt(loop_, std::move(socket)));
  EXPECT_FALSE(Listener::adopt(loop_, OwnedDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC))));
}

}  // namespace
}  // namespace dorsal::io
