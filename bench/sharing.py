"""How many server connections many clients need that each run a statement now and then."""

import collections
import contextlib
import random
import resource
import selectors
import struct
import sys
import time

import rig
import wire
from rig import ROWS, TABLE, Target, connections_of, percentile, print_table

TITLE = "sharing"
WARM_UP = 3  # seconds
COLUMNS = (("clients", 10), ("statements/s", 15), ("p99 ms", 10), ("most at a time", 17), ("clients each", 15),
           ("by server", 20))


def options(parser):
    parser.add_argument("--sharing-clients", type=int, default=1000, help="clients that run a statement a second (1000)")


class PacedClient:
    """One client whose statements take their turn with those of many others."""

    def __init__(self, connection):
        self.connection, self.received, self.sent_at = connection, bytearray(), None
        connection.socket.setblocking(False)

    def send(self, sql):
        body = bytes([wire.COM_QUERY]) + self.connection.query_body(sql)
        self.sent_at = time.monotonic()
        self.connection.socket.send(struct.pack("<I", len(body))[:3] + b"\0" + body)

    def read(self):
        """True when the reply has ended: with an OK alone, or with the OK behind the rows."""
        self.received += self.connection.socket.recv(1 << 16)
        at, number = 0, 0
        while at + 4 <= len(self.received):
            size = int.from_bytes(self.received[at : at + 3], "little")
            payload = self.received[at + 4 : at + 4 + size]
            if len(payload) < size:
                return False
            if payload[:1] == b"\xff":
                raise self.connection.error(bytes(payload))
            if payload[:1] == (b"\0" if number == 0 else b"\xfe"):
                self.received.clear()
                return True
            at, number = at + 4 + size, number + 1
        return False


def statement():
    """Nine reads for each write."""
    key = random.randrange(1, ROWS + 1)
    if random.random() < 0.1:
        return f"UPDATE {TABLE} SET k=k+1 WHERE id={key}"
    return f"SELECT c FROM {TABLE} WHERE id={key}"


class Watch(rig.Watch):
    """Counts the user's server connections ten times a second; in a thread, so that the load goes on meanwhile."""

    def __init__(self, user, servers):
        super().__init__(every=0.1)
        self.user, self.servers = user, servers
        self.most, self.most_by_server = 0, {}

    def look(self):
        now = connections_of(self.user, self.servers)
        self.most = max(self.most, sum(now.values()))
        for node, number in now.items():
            self.most_by_server[node] = max(self.most_by_server.get(node, 0), number)


class Load:
    """Lets each client run a statement a second, all at moments of their own."""

    def __init__(self, clients):
        self.clients, self.latencies = clients, []
        self.selector = selectors.DefaultSelector()
        for client in clients:
            self.selector.register(client.connection.socket, selectors.EVENT_READ, client)

    def run(self, seconds):
        start = time.monotonic()
        due = collections.deque(sorted((start + random.random(), client) for client in range(len(self.clients))))
        while due[0][0] < start + seconds:
            now = time.monotonic()
            if due[0][0] > now:
                self.take_replies(due[0][0] - now)
                continue
            moment, number = due.popleft()
            if self.clients[number].sent_at is None:
                self.clients[number].send(statement())
            due.append((moment + 1, number))
            self.take_replies(0)
        while any(client.sent_at is not None for client in self.clients):
            self.take_replies(30)

    def take_replies(self, timeout):
        for key, _ in self.selector.select(timeout):
            if key.data.read():
                self.latencies.append(time.monotonic() - key.data.sent_at)
                key.data.sent_at = None


def measure(rig, target, count, seconds):
    print(f"{TITLE}: {target.name}", file=sys.stderr, flush=True)
    user = rig.new_user()
    clients = []
    try:
        for _ in range(count):
            clients.append(PacedClient(rig.log_in(target.port, user)))
        # What the log-ins needed is no part of it: Router closes what is too much within a second or two.
        Load(clients).run(WARM_UP)
        load = Load(clients)
        with rig.on_all_servers() as servers, Watch(user, servers) as watch:
            load.run(seconds)
        return {
            "clients": count, "per_second": len(load.latencies) / seconds,
            "p99_ms": percentile([(ms * 1000, 1) for ms in sorted(load.latencies)], 99),
            "most": watch.most, "most_by_server": watch.most_by_server,
        }
    finally:
        for client in clients:
            client.connection.close()


def run(rig, chosen):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    count, seconds = chosen.sharing_clients, chosen.seconds * chosen.rounds
    results = {}
    with rig.cluster.another_proxy() as proxy:
        for name, endpoint in (("Dorsal, primary", "primary"), ("Dorsal, splitting", "split")):
            target = Target(name, proxy.address(endpoint)[1], proxy.proxy_pid())
            results[name] = measure(rig, target, count, seconds)
    for delay, name in ((1, "Router, after 1 s"), (0, "Router, at once")):
        with contextlib.ExitStack() as stack:
            router = stack.enter_context(rig.router(delay, name))
            if router is not None:
                results[name] = measure(rig, router, count, seconds)
    return results


def show(results):
    rows = []
    for name, row in results.items():
        by_server = " + ".join(str(number) for number in row["most_by_server"].values() if number)
        rows.append((name, [
            f"{row['clients']:,}", f"{row['per_second']:,.0f}", f"{row['p99_ms']:.1f}", f"{row['most']:,}",
            f"{row['clients'] / row['most']:.0f}", by_server,
        ]))
    print_table(f"{TITLE}: connections to servers while each client runs a statement a second", COLUMNS, rows)
