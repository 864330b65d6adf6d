"""The clients of the chaos harness, and what they remember.

Writers insert numbers that nobody else inserts; sessions write a register of their own and read all registers; direct
writers go past the proxies to each server by itself, the strongest question to a fence. All that was acknowledged is
remembered with the moments when it was sent and answered.
"""

import contextlib
import itertools
import threading
import time

import pymysql
from world import PRIMARY_PORT, SPLIT_PORT

import harness

# What a client is told of a statement that has had no effect: an aborted transaction, a read-only server, no room.
HAD_NO_EFFECT = {1213, 1290, 1836, 1040, 1203}
SCHEMA = "chaos"


class Record:
    """What one writer was told in one round."""

    def __init__(self):
        self.acknowledged = {}  # number: (sent, answered)
        self.refused, self.unknown = set(), set()


class Book:
    """What all clients know together."""

    def __init__(self, registers):
        self.numbers = itertools.count(1)
        self.gate = threading.Event()  # closed: nobody begins anything
        self.ended = threading.Event()
        self.round = 0
        self.records = {}  # (round, writer): Record
        self.registers = [0] * registers  # the newest value of each that a client of a proxy was told of
        self.stale = []
        self.reads = 0
        self.lock = threading.Lock()

    def record(self, number, writer):
        with self.lock:
            return self.records.setdefault((number, writer), Record())

    def records_of(self, number):
        with self.lock:
            return {writer: record for (round_, writer), record in self.records.items() if round_ == number}


class Client(threading.Thread):
    """Does one thing again and again, over a connection that it opens again when it is lost."""

    PAUSE = 0.05

    def __init__(self, world, book, name):
        super().__init__(name=name, daemon=True)
        self.world, self.book = world, book
        self.connection, self.is_busy, self.done = None, False, 0
        self.failure = None

    def run(self):
        try:
            while not self.book.ended.is_set():
                if not self.book.gate.is_set():
                    self.is_busy = False
                    self.book.gate.wait(0.1)
                    continue
                self.is_busy = True
                # Only who has said that it is busy, and found the gate open after that, may begin.
                if self.book.gate.is_set():
                    self.attempt()
                    self.book.ended.wait(self.PAUSE)
        except BaseException as error:
            self.failure = f"{self.name} ends: {error!r}"
            raise
        finally:
            self.is_busy = False
            self.leave()

    def attempt(self):
        try:
            if self.connection is None:
                self.connection = self.connect()
            self.act()
            self.done += 1
        except (pymysql.MySQLError, OSError, EOFError):
            self.leave()
            self.book.ended.wait(0.05)

    def leave(self):
        if self.connection is not None:
            with contextlib.suppress(Exception):
                self.connection._force_close()  # no farewell that somebody frozen would have to take
            self.connection = None


class Writer(Client):
    """Through one proxy, from its own host or from afar."""

    def __init__(self, world, book, node, host, in_transactions):
        super().__init__(world, book, f"writer at {node} from {host.name}")
        self.node, self.host, self.in_transactions = node, host, in_transactions
        self.port = PRIMARY_PORT if in_transactions else SPLIT_PORT

    def connect(self):
        return self.node.client(self.host, self.port, database=SCHEMA)

    def act(self):
        number, round_ = next(self.book.numbers), self.book.round
        record = self.book.record(round_, self.name)
        sql = f"INSERT INTO numbers_{round_} VALUES ({number}, @@server_id)"
        statements = ["BEGIN", sql, "COMMIT"] if self.in_transactions else [sql]
        sent = time.monotonic()
        last = None
        try:
            for last in statements:
                self.connection.run(last)
        except (pymysql.MySQLError, OSError, EOFError) as error:
            had_no_effect = last == "BEGIN" or last is not statements[-1] or code_of(error) in HAD_NO_EFFECT
            (record.refused if had_no_effect else record.unknown).add(number)
            raise
        record.acknowledged[number] = (sent, time.monotonic())


class DirectWriter(Client):
    """To one server, past all proxies, whenever that server takes writes at all."""

    PAUSE = 0.05

    def __init__(self, world, book, node):
        super().__init__(world, book, f"writer on {node} itself")
        self.node = node

    def connect(self):
        return self.node.root(database=SCHEMA, read_timeout=6, write_timeout=6)

    def act(self):
        if self.connection.value("SELECT @@GLOBAL.super_read_only OR @@GLOBAL.read_only"):
            return  # also where only the fault that makes strays may write
        number, round_ = next(self.book.numbers), self.book.round
        record = self.book.record(round_, self.name)
        sent = time.monotonic()
        try:
            self.connection.run(f"INSERT INTO numbers_{round_} VALUES ({number}, @@server_id)")
        except (pymysql.MySQLError, OSError, EOFError) as error:
            (record.refused if code_of(error) in HAD_NO_EFFECT else record.unknown).add(number)
            raise
        record.acknowledged[number] = (sent, time.monotonic())


class Session(Client):
    """Writes its register and reads all, at the default level."""

    def __init__(self, world, book, node, host, register):
        super().__init__(world, book, f"session at {node} from {host.name}")
        self.node, self.host, self.register = node, host, register
        self.value, self.seen = 0, []

    def connect(self):
        self.seen = [0] * len(self.book.registers)
        return self.node.client(self.host, SPLIT_PORT, database=SCHEMA)

    def act(self):
        self.value += 1
        self.connection.run(
            f"UPDATE registers SET value = {self.value} WHERE id = {self.register} AND value < {self.value}"
        )
        self.book.registers[self.register] = self.value
        for _ in range(3):
            self.read()

    def read(self):
        promised, sent = list(self.book.registers), time.monotonic()
        rows = self.connection.run("SELECT id, value FROM registers ORDER BY id")
        answered = time.monotonic()
        found = [value for _, value in rows]
        self.book.reads += 1
        for what, least in (("what clients were told", promised), ("what it has seen", self.seen)):
            behind = [(i, least[i], value) for i, value in enumerate(found) if value < least[i]]
            if behind:
                self.book.stale.append(
                    f"round {self.book.round}: {self.name} lacks {what}: (register, at least, found) {behind[:3]}, "
                    f"sent {sent:.3f}, answered {answered:.3f}"
                )
        self.seen = [max(pair) for pair in zip(self.seen, found)]


def code_of(error):
    return error.args[0] if isinstance(error, pymysql.MySQLError) and error.args else None


class Clients:
    """All of them."""

    def __init__(self, world):
        self.world, self.book = world, Book(2 * len(world.nodes))
        afar = world.clients_host
        self.writers, self.sessions, self.direct = [], [], []
        for i, node in enumerate(world.nodes):
            self.writers.append(Writer(world, self.book, node, node.host, in_transactions=False))
            self.writers.append(Writer(world, self.book, node, afar, in_transactions=True))
            self.sessions.append(Session(world, self.book, node, node.host, 2 * i))
            self.sessions.append(Session(world, self.book, node, afar, 2 * i + 1))
            self.direct.append(DirectWriter(world, self.book, node))
        self.all = [*self.writers, *self.sessions, *self.direct]

    def prepare(self):
        """The schema, once a primary takes writes."""
        values = ", ".join(f"({i}, 0)" for i in range(len(self.book.registers)))
        with self.world.nodes[0].client(self.world.clients_host, PRIMARY_PORT) as session:
            session.run(f"CREATE DATABASE {SCHEMA}")
            session.run(f"CREATE TABLE {SCHEMA}.registers (id INT PRIMARY KEY, value BIGINT NOT NULL)")
            session.run(f"INSERT INTO {SCHEMA}.registers VALUES {values}")

    def begin_round(self):
        number = self.book.round + 1

        def create():
            with self.world.nodes[0].client(self.world.clients_host, PRIMARY_PORT, database=SCHEMA) as session:
                session.run(
                    f"CREATE TABLE IF NOT EXISTS numbers_{number} (id BIGINT PRIMARY KEY, server INT NOT NULL)"
                )
            return True

        harness.wait_until("a table for the round", create, 60)
        self.book.round = number
        self.go_on()
        if number == 1:
            for client in self.all:
                client.start()

    def wait_for_all(self, limit):
        """Until each of those that go through proxies has got something done."""
        before = {client: client.done for client in (*self.writers, *self.sessions)}

        def late():
            return [client.name for client, count in before.items() if client.done < count + 3]

        harness.wait_until("all clients go on", lambda: self.check() or not late(), limit)

    def check(self):
        """Fails when one of them has ended."""
        for client in self.all:
            if client.failure:
                raise RuntimeError(client.failure)

    def hold(self):
        """Until nobody waits for an answer any more."""
        self.book.gate.clear()
        harness.wait_until(
            "no client waits for an answer", lambda: not [client.name for client in self.all if client.is_busy], 60
        )

    def go_on(self):
        self.book.gate.set()

    def end(self):
        self.book.ended.set()
        self.book.gate.set()
        for client in self.all:
            if client.is_alive():
                client.join(30)

    def moments(self, number):
        """When writers through proxies were answered in that round, in order."""
        names = {writer.name for writer in self.writers}
        return sorted(
            answered
            for name, record in self.book.records_of(number).items()
            if name in names
            for _, answered in record.acknowledged.values()
        )
