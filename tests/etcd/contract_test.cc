// The promises of every engine of the coordination store, kept on a real etcd of three members.
#include "edge/coord/coord_store_testing.h"
#include "etcd_cluster.h"

namespace dorsal::coord {
namespace {

// One cluster for all tests of this program.
EtcdCluster& cluster() {
  static EtcdCluster shared;
  return shared;
}

// Two stores, as two processes have them, which ask different members; a prefix for each test.
struct Etcd {
  explicit Etcd(io::Loop& loop)
      : prefix("/contract/" + std::to_string(++number())),
        one(loop, cluster().options(prefix, 0)),
        two(loop, cluster().options(prefix, 1)) {}
  CoordStore& first() { return one; }
  CoordStore& second() { return two; }

  static int& number() {
    static int last = 0;
    return last;
  }

  std::string prefix;
  EtcdStore one;
  EtcdStore two;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Etcd, CoordStoreContract, Etcd);

}  // namespace
}  // namespace dorsal::coord
