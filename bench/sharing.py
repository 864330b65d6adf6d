"""How many server connections many clients need that each run a statement now and then."""

import contextlib
import random
import resource
import selectors
import struct
import sys
import time

import wire
from rig import ROWS, TABLE, Target, connections_of, percentile, print_table

TITLE = "sharing"
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


class Load:
    """Lets each client run a statement a second, all at moments of their own, and looks at the servers meanwhile."""

    def __init__(self, clients, user, servers):
        self.clients, self.user, self.servers = clients, user, servers
        self.selector = selectors.DefaultSelector()
        self.latencies, self.most, self.most_by_server = [], 0, {}
        for client in clients:
            self.selector.register(client.connection.socket, selectors.EVENT_READ, client)

    def run(self, seconds):
        start = time.monotonic()
        due = sorted((start + random.random(), number) for number in range(len(self.clients)))
        look_at = start
        while due[0][0] < start + seconds:
            now = time.monotonic()
            while due[0][0] <= now:
                moment, number = due.pop(0)
                if self.clients[number].sent_at is None:
                    self.clients[number].send(statement())
                due.append((moment + 1, number))
            if look_at <= now:
                self.look()
                look_at = now + 0.1
            self.take_replies(max(0, due[0][0] - time.monotonic()))

    def take_replies(self, timeout):
        for key, _ in self.selector.select(timeout):
            if key.data.read():
                self.latencies.append(time.monotonic() - key.data.sent_at)
                key.data.sent_at = None

    def look(self):
        now = connections_of(self.user, self.servers)
        self.most = max(self.most, sum(now.values()))
        for node, number in now.items():
            self.most_by_server[node] = max(self.most_by_server.get(node, 0), number)


def measure(rig, target, count, seconds):
    print(f"{TITLE}: {target.name}", file=sys.stderr, flush=True)
    user = rig.new_user()
    clients = []
    try:
        for _ in range(count):
            clients.append(PacedClient(rig.log_in(target.port, user)))
        with rig.on_all_servers() as servers:
            # What the log-ins needed is no part of it: peers close what is too much within a second or two.
            Load(clients, user, servers).run(3)
        with rig.on_all_servers() as servers:
            for client in clients:
                drain(client)
            load = Load(clients, user, servers)
            load.run(seconds)
        return {
            "clients": count, "per_second": len(load.latencies) / seconds,
            "p99_ms": percentile([(ms * 1000, 1) for ms in sorted(load.latencies)], 99),
            "most": load.most, "most_by_server": load.most_by_server,
        }
    finally:
        for client in clients:
            client.connection.close()


def drain(client):
    """The reply that was still under way."""
    client.connection.socket.settimeout(30)
    while client.sent_at is not None:
        if client.read():
            client.sent_at = None
    client.connection.socket.setblocking(False)


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
            router = stack.enter_context(rig.router(delay, offset=17 - delay, name=name))
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
