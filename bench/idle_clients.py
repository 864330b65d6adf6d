"""What an idle client costs in memory: many log in through a forwarder, run one query each, and then do nothing."""

import contextlib
import resource
import sys
import time

import processes
from rig import SERVER_CONNECTIONS, TABLE, Target, connections_of, print_table

TITLE = "idle clients"
MIB = 1 << 20

# HAProxy gives each client a server connection of its own, which costs a thread of the server.
MOST_FOR_HAPROXY = SERVER_CONNECTIONS // 3

COLUMNS = (("clients", 10), ("before MiB", 13), ("logged in", 12), ("KiB each", 11), ("after a query", 16),
           ("KiB each", 11), ("server conns", 14))


def options(parser):
    parser.add_argument("--clients", type=int, default=10000, help="idle clients (10000)")


class Crowd:
    """Clients that are logged in at one target."""

    def __init__(self, rig, target):
        self.rig, self.target, self.user, self.clients = rig, target, rig.new_user(), []

    def resident_mib(self):
        return processes.resident_bytes(self.target.pid) / MIB

    def come(self, count):
        for number in range(count):
            self.clients.append(self.rig.log_in(self.target.port, self.user))
            if number % 1000 == 999:
                print(f"{TITLE}: {self.target.name}: {number + 1} of {count}", file=sys.stderr, flush=True)

    def query(self):
        for number, client in enumerate(self.clients):
            client.query(f"SELECT c FROM {TABLE} WHERE id={number % 1000 + 1}")

    def leave(self):
        for client in self.clients:
            client.close()
        self.clients = []

    def server_connections(self):
        with self.rig.on_all_servers() as servers:
            return sum(connections_of(self.user, servers).values())


def settled(crowd):
    """The least that it occupies within some seconds: what it is done with is given back by then."""
    least = crowd.resident_mib()
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        time.sleep(0.1)
        least = min(least, crowd.resident_mib())
    return least


def measure(rig, target, count):
    crowd = Crowd(rig, target)
    try:
        crowd.come(20)
        crowd.query()
        crowd.leave()
        before = settled(crowd)
        crowd.come(count)
        logged_in = settled(crowd)
        crowd.query()
        after = settled(crowd)
        return {
            "clients": count, "before_mib": before, "logged_in_mib": logged_in, "after_query_mib": after,
            "server_connections": crowd.server_connections(),
        }
    finally:
        crowd.leave()


def run(rig, chosen):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    results = {}
    with rig.cluster.another_proxy() as proxy:
        dorsal = Target("Dorsal, splitting", proxy.address()[1], proxy.proxy_pid())
        results[dorsal.name] = measure(rig, dorsal, chosen.clients)
    with contextlib.ExitStack() as stack:
        router = stack.enter_context(rig.router())
        if router is not None:
            results[router.name] = measure(rig, router, chosen.clients)
    with rig.haproxy() as haproxy:
        results[haproxy.name] = measure(rig, haproxy, min(chosen.clients, MOST_FOR_HAPROXY))
    return results


def show(results):
    rows = []
    for name, row in results.items():
        before, count = row["before_mib"], row["clients"]
        each = [(row[key] - before) * 1024 / count for key in ("logged_in_mib", "after_query_mib")]
        rows.append((name, [
            f"{count:,}", f"{before:.1f}", f"{row['logged_in_mib']:.1f}", f"{each[0]:.1f}",
            f"{row['after_query_mib']:.1f}", f"{each[1]:.1f}", f"{row['server_connections']:,}",
        ]))
    print_table(f"{TITLE}: resident memory of the forwarder in MiB", COLUMNS, rows)
