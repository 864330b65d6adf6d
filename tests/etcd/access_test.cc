// Who may use which etcd, and which part of it: TLS, users, and clusters that meet in one etcd.
#include <fstream>
#include <thread>

#include "store_fixture.h"

namespace dorsal::coord {
namespace {

class EtcdAccess : public EtcdTest {
 protected:
  // The sentence with which a read fails at once or by its deadline.
  std::string read_failure(EtcdOptions options) {
    EtcdStore store(loop_, std::move(options));
    auto read = io::block_on(loop_, store.get("key", in(3000)));
    return read ? "no failure" : read.error().message;
  }

  static void add_user(EtcdCluster& cluster) {
    cluster.control({"user", "add", "root:secret-of-root"});
    cluster.control({"user", "grant-role", "root", "root"});
    cluster.control({"role", "add", "dorsal"});
    cluster.control({"role", "grant-permission", "dorsal", "read", "/dorsal"});
    cluster.control({"role", "grant-permission", "dorsal", "readwrite", kPrefix});
    cluster.control({"role",
                     "grant-permission",
                     "--prefix=true",
                     "dorsal",
                     "readwrite",
                     std::string(kPrefix) + "/"});
    cluster.control({"user", "add", "dorsal:secret-of-dorsal"});
    cluster.control({"user", "grant-role", "dorsal", "dorsal"});
    cluster.control({"auth", "enable"});
  }

  static EtcdOptions as_user(EtcdOptions options, std::string password) {
    options.user = "dorsal";
    options.password = Secret(password);
    return options;
  }
};

bool contains(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

TEST_F(EtcdAccess, ClientCertificatesOpenTheDoorAndOthersDoNot) {
  EtcdSetup setup;
  setup.uses_tls = true;
  setup.wants_certificates = true;
  EtcdCluster cluster(setup);
  EtcdStore store(loop_, cluster.options(kPrefix));
  auto written = write_surely(store, "key", "value");
  EtcdStore other(loop_, cluster.options(kPrefix, 1));
  EXPECT_EQ(*changed_since(other, Revision()), written);
  auto next = write_surely(store, "key", "next");
  EXPECT_EQ(*changed_since(other, written), next);

  auto without = cluster.options(kPrefix);
  without.tls.certificate.clear();
  without.tls.key.clear();
  EXPECT_TRUE(contains(read_failure(without), "certificate")) << read_failure(without);

  io::testing::ScratchFolder folder;
  io::testing::Certificates strangers(folder.path());
  auto wrong_authority = cluster.options(kPrefix);
  wrong_authority.tls.authority = strangers.authority.certificate;
  EXPECT_TRUE(contains(read_failure(wrong_authority), "certificate"))
      << read_failure(wrong_authority);

  auto wrong_certificate = cluster.options(kPrefix);
  wrong_certificate.tls.certificate = strangers.certificate;
  wrong_certificate.tls.key = strangers.key;
  EXPECT_TRUE(contains(read_failure(wrong_certificate), "does not answer"));

  auto plain = cluster.options(kPrefix);
  plain.address.uses_tls = false;
  EXPECT_TRUE(contains(read_failure(plain), "does not answer"));
}

// The certificate is for 127.0.0.1 and server.test.
TEST_F(EtcdAccess, AMembersCertificateMustBeForItsName) {
  EtcdSetup setup;
  setup.members = 1;
  setup.uses_tls = true;
  EtcdCluster cluster(setup);
  auto options = cluster.options(kPrefix);
  EtcdStore store(loop_, options);
  write_surely(store, "key", "value");
  options.address.endpoints[0].host = "localhost";
  EXPECT_TRUE(contains(read_failure(options), "localhost")) << read_failure(options);
}

TEST_F(EtcdAccess, AUserWithARoleForTheFolderIsEnough) {
  EtcdCluster cluster;
  add_user(cluster);
  EtcdStore store(loop_, as_user(cluster.options(kPrefix), "secret-of-dorsal"));
  auto written = write_surely(store, "key", "value");
  EXPECT_EQ(*changed_since(store, Revision()), written);
  EtcdStore other(loop_, as_user(cluster.options(kPrefix, 1), "secret-of-dorsal"));
  auto next = write_surely(other, "key", "next");
  EXPECT_EQ(*changed_since(store, written), next);

  auto wrong = read_failure(as_user(cluster.options(kPrefix), "wrong-secret"));
  EXPECT_TRUE(contains(wrong, "it refuses user 'dorsal': etcdserver: authentication failed"))
      << wrong;
  EXPECT_FALSE(contains(wrong, "wrong-secret"));
  auto nobody = read_failure(cluster.options(kPrefix));
  EXPECT_TRUE(contains(nobody, "user name is empty")) << nobody;
  auto elsewhere = read_failure(as_user(cluster.options("/dorsal/other"), "secret-of-dorsal"));
  EXPECT_TRUE(contains(elsewhere, "permission denied")) << elsewhere;
}

TEST_F(EtcdAccess, ATokenThatRanOutIsRenewedForCallsAndForTheWatch) {
  EtcdSetup setup;
  setup.token_ttl_s = 1;
  EtcdCluster cluster(setup);
  add_user(cluster);
  EtcdStore store(loop_, with_notices(as_user(cluster.options(kPrefix), "secret-of-dorsal")));
  EtcdStore writer(loop_, as_user(cluster.options(kPrefix, 1), "secret-of-dorsal"));
  auto seen = write_surely(writer, "key", "0");
  ASSERT_TRUE(get(store, "key"));
  while (!was_noticed("token=renewed")) {
    // Every use of a token makes it last longer.
    std::this_thread::sleep_for(std::chrono::seconds(2));
    auto read = get(store, "key");
    ASSERT_TRUE(read) << read.error().message;
  }
  std::this_thread::sleep_for(std::chrono::seconds(3));
  auto put_after = put(store, "key", "1", seen);
  ASSERT_TRUE(put_after) << put_after.error().message;
  std::this_thread::sleep_for(std::chrono::seconds(3));
  EXPECT_EQ(*changed_since(store, seen), *put_after);
}

TEST_F(EtcdAccess, AMemberThatForgotItsTokensIsAskedAnew) {
  EtcdSetup setup;
  setup.members = 1;
  EtcdCluster cluster(setup);
  add_user(cluster);
  EtcdStore store(loop_, as_user(cluster.options(kPrefix), "secret-of-dorsal"));
  write_surely(store, "key", "before");
  cluster.kill(0, SIGKILL);
  cluster.start(0);
  EXPECT_EQ((*get(store, "key"))->value, "before");
  write_surely(store, "key", "after");
}

TEST_F(EtcdAccess, AUserIsNotNeededWhereEtcdHasNone) {
  EtcdSetup setup;
  setup.members = 1;
  EtcdCluster cluster(setup);
  EtcdStore store(loop_, with_notices(as_user(cluster.options(kPrefix), "any")));
  write_surely(store, "key", "value");
  EXPECT_TRUE(was_noticed("authentication=off"));
}

TEST_F(EtcdAccess, TheFolderOfAnotherClusterIsRefused) {
  EtcdSetup setup;
  setup.members = 1;
  EtcdCluster cluster(setup);
  EtcdStore shop(loop_, cluster.options(kPrefix));
  write_surely(shop, "key", "value");
  auto options = cluster.options(kPrefix);
  options.cluster = "bank";
  EtcdStore bank(loop_, options);
  const std::string sentence =
      "the store /dorsal/shop in etcd belongs to cluster 'shop', not 'bank'; look at cluster.store "
      "and cluster.name";
  auto read = get(bank, "key");
  EXPECT_EQ(read.error().kind, ErrorKind::Invalid);
  EXPECT_EQ(read.error().message, sentence);
  EXPECT_EQ(put(bank, "new", "x", Revision()).error().message, sentence);
  EXPECT_EQ((*get(shop, "key"))->value, "value");
}

TEST_F(EtcdAccess, FoldersWithinFoldersAndKeysOfOthersAreRefused) {
  EtcdSetup setup;
  setup.members = 1;
  EtcdCluster cluster(setup);
  EtcdStore shop(loop_, cluster.options("/a/shop"));
  write_surely(shop, "key", "value");
  auto refused = [&](const std::string& prefix) {
    EtcdStore store(loop_, cluster.options(prefix));
    auto written = put(store, "new", "x", Revision());
    return written ? "written" : written.error().message;
  };
  EXPECT_EQ(refused("/a"),
            "/a in etcd holds keys that are no store of Dorsal; look at cluster.store");
  EXPECT_EQ(refused("/a/shop/x"),
            "/a/shop/x in etcd lies within the key /a/shop, which is there already; look at "
            "cluster.store");
  EXPECT_EQ(refused("/a/shop2"), "written");
  cluster.control({"put", "/b", "somebody's"});
  EXPECT_EQ(refused("/b"), "/b in etcd is no store of Dorsal; look at cluster.store");
  cluster.control({"put", "/c", R"({"format":2,"cluster":"shop"})"});
  EXPECT_EQ(refused("/c"),
            "the store /c in etcd has format 2, and this dorsal knows formats up to 1; use the "
            "newer dorsal that wrote it");
}

TEST_F(EtcdAccess, AFolderThatIsEmptiedOrReplacedMeanwhileIsRefused) {
  EtcdSetup setup;
  setup.members = 1;
  EtcdCluster cluster(setup);
  EtcdStore store(loop_, cluster.options(kPrefix));
  write_surely(store, "key", "value");
  cluster.control({"del", "--prefix", kPrefix});
  EXPECT_EQ(get(store, "key").error().message,
            "the store /dorsal/shop in etcd was removed while this process ran; restart it if that "
            "is right");
  EXPECT_EQ(put(store, "new", "x", Revision()).error().kind, ErrorKind::Unavailable);
  EtcdStore fresh(loop_, cluster.options(kPrefix));
  write_surely(fresh, "key", "new");
  EXPECT_EQ(put(store, "other", "x", Revision()).error().message,
            "the store /dorsal/shop in etcd was replaced while this process ran; restart it if "
            "that is right");
}

TEST_F(EtcdAccess, ReadingAFolderThatIsNotThereMakesNone) {
  EtcdSetup setup;
  setup.members = 1;
  EtcdCluster cluster(setup);
  EtcdStore store(loop_, cluster.options(kPrefix));
  EXPECT_TRUE(io::block_on(loop_, store.list("", hang_limit()))->empty());
  EXPECT_EQ(cluster.control({"get", "--prefix", "/", "--keys-only"}), "");
}

TEST_F(EtcdAccess, AValueThatIsTooLargeIsRefusedWithEtcdsWords) {
  EtcdSetup setup;
  setup.members = 1;
  EtcdCluster cluster(setup);
  EtcdStore store(loop_, cluster.options(kPrefix));
  write_surely(store, "large", std::string(1 << 20, 'x'));
  EXPECT_EQ((*get(store, "large"))->value.size(), std::size_t{1} << 20);
  auto refused = put(store, "larger", std::string(1'800'000, 'x'), Revision());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Unavailable);
  EXPECT_TRUE(contains(refused.error().message, "too large")) << refused.error().message;
}

}  // namespace
}  // namespace dorsal::coord
