"""How long nobody can write when a primary is lost or replaced, and where that time goes."""

import contextlib
import itertools
import sys
import threading
import time

import pymysql

import harness
import processes
import takeover
from rig import percentile, print_table

TABLE = "failover.t"


def options(parser):
    parser.add_argument("--failovers", type=int, default=30, help="of each kind (30)")


class Writer(threading.Thread):
    """Writes without a pause, each time over a session that it keeps, and remembers when it was acknowledged."""

    def __init__(self, cluster, number):
        super().__init__(daemon=True)
        self.cluster, self.number, self.moments, self.errors = cluster, number, [], 0
        self.ended, self.resting = threading.Event(), threading.Event()

    def run(self):
        session = None
        while not self.ended.is_set():
            if self.resting.is_set():
                self.ended.wait(0.01)
                continue
            try:
                session = session or self.cluster.connect(read_timeout=30)
                session.run(f"UPDATE {TABLE} SET n = n + 1 WHERE id = {self.number}")
                self.moments.append(time.time())
            except pymysql.MySQLError:
                self.errors += 1
                if session:
                    harness.close_quietly(session)
                session = None
                self.ended.wait(0.005)
        if session:
            harness.close_quietly(session)


def lose_mysqld(cluster, node):
    processes.kill(node["pid"])
    return contextlib.nullcontext()


def lose_node(cluster, node):
    """As if its host had stopped: neither mysqld nor agent does anything, and connections stay open."""
    return processes.frozen(cluster.agent_pid(node), node["pid"])


def hang_mysqld(cluster, node):
    return processes.frozen(node["pid"])


def switch(cluster, node):
    cluster.run("switchover", "--dir", cluster.dir)
    return contextlib.nullcontext()


KINDS = {
    "mysqld is killed": (lose_mysqld, takeover.FAILOVER),
    "mysqld hangs": (hang_mysqld, takeover.FAILOVER),
    "the host stops": (lose_node, takeover.FAILOVER),
    "switchover": (switch, takeover.SWITCHOVER),
}


def longest_gap(writers, since):
    """(from, to) of the longest time since then in which nobody was told of a write, in seconds."""
    moments = sorted(at for writer in writers for at in writer.moments if at >= since)
    return max(itertools.pairwise(moments), key=lambda pair: pair[1] - pair[0])


def errors(writers):
    return sum(writer.errors for writer in writers)


def make_whole(cluster, writers):
    """Without writes meanwhile, as a replica that is made anew hardly ever catches up with clients that never pause."""
    for writer in writers:
        writer.resting.set()
    cluster.wait_until_well(180)
    for writer in writers:
        writer.resting.clear()
    began = time.time()
    harness.wait_until("all have written for a while", lambda: all(w.moments[-1] > began + 1 for w in writers))


def lose(cluster, writers, lose_it, parts):
    """Milliseconds without a write, those of each part and of the first write, and how many errors clients saw."""
    term = cluster.api_status()["term"]
    seen_before = errors(writers)
    began = time.time()
    with lose_it(cluster, cluster.primary()):
        harness.wait_until("there is another primary", lambda: cluster.api_status()["term"] > term, 60, 0.01)
        seen = [len(writer.moments) for writer in writers]
        harness.wait_until("all write again", lambda: all(len(w.moments) > n + 5 for w, n in zip(writers, seen)), 60)
    before, after = longest_gap(writers, began - 0.5)
    at = takeover.steps(cluster.dir.glob("log/*.log"), began)
    times = [after - before, *takeover.lengths(parts, at, before, after)]
    make_whole(cluster, writers)
    return [*(1000 * seconds for seconds in times), errors(writers) - seen_before]


def run(rig, chosen):
    cluster = rig.cluster
    with cluster.connect("primary") as session:
        session.run("CREATE DATABASE IF NOT EXISTS failover")
        session.run(f"CREATE TABLE IF NOT EXISTS {TABLE} (id INT PRIMARY KEY, n BIGINT NOT NULL)")
        session.run(f"INSERT IGNORE INTO {TABLE} VALUES (0, 0), (1, 0), (2, 0), (3, 0)")
    writers = [Writer(cluster, number) for number in range(4)]
    for writer in writers:
        writer.start()
    try:
        harness.wait_until("all write", lambda: all(writer.moments for writer in writers))
        results = {name: [] for name in KINDS}
        # In turns, so that other work on the machine hits all kinds alike.
        for number in range(chosen.failovers):
            print(f"fail-over: round {number + 1} of {chosen.failovers}", file=sys.stderr, flush=True)
            for name, (lose_it, parts) in KINDS.items():
                results[name].append(lose(cluster, writers, lose_it, parts))
        return results
    finally:
        for writer in writers:
            writer.ended.set()
        for writer in writers:
            writer.join(60)


def show(results):
    for title, parts in (("fail-over", takeover.FAILOVER), ("switchover", takeover.SWITCHOVER)):
        names = [*(name for name, _ in parts), takeover.FIRST_WRITE]
        columns = [("ms without a write, p50", 25), ("p99", 8), ("worst", 8)]
        columns += [(name, len(name) + 2) for name in (*names, "errors")]
        rows = [(name, row(losses)) for name, losses in results.items() if KINDS[name][1] is parts and losses]
        print_table(f"{title}: parts are medians, errors are those of all {len(next(iter(results.values())))} together", columns, rows)


def row(losses):
    *times, errors_seen = zip(*losses)
    gaps, *parts = ([(value, 1) for value in sorted(column)] for column in times)
    cells = [percentile(gaps, 50), percentile(gaps, 99), gaps[-1][0], *(percentile(part, 50) for part in parts)]
    return [*(f"{value:.0f}" for value in cells), str(sum(errors_seen))]
