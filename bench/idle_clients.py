"""What an idle client costs in memory: many log in through a forwarder, do something, and then nothing."""

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

# A TLS log-in costs this benchmark so much more time that fewer have to do.
MOST_FOR_TLS = 2000

STAGES = ("logged in", "after a query", "after some work")
COLUMNS = (("clients", 10), ("before", 10), *((name, 24) for name in STAGES), ("server conns", 14))


def options(parser):
    parser.add_argument("--clients", type=int, default=10000, help="idle clients (10000)")


class Crowd:
    """Clients that are logged in at one target."""

    def __init__(self, rig, target, tls):
        self.rig, self.target, self.user, self.clients, self.tls = rig, target, rig.new_user(), [], tls

    def resident_mib(self):
        return processes.resident_bytes(self.target.pid) / MIB

    def come(self, count):
        for number in range(count):
            self.clients.append(self.rig.log_in(self.target.port, self.user, tls=self.tls))
            if number % 1000 == 999:
                print(f"{TITLE}: {self.target.name}: {number + 1} of {count}", file=sys.stderr, flush=True)

    def query(self):
        for number, client in enumerate(self.clients):
            client.query(f"SELECT c FROM {TABLE} WHERE id={number % 1000 + 1}")

    def work(self):
        """What a driver or a framework makes of a session: settings, a write, a prepared statement that stays."""
        for number, client in enumerate(self.clients):
            client.query("SET NAMES utf8mb4")
            client.query("SET SESSION sql_mode='STRICT_TRANS_TABLES'")
            client.query(f"UPDATE {TABLE} SET k=k+1 WHERE id={number % 1000 + 1}")
            client.execute(client.prepare(f"SELECT c FROM {TABLE} WHERE id=?"), [number % 1000 + 1])

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


def measure(rig, target, count, tls=False, works=True):
    """`works` is for forwarders that share connections in spite of prepared statements, which the last step leaves."""
    crowd = Crowd(rig, target, tls)
    try:
        crowd.come(20)
        crowd.query()
        crowd.leave()
        result = {"clients": count, "before_mib": settled(crowd), "stages_mib": {}}
        steps = (lambda: crowd.come(count), crowd.query, crowd.work)
        for stage, step in zip(STAGES, steps if works else steps[:-1]):
            step()
            result["stages_mib"][stage] = settled(crowd)
        result["server_connections"] = crowd.server_connections()
        return result
    finally:
        crowd.leave()


def run(rig, chosen):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    results = {}
    with rig.cluster.another_proxy() as proxy:
        dorsal = Target("Dorsal, splitting", proxy.address()[1], proxy.proxy_pid())
        results[dorsal.name] = measure(rig, dorsal, chosen.clients)
    with rig.cluster.another_proxy() as proxy:
        dorsal = Target("Dorsal, TLS", proxy.address()[1], proxy.proxy_pid())
        results[dorsal.name] = measure(rig, dorsal, min(chosen.clients, MOST_FOR_TLS), tls=True)
    with contextlib.ExitStack() as stack:
        router = stack.enter_context(rig.router())
        if router is not None:
            results[router.name] = measure(rig, router, chosen.clients, works=False)
    with rig.haproxy() as haproxy:
        results[haproxy.name] = measure(rig, haproxy, min(chosen.clients, MOST_FOR_HAPROXY), works=False)
    return results


def show(results):
    rows = []
    for name, row in results.items():
        before, count = row["before_mib"], row["clients"]
        stages = [f"{mib:.1f} ({(mib - before) * 1024 / count:.1f} KiB each)" for mib in row["stages_mib"].values()]
        stages += ["-"] * (len(STAGES) - len(stages))
        rows.append((name, [f"{count:,}", f"{before:.1f}", *stages, f"{row['server_connections']:,}"]))
    print_table(f"{TITLE}: resident memory of the forwarder in MiB", COLUMNS, rows)
