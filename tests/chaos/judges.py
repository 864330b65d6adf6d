"""What must hold, however a cluster was hurt.

Two threads per server and store look on all the time; the rest is asked while the clients hold still, once the
cluster has converged.
"""

import contextlib
import http.client
import threading
import time

import pymysql
from clients import SCHEMA

import harness

# How far back each round looks again at what earlier ones have found to be there.
ROUNDS_AGAIN = 2


class Terms(threading.Thread):
    """When each term was first seen in the store, and whose it is: a term that is seen has begun."""

    def __init__(self, world):
        super().__init__(name="terms", daemon=True)
        self.world, self.ended = world, threading.Event()
        self.lock, self.seen = threading.Lock(), []  # (moment, term, primary)

    def run(self):
        threads = [threading.Thread(target=self.watch, args=(member,), daemon=True) for member in self.world.members]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def watch(self, member):
        while not self.ended.wait(0.05):
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                record = member.leadership()
                with self.lock:
                    if record and (not self.seen or record[0] > self.seen[-1][1]):
                        self.seen.append((time.monotonic(), *record))

    def at(self, moment):
        with self.lock:
            return max((term for seen, term, _ in self.seen if seen <= moment), default=0)

    def of(self, primary, least, until):
        """Whether that node has led in a term of at least that number by then."""
        with self.lock:
            return any(name == primary and term >= least and seen <= until for seen, term, name in self.seen)


class Watch(threading.Thread):
    """When one server was open for writes, as it said itself: intervals of which both ends are certain."""

    EVERY = 0.05
    QUESTION = (
        "SELECT @@GLOBAL.read_only, @@GLOBAL.super_read_only, MAX(VARIABLE_VALUE = 'ON') FROM"
        " performance_schema.global_status WHERE VARIABLE_NAME = 'Rpl_semi_sync_source_status'"
    )

    def __init__(self, world, node):
        super().__init__(name=f"watch of {node}", daemon=True)
        self.world, self.node, self.ended = world, node, threading.Event()
        self.intervals = []  # [from, to, whether acknowledgements were always demanded]
        self.open = None

    def run(self):
        connection = None
        while not self.ended.wait(self.EVERY):
            try:
                connection = connection or self.node.root(read_timeout=10)
                before = time.monotonic()
                row = connection.run(self.QUESTION)[0]
                self.saw(before, time.monotonic(), row[0] == 0 and row[1] == 0, bool(row[2]))
            except (pymysql.MySQLError, OSError, EOFError):
                self.open = None
                if connection:
                    with contextlib.suppress(Exception):
                        connection._force_close()
                connection = None
        if connection:
            harness.close_quietly(connection)

    def saw(self, before, after, is_open, needs_acks):
        if not is_open:
            self.open = None
        elif self.open is None:
            self.open = [after, after, needs_acks]
            self.intervals.append(self.open)
        else:
            self.open[1] = max(self.open[1], before)
            self.open[2] = self.open[2] and needs_acks


class Judge:
    """Collects what is wrong, as sentences, by what it is."""

    KINDS = ("lost", "stale", "double_writers", "deposed", "denied_but_done", "strays", "diverged", "not_converged", "not_done", "crashes")

    def __init__(self, world, clients):
        self.world, self.clients, self.book = world, clients, clients.book
        self.terms = Terms(world)
        self.watches = [Watch(world, node) for node in world.nodes]
        self.found = {kind: [] for kind in self.KINDS}
        self.there = {}  # round: the numbers that were on all servers when it was judged
        self.servers = {}  # server id: node
        self.stale_before = 0
        self.overlaps_excused = 0.0

    def start(self):
        for thread in (self.terms, *self.watches):
            thread.start()

    def end(self):
        for thread in (self.terms, *self.watches):
            thread.ended.set()
        for thread in (self.terms, *self.watches):
            if thread.is_alive():
                thread.join(30)

    def is_content(self):
        return not any(self.found.values())

    def note(self, kind, sentence):
        self.found[kind].append(sentence)
        print(f"FAILURE ({kind}): {sentence}", flush=True)

    # ---- After each round, while no client does anything ----

    def judge(self, number, name):
        where = f"round {number} ({name})"
        primary = self.world.primary()
        self.compare_gtids(primary, where)
        first = max(1, number - ROUNDS_AGAIN)
        self.compare_rows(range(first, number + 1), primary, where)
        self.look_for_deposed(number, where)
        self.take_stale()
        self.look_for_two_writers(where)

    def compare_gtids(self, primary, where):
        """Replicas are read before the primary, whose newest writes they need not have."""
        executed = {}
        for node in self.world.nodes:
            if node is not primary:
                with contextlib.closing(node.root()) as server:
                    executed[node] = server.value("SELECT @@GLOBAL.gtid_executed")
        with contextlib.closing(primary.root()) as server:
            for node, gtids in executed.items():
                strays = server.value("SELECT GTID_SUBTRACT(%s, @@GLOBAL.gtid_executed)", gtids)
                if strays:
                    self.note("strays", f"{where}: {node} has {strays}, which its primary {primary} lacks")

    def compare_rows(self, rounds, primary, where):
        with contextlib.closing(primary.root()) as server:
            position = server.value("SELECT @@GLOBAL.gtid_executed")
        rows = {}
        for node in self.world.nodes:
            with contextlib.closing(node.root(read_timeout=90)) as server:
                if server.value("SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, 60)", position) != 0:
                    lacks = server.value("SELECT GTID_SUBTRACT(%s, @@GLOBAL.gtid_executed)", position)
                    self.note("not_converged", f"{where}: {node} does not get as far as {primary} within 60 s; it lacks {lacks}")
                    return
                self.servers[server.value("SELECT @@server_id")] = node
                rows[node] = {
                    number: dict(server.run(f"SELECT id, server FROM {SCHEMA}.numbers_{number}")) for number in rounds
                }
        for number in rounds:
            self.compare_round(number, {node: found[number] for node, found in rows.items()}, primary, where)

    def compare_round(self, number, rows, primary, where):
        records = self.book.records_of(number).items()
        for writer, record in records:
            for node, found in rows.items():
                lost = set(record.acknowledged) - set(found)
                if lost:
                    self.note("lost", f"{where}: {node} lacks {sorted(lost)[:10]} of round {number}, acknowledged to the {writer}")
            done = record.refused & set(rows[primary])
            if done:
                self.note("denied_but_done", f"{where}: {sorted(done)[:10]} of round {number} are there, but the {writer} was told that they had no effect")
        for node, found in rows.items():
            if found != rows[primary]:
                differ = sorted(set(found.items()) ^ set(rows[primary].items()))
                self.note("diverged", f"{where}: {node} and {primary} differ in round {number}: {differ[:10]}")
        vanished = self.there.get(number, set()) - set(rows[primary])
        if vanished:
            self.note("lost", f"{where}: {sorted(vanished)[:10]} of round {number} were everywhere and are no longer")
        self.there[number] = set(rows[primary])
        self.rows = rows[primary]

    def look_for_deposed(self, number, where):
        """A write that was sent when a term had begun must not be acknowledged by who led only before it."""
        for writer, record in self.book.records_of(number).items():
            for written, (sent, answered) in record.acknowledged.items():
                node = self.servers.get(self.rows.get(written))
                if node is None:
                    continue  # lost, which is said already
                term = self.terms.at(sent)
                # The store was seen a moment after the term began, so its new primary may be early.
                if not self.terms.of(node.name, term, answered + 1):
                    self.note("deposed", f"{where}: {node} acknowledged {written} to the {writer} {answered - sent:.3f} s after it was sent in term {term}, in which {node} did not lead")

    def take_stale(self):
        stale = self.book.stale[self.stale_before :]
        self.stale_before += len(stale)
        for sentence in stale[:5]:
            self.note("stale", sentence)
        self.found["stale"] += stale[5:]

    def look_for_two_writers(self, where):
        """Two open at the same time; not counted where the agent of one was frozen, whose writes nobody acknowledges."""
        intervals = [(watch.node, *interval) for watch in self.watches for interval in watch.intervals]
        for i, (node, begin, end, needs_acks) in enumerate(intervals):
            for other, begin2, end2, needs_acks2 in intervals[i + 1 :]:
                overlap = (max(begin, begin2), min(end, end2))
                if node is other or overlap[1] <= overlap[0]:
                    continue
                older = node if begin < begin2 else other
                seconds = overlap[1] - overlap[0]
                older_needs_acks = needs_acks if older is node else needs_acks2
                if older_needs_acks and self.is_excused(older, *overlap):
                    self.overlaps_excused = max(self.overlaps_excused, seconds)
                else:
                    self.note("double_writers", f"{where}: {node} and {other} were both open for {seconds:.3f} s, from {overlap[0]:.3f} on")
        for watch in self.watches:
            watch.intervals = [watch.open] if watch.open else []

    @staticmethod
    def is_excused(node, begin, end):
        return any(since <= begin and (until is None or end <= until) for since, until in node.excused)
