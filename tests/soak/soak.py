#!/usr/bin/env python3
"""Hours of churn through a proxy: does anything stay behind?

Clients come, do something, and go, well-behaved or not (churn.py), while replicas stop and die, accounts come and go,
and the configuration is reloaded. Now and then all of it is held, the proxy must become quiet, and what it and the
servers still have is counted. What belongs to clients must be gone each time. Memory must not grow from one time to
the next: through what is measured after the warm-up a straight line is laid, and its rise is bounded.
"""

import argparse
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

import churn
import harness
import processes
import wire

MEBIBYTE = 1 << 20
QUIET_LIMIT = 60  # seconds after which the proxy must have noticed that all clients are gone
IDLE_LIMIT = 100  # and after which it must have closed the connections to servers that nobody uses
NEVER_ZERO = ("come_and_go", "prepared_statements", "write_and_read", "temporary_table")
LOOPS = 2
WARM_UP = 0.4  # of the times that are counted

# What is counted at the quiet times, besides memory: a title, and whether it must be as in the beginning. "own" are the
# proxy's own connections to servers, "pooled" those of clients' sessions, "statements" the ones prepared on them.
COUNTED = {
    "files": True, "threads": True, "locked KiB": True, "passwords": True, "sessions": True, "clients": True,
    "transactions": True, "user locks": True, "temporary": True, "own": False, "pooled": False, "statements": False,
}
LOCKED_PAGES_OF_A_PASSWORD = 2  # itself and its digest
PAGE_KIB = 4


class Crowd:
    """The clients. While it is held, there are none."""

    def __init__(self, proxy, options):
        self.proxy, self.options = proxy, options
        self.may_go_on, self.is_over = threading.Event(), threading.Event()
        self.lock, self.busy = threading.Lock(), 0
        self.lives, self.troubles, self.failures = Counter(), Counter(), []
        self.threads = [
            threading.Thread(target=self.live, args=(random.Random(f"{options.seed}/{i}"),), daemon=True)
            for i in range(options.clients)
        ]
        for thread in self.threads:
            thread.start()

    def live(self, rng):
        while not self.is_over.is_set():
            self.may_go_on.wait()
            with self.lock:
                self.busy += 1
            try:
                name, trouble = churn.live(self.proxy, rng)
                with self.lock:
                    self.lives[name] += 1
                    if trouble:
                        self.troubles[f"{name}: {trouble}"] += 1
                    else:
                        self.lives[f"{name}, to its end"] += 1
            except BaseException as error:
                self.failures.append(f"a client ends with {error!r}")
                raise
            finally:
                with self.lock:
                    self.busy -= 1

    def total(self):
        return sum(number for name, number in self.lives.items() if not name.endswith("end"))

    def let_go_on(self):
        self.may_go_on.set()

    def hold(self):
        self.may_go_on.clear()
        harness.wait_until("every client has ended its life", lambda: self.busy == 0, 120)

    def end(self):
        self.is_over.set()
        self.may_go_on.set()
        for thread in self.threads:
            thread.join(60)
            if thread.is_alive():
                self.failures.append("a client does not end")


class Trouble:
    """What happens to the cluster and the proxy meanwhile."""

    def __init__(self, cluster, proxy, rng):
        self.cluster, self.proxy, self.rng = cluster, proxy, rng
        self.done, self.started = Counter(), 0

    def make(self, seconds):
        kinds = [self.pause, self.reload, self.reload, self.account, self.account, self.nothing]
        if self.started % 8 == 4:
            kinds = [self.kill]
        self.started += 1
        kind = self.rng.choice(kinds)
        self.done[kind.__name__] += 1
        kind(seconds)

    @staticmethod
    def nothing(seconds):
        time.sleep(seconds)

    def pause(self, seconds):
        node = self.rng.choice(self.cluster.replicas())
        os.kill(node["pid"], signal.SIGSTOP)
        try:
            time.sleep(min(seconds, 2))
        finally:
            os.kill(node["pid"], signal.SIGCONT)

    def kill(self, _):
        """A replica's server; its agent starts it again."""
        node = self.rng.choice(self.cluster.replicas())
        processes.kill(node["pid"])
        harness.wait_until("another server runs", lambda: self.cluster.node(node["name"])["pid"] != node["pid"])
        self.cluster.wait_healthy()

    def reload(self, seconds):
        self.proxy.process.send_signal(signal.SIGHUP)
        time.sleep(seconds)

    def account(self, seconds):
        """Made for one log-in."""
        name = f"soak_once_{self.started}"
        with self.cluster.root(self.cluster.primary()) as root:
            root.run(f"CREATE USER {name} IDENTIFIED BY '{name}'")
            with suppress(wire.ServerError, *churn.LOST), self.proxy.wire(user=name, password=name, tls=True) as session:
                session.query("SELECT 1")
            root.run(f"DROP USER {name}")
        time.sleep(seconds)


class Ledger:
    """What there is at the quiet times."""

    def __init__(self, cluster, proxy):
        self.cluster, self.proxy, self.pid = cluster, proxy, proxy.proxy_pid()
        self.servers = {
            f"connections with port {cluster.direct_address(node)[1]}" for node in cluster.api_status()["nodes"]
        }
        self.started = time.monotonic()
        self.rows = []

    def at_servers(self, sql):
        """The sum of a number over all servers."""
        total = 0
        for node in self.cluster.api_status()["nodes"]:
            with self.cluster.root(node) as server:
                total += int(server.value(sql))
        return total

    def count(self):
        threads = "performance_schema.threads t WHERE t.processlist_user LIKE 'soak%'"
        files = processes.kinds_of_files(self.pid)
        # A socket whose other end is gone has no port any more; the proxy closes it when it would use it again.
        to_servers = sum(count for kind, count in files.items() if kind in (*self.servers, "socket"))
        pooled = self.at_servers(f"SELECT COUNT(*) FROM {threads}")
        of_ours = "IN (SELECT processlist_id FROM performance_schema.threads WHERE processlist_user LIKE 'soak%')"
        return {
            "memory": processes.resident_bytes(self.pid) / MEBIBYTE,
            "files": files.total() - to_servers,
            "threads": int(processes.stat_fields(self.pid)[17]),
            "locked KiB": processes.status_bytes(self.pid, "VmLck") // 1024,
            "passwords": int(self.proxy.metric("dorsal_proxy_known_passwords")),
            "sessions": int(self.proxy.metric("dorsal_proxy_sessions")),
            "clients": int(self.proxy.metric("dorsal_proxy_clients")),
            "own": to_servers - pooled,
            "pooled": pooled,
            "statements": self.at_servers(
                "SELECT COUNT(*) FROM performance_schema.prepared_statements_instances p"
                " JOIN performance_schema.threads t ON t.thread_id = p.owner_thread_id"
                " WHERE t.processlist_user LIKE 'soak%'"
            ),
            "transactions": self.at_servers(
                f"SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id {of_ours}"
            ),
            "user locks": self.at_servers(
                "SELECT COUNT(*) FROM performance_schema.metadata_locks"
                " WHERE object_type = 'USER LEVEL LOCK' AND object_name LIKE 'soak%'"
            ),
            "temporary": self.at_servers(
                "SELECT COUNT(*) FROM information_schema.innodb_temp_table_info WHERE name LIKE '#sql%'"
            ),
        }

    def differences(self, row):
        """From the beginning, in what must be as then."""
        first = self.rows[0]
        found = [
            f"{name} {row[name]} instead of {first[name]}"
            for name, must_be in COUNTED.items()
            if must_be and name != "locked KiB" and row[name] != first[name]
        ]
        # Pooled connections know the password that they were opened with, which may have been another copy.
        most = first["locked KiB"] + PAGE_KIB * row["pooled"]
        if row["locked KiB"] > most:
            found.append(f"locked KiB {row['locked KiB']} instead of at most {most}")
        if row["own"] > self.most_own():
            found.append(f"{row['own']} connections of the proxy's own to servers, and not at most {self.most_own()}")
        return found

    def most_own(self):
        """A monitor of each server; each loop asks the primary for its position and for its accounts, and each server,
        over up to four connections, for what sessions have left there."""
        return len(self.servers) + LOOPS * (4 * len(self.servers) + 2)

    def note(self, lives, limit=QUIET_LIMIT, gone=()):
        """Waits until what must be gone is gone; else that is a failure, which is returned."""
        deadline = time.monotonic() + limit
        while True:
            row = self.count()
            found = self.differences(row) if self.rows else []
            found += [f"{name} {row[name]} instead of none" for name in gone if row[name]]
            if not found or time.monotonic() > deadline:
                break
            time.sleep(0.3)
        row |= {"minute": (time.monotonic() - self.started) / 60, "lives": lives}
        self.rows.append(row)
        self.print(row)
        if found:
            print(f"open files: {dict(processes.kinds_of_files(self.pid))}")
        return [f"after {row['minute']:.1f} minutes and {limit} s of quiet: {one}" for one in found]

    def print(self, row):
        if len(self.rows) == 1:
            print("  ".join(["minute", "  lives", "   memory", *COUNTED]), flush=True)
        numbers = "  ".join(f"{row[name]:{len(name)}}" for name in COUNTED)
        print(f"{row['minute']:6.1f}  {row['lives']:7}  {row['memory']:9.2f}  {numbers}", flush=True)


def rise(points):
    """By how much the line through (x, y) that fits best rises from the first x to the last."""
    count = len(points)
    mean_x, mean_y = (sum(point[i] for point in points) / count for i in (0, 1))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    return slope * (points[-1][0] - points[0][0])


def judge_memory(rows, allowed):
    """Failures; prints what it finds."""
    measured = rows[max(1, int(len(rows) * WARM_UP)) :]
    grown = rise([(row["lives"], row["memory"]) for row in measured])
    lives = measured[-1]["lives"] - measured[0]["lives"]
    print(
        f"memory rises by {grown:.2f} MiB over the last {len(measured)} counts and {lives} lives,"
        f" {grown * MEBIBYTE / max(lives, 1):.0f} bytes for each; {allowed} MiB are allowed"
    )
    return [f"memory rises by {grown:.2f} MiB"] if grown > allowed else []


def prepare(cluster, stack):
    with cluster.root(cluster.primary()) as root:
        stack.callback(clear, cluster, root.value("SELECT @@global.local_infile"))
        root.run("SET GLOBAL local_infile = 1")
        root.run(f"DROP DATABASE IF EXISTS {churn.SCHEMA}")
        root.run(f"CREATE DATABASE {churn.SCHEMA}")
        root.run(f"CREATE TABLE {churn.SCHEMA}.t (id INT PRIMARY KEY, n INT NOT NULL)")
        root.run(f"CREATE TABLE {churn.SCHEMA}.loaded (data TEXT)")
        root.run(f"INSERT INTO {churn.SCHEMA}.t VALUES " + ", ".join(f"({i}, 0)" for i in range(100)))
        for user in churn.USERS:
            root.run(f"DROP USER IF EXISTS {user}")
            root.run(f"CREATE USER {user} IDENTIFIED BY '{user}'")
            root.run(f"GRANT ALL ON {churn.SCHEMA}.* TO {user}")
    harness.wait_for_replicas(cluster)


def drop_accounts(cluster):
    with cluster.root(cluster.primary()) as root:
        for user in churn.USERS:
            root.run(f"DROP USER IF EXISTS {user}")


def clear(cluster, local_infile):
    cluster.wait_healthy()
    with cluster.root(cluster.primary()) as root:
        root.run(f"SET GLOBAL local_infile = {local_infile}")
        root.run(f"DROP DATABASE IF EXISTS {churn.SCHEMA}")
    drop_accounts(cluster)


def log_in_once(proxy):
    """From then on both passwords are known."""
    for user in churn.USERS:
        proxy.wire(user=user, password=user, tls=True).quit()
    harness.wait_until("no client is left", lambda: proxy.metric("dorsal_proxy_clients") == 0)


def run(cluster, proxy, options):
    """Failures."""
    log_in_once(proxy)
    ledger, crowd = Ledger(cluster, proxy), Crowd(proxy, options)
    trouble = Trouble(cluster, proxy, random.Random(options.seed))
    failures = ledger.note(0)
    period = min(60, options.minutes * 60 / 8)
    end = ledger.started + options.minutes * 60
    while time.monotonic() < end and not crowd.failures and not failures:
        crowd.let_go_on()
        stop = time.monotonic() + period
        while time.monotonic() < stop:
            trouble.make(min(period / 4, trouble.rng.choice((0.5, 1, 2, 4))))
        crowd.hold()
        cluster.wait_healthy()
        failures += ledger.note(crowd.total())
    crowd.end()
    with cluster.root(cluster.primary()) as root:
        root.run(f"TRUNCATE {churn.SCHEMA}.loaded")
    failures += crowd.failures + judge_memory(ledger.rows, options.allowed_mib)
    failures += rest(cluster, ledger, crowd, options)
    print("trouble: " + ", ".join(f"{name} {count}" for name, count in sorted(trouble.done.items())))
    print("lives: " + ", ".join(f"{name} {count}" for name, count in sorted(crowd.lives.items())))
    print("ended by: " + ", ".join(f"{name} {count}" for name, count in sorted(crowd.troubles.items())))
    failures += [f"no client has done {life} to its end" for life in NEVER_ZERO if not crowd.lives[f"{life}, to its end"]]
    return failures


def rest(cluster, ledger, crowd, options):
    """In the end: nothing at the servers, by itself or because the accounts are gone, and no password."""
    failures = []
    if options.idle:
        failures += ledger.note(crowd.total(), IDLE_LIMIT, gone=("pooled", "statements"))
    drop_accounts(cluster)
    first, known = ledger.rows[0], len(churn.USERS)
    first["passwords"] -= known
    if first["locked KiB"]:  # none under a sanitizer
        first["locked KiB"] -= known * LOCKED_PAGES_OF_A_PASSWORD * PAGE_KIB
    return failures + ledger.note(crowd.total(), QUIET_LIMIT, gone=("pooled", "statements"))


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15, help="of churn (15)")
    parser.add_argument("--clients", type=int, default=12, help="at a time (12)")
    parser.add_argument("--allowed-mib", type=float, default=4, help="by which memory may rise after the warm-up (4)")
    parser.add_argument("--no-idle", dest="idle", action="store_false", help="do not wait for idle connections to close")
    parser.add_argument("--seed", type=int, default=None, help="of what clients do and what happens; not of when")
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    return options


def main(arguments):
    options = parse(arguments)
    with ExitStack() as stack:
        cluster = stack.enter_context(harness.running_cluster())
        before = len(cluster.crashes())
        prepare(cluster, stack)
        with cluster.another_proxy(loops=LOOPS) as proxy:
            failures = run(cluster, proxy, options)
        failures += cluster.crashes()[before:]
        for failure in failures[:30]:
            print(f"FAILURE: {failure}")
        print(f"seed {options.seed}: {'failed' if failures else 'nothing stays behind'}")
    return 1 if failures else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # takes away what was started
    sys.exit(main(sys.argv[1:]))
