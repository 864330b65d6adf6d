#!/usr/bin/env python3
"""Many clients read and write over pools while replicas stop, lag and proxies restart: is any read staler than promised?

Each client is the only writer of a register of its own and counts it up; every read takes all registers at once. So
for each register, before a read is sent, it is known what the read must at least find:

    session   what was acknowledged to the same session
    global    and to any client of any proxy, and to everybody before that proxy started
    strong    and to anybody, also past all proxies

and at each of these levels what earlier reads of the same session have found. Reads at `eventual` must be stale now
and then, else replication did not lag and the run shows nothing.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import harness
import wire

SCHEMA = "causality"
LEVELS = ("eventual", "session", "global", "global", "strong")
DIRECT = -1  # in place of a proxy's number: past all of them

# What clients are told when a server or a proxy goes away, or when the port for replicas has none that is far enough.
EXPECTED_ERRORS = (1053, 1040, 1213)
LOST = (wire.Closed, OSError)
CONNECTION_LIMIT = 60  # seconds without a connection before that is a failure


class Board:
    """What was acknowledged, in memory that all processes share. Each register has one writer, and only grows."""

    def __init__(self, registers, proxies):
        def numbers(count):
            return multiprocessing.Array("q", count, lock=False)

        self.registers = registers
        self.by_anybody = numbers(registers)
        self.by_proxies = numbers(registers)
        self.before_start = [numbers(registers) for _ in range(proxies)]
        self.counts = {name: numbers(64) for name in COUNTED}  # one place for each process

    def acknowledged(self, proxy, register, value):
        self.by_anybody[register] = value
        if proxy != DIRECT:
            self.by_proxies[register] = value

    def proxy_starts(self, proxy, before):
        """It has started after all of `before` was acknowledged."""
        self.before_start[proxy][:] = before

    def total(self, name):
        return sum(self.counts[name])


COUNTED = ("reads", "eventual", "session", "global", "strong", "stale_eventual", "writes", "unknown_writes", "refused", "lost")


class Session:
    """A connection to a proxy (or past them), and what its reads must find again."""

    def __init__(self, place, connection, registers):
        self.place, self.connection = place, connection
        self.seen, self.written = [0] * registers, [0] * registers
        self.statements = {}
        self.history = []

    def query(self, sql):
        return self.connection.query(sql).rows

    def read(self, level, how):
        """All registers, in their order."""
        sql = f"SELECT /* dorsal: consistency={level} */ value FROM registers ORDER BY id"
        if how == "prepared":
            if level not in self.statements:
                self.statements[level] = self.connection.prepare(sql)
            return [row[0] for row in self.connection.execute(self.statements[level]).rows]
        if how == "transaction":
            self.query(f"START /* dorsal: consistency={level} */ TRANSACTION READ ONLY")
            rows = self.query(sql)
            self.query("COMMIT")
        else:
            rows = self.query(sql)
        return [int(row[0]) for row in rows]


class Worker:
    """The clients of one process, over a pool of sessions."""

    def __init__(self, number, board, places, account, options, stop, failures):
        self.number, self.board, self.places, self.account = number, board, places, account
        self.options, self.stop, self.failures = options, stop, failures
        self.lock = threading.Lock()
        self.pool = []

    def run(self):
        clients = self.options.clients
        threads = [
            threading.Thread(target=self.client, args=(self.number * clients + i,), daemon=True) for i in range(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def count(self, name, by=1):
        with self.lock:
            self.board.counts[name][self.number] += by

    def client(self, register):
        rng = random.Random(f"{self.options.seed}/{register}")
        value = 0
        try:
            while not self.stop.is_set():
                if rng.random() < 0.15:
                    value += 1
                    self.write(rng, register, value)
                else:
                    self.read(rng)
        except BaseException as error:
            self.failures.put(f"client {register} ends: {error!r}")
            self.stop.set()
            raise

    # ---- Sessions, of a pool that all clients of this process share ----

    def borrow(self, rng, ports):
        with self.lock:
            fitting = [i for i, session in enumerate(self.pool) if session.place[1] in ports]
            if fitting and (len(self.pool) >= self.options.connections or rng.random() < 0.9):
                return self.pool.pop(rng.choice(fitting))
        place = rng.choice([place for place in self.places if place[1] in ports])
        deadline = time.monotonic() + CONNECTION_LIMIT
        while True:
            try:
                connection = wire.connect(self.places[place], *self.account, database=SCHEMA, timeout=60)
                return Session(place, connection, self.board.registers)
            except (*LOST, wire.ServerError) as error:
                if time.monotonic() > deadline:
                    raise AssertionError(f"no connection to {place} for {CONNECTION_LIMIT} s") from error
                if self.stop.is_set():
                    return None
                time.sleep(0.05)

    def give_back(self, session):
        with self.lock:
            if len(self.pool) < self.options.connections:
                self.pool.append(session)
                return
        session.connection.close()

    # ---- What clients do ----

    def write(self, rng, register, value):
        session = self.borrow(rng, ("split", "primary", "direct"))
        if session is None:
            return
        # A write whose fate is unknown may still take effect after the next one, and must not undo it.
        sql = f"UPDATE registers SET value = {value} WHERE id = {register} AND value < {value}"
        try:
            if rng.random() < 0.1:
                session.query("BEGIN")
                session.query(sql)
                session.query("COMMIT")
            else:
                session.query(sql)
        except (*LOST, wire.ServerError) as error:
            self.count("unknown_writes")
            return self.lose(session, error)
        self.board.acknowledged(session.place[0], register, value)
        session.written[register] = value
        session.history.append(("wrote", register, value))
        self.count("writes")
        self.give_back(session)

    def read(self, rng):
        session = self.borrow(rng, ("split", "split", "split", "replicas"))
        if session is None:
            return
        level = rng.choice(LEVELS)
        how = rng.choice(("text", "text", "prepared", "transaction"))
        floor = self.floor(session, level)
        try:
            found = session.read(level, how)
        except (*LOST, wire.ServerError) as error:
            return self.lose(session, error)
        self.count("reads")
        self.count(level)
        session.history = [*session.history[-20:], (level, how)]
        self.judge(session, level, how, floor, found)
        session.seen = [max(pair) for pair in zip(session.seen, found)]
        self.give_back(session)

    def floor(self, session, level):
        """{what is promised: the least value of each register}, as of now."""
        proxy = session.place[0]
        if level == "eventual":
            return {"nothing": list(self.board.by_proxies)}
        floor = {"own writes": list(session.written), "what it has seen": list(session.seen)}
        if level in ("global", "strong"):
            floor["writes through proxies"] = list(self.board.by_proxies)
            floor["writes from before its proxy"] = list(self.board.before_start[proxy])
        if level == "strong":
            floor["all writes"] = list(self.board.by_anybody)
        return floor

    def judge(self, session, level, how, floor, found):
        for promise, least in floor.items():
            behind = [(i, least[i], value) for i, value in enumerate(found) if value < least[i]]
            if behind and level == "eventual":
                self.count("stale_eventual")
            elif behind:
                self.failures.put(
                    f"a read at {level} ({how}) on the {session.place[1]} port of proxy {session.place[0]} lacks {promise}:"
                    f" (register, at least, found) {behind[:5]}; before it: {session.history}"
                )
                if not self.options.go_on:
                    self.stop.set()

    def lose(self, session, error):
        is_refusal = isinstance(error, wire.ServerError)
        if is_refusal and error.code not in EXPECTED_ERRORS:
            raise error
        self.count("refused" if is_refusal else "lost")
        session.connection.close()


class Trouble:
    """What happens to the cluster meanwhile: one thing after another, put right again after a while."""

    def __init__(self, cluster, proxies, board, rng):
        self.cluster, self.proxies, self.board, self.rng = cluster, proxies, board, rng
        self.done = Counter()

    def make(self, seconds):
        """One of them, for about so long."""
        kind = self.rng.choice(("pause", "lag", "lag", "lag all", "restart", "nothing"))
        self.done[kind] += 1
        replicas = self.cluster.replicas()
        if kind == "pause":
            self.pause(self.rng.choice(replicas), seconds)
        elif kind.startswith("lag"):
            self.lag(replicas if kind == "lag all" else [self.rng.choice(replicas)], seconds)
        elif kind == "restart":
            self.restart(self.rng.randrange(len(self.proxies)))
        else:
            time.sleep(seconds)

    @staticmethod
    def pause(node, seconds):
        os.kill(node["pid"], signal.SIGSTOP)
        try:
            time.sleep(min(seconds, 2))
        finally:
            os.kill(node["pid"], signal.SIGCONT)

    def lag(self, nodes, seconds):
        """They receive, and acknowledge, but do not apply."""
        servers = [self.cluster.root(node) for node in nodes]
        try:
            for server in servers:
                server.run("STOP REPLICA SQL_THREAD")
            time.sleep(seconds)
        finally:
            for server in servers:
                server.run("START REPLICA SQL_THREAD")
                server.close()

    def restart(self, number):
        proxy = self.proxies[number]
        if self.rng.random() < 0.5:
            proxy.kill()
        else:
            proxy.process.terminate()
            proxy.process.wait(60)
        before = list(self.board.by_anybody)
        proxy.start()
        self.board.proxy_starts(number, before)


def run(cluster, proxies, options):
    """(lines about failures, the Board, the Trouble)"""
    board = Board(options.processes * options.clients, len(proxies))
    with cluster.connect("primary") as primary:
        primary.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
        primary.run(f"CREATE DATABASE {SCHEMA}")
        primary.run(f"CREATE TABLE {SCHEMA}.registers (id INT PRIMARY KEY, value BIGINT NOT NULL)")
        values = ", ".join(f"({i}, 0)" for i in range(board.registers))
        primary.run(f"INSERT INTO {SCHEMA}.registers VALUES {values}")
    harness.wait_for_replicas(cluster)
    places = {(i, port): proxy.address(port) for i, proxy in enumerate(proxies) for port in ("split", "primary", "replicas")}
    places[(DIRECT, "direct")] = cluster.direct_address(cluster.primary())
    stop, failures = multiprocessing.Event(), multiprocessing.Queue()
    workers = [
        multiprocessing.Process(
            target=Worker(i, board, places, cluster.account(), options, stop, failures).run, daemon=True
        )
        for i in range(options.processes)
    ]
    for worker in workers:
        worker.start()
    trouble = Trouble(cluster, proxies, board, random.Random(options.seed))
    try:
        watch(board, trouble, workers, stop, options)
    finally:
        stop.set()
        lines = gather(workers, failures)
    return lines, board, trouble


def watch(board, trouble, workers, stop, options):
    """Until enough has been read, makes trouble."""
    started = said = time.monotonic()
    while not stop.is_set() and board.total("reads") < options.reads and all(worker.is_alive() for worker in workers):
        trouble.make(trouble.rng.choice((0.2, 0.5, 1, 2)))
        if time.monotonic() > said + 30:
            said = time.monotonic()
            print(f"{said - started:.0f} s: {board.total('reads')} reads, {board.total('writes')} writes", flush=True)


def gather(workers, failures):
    """Waits for the workers, and empties the queue meanwhile, since a process with a full one does not end."""
    lines, deadline = [], time.monotonic() + 90
    while any(worker.is_alive() for worker in workers) and time.monotonic() < deadline:
        with suppress(Exception):
            lines.append(failures.get(timeout=0.1))
    while not failures.empty():
        lines.append(failures.get())
    for worker in workers:
        if worker.is_alive():
            lines.append("a process of clients does not end")
            worker.kill()
        elif worker.exitcode != 0:
            lines.append(f"a process of clients ends with {worker.exitcode}")
    return lines


def reads_by_path(proxy):
    name = "dorsal_proxy_reads_total"
    return {dict(key[1:])["path"]: int(value) for key, value in proxy.metrics().items() if key[0] == name}


def report(lines, board, trouble, proxies, options):
    """Prints what happened; true when all is as promised."""
    print(", ".join(f"{name} {board.total(name)}" for name in COUNTED))
    print("trouble: " + ", ".join(f"{name} {count}" for name, count in sorted(trouble.done.items())))
    for i, proxy in enumerate(proxies):
        print(f"proxy {i}, since it started last: {reads_by_path(proxy)}")
    if board.total("stale_eventual") == 0:
        lines.append("no read at eventual was stale, so replication did not lag and this shows nothing")
    for line in lines[:20]:
        print(f"FAILURE: {line}")
    if len(lines) > 20:
        print(f"and {len(lines) - 20} more")
    print(f"seed {options.seed}: {'nothing is stale' if not lines else 'failed'}")
    return not lines


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reads", type=int, default=1_000_000, help="how many, in all (1000000)")
    parser.add_argument("--processes", type=int, default=2, help="of clients")
    parser.add_argument("--clients", type=int, default=8, help="in each process")
    parser.add_argument("--connections", type=int, default=24, help="of each process's pool")
    parser.add_argument("--proxies", type=int, default=2)
    parser.add_argument("--go-on", action="store_true", help="after a failure")
    parser.add_argument("--seed", type=int, default=None, help="of what clients and trouble do; not of when")
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    return options


def main(arguments):
    options = parse(arguments)
    with ExitStack() as stack:
        cluster = stack.enter_context(harness.running_cluster())
        before = len(cluster.crashes())
        with ExitStack() as inner:
            proxies = [inner.enter_context(cluster.another_proxy(loops=1)) for _ in range(options.proxies)]
            lines, board, trouble = run(cluster, proxies, options)
            harness.wait_for_replicas(cluster)
            fine = report(lines, board, trouble, proxies, options)
        with cluster.connect("primary") as primary:
            primary.run(f"DROP DATABASE IF EXISTS {SCHEMA}")
        cluster.wait_healthy()
        crashes = cluster.crashes()[before:]
        print(*crashes, sep="\n", end="\n" if crashes else "", file=sys.stderr)
    return 0 if fine and not crashes else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # takes away what was started
    sys.exit(main(sys.argv[1:]))
