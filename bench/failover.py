"""How long nobody can write when a primary is lost, by what it is lost to, and where that time goes."""

import contextlib
import datetime
import re
import threading
import time

import pymysql

import harness
import processes
from rig import percentile, print_table

TITLE = "fail-over"
COLUMNS = (("ms without a write, p50", 25), ("p99", 8), ("worst", 8), ("noticed", 9), ("promised", 10), ("applied", 9),
           ("opened", 8), ("first write", 12))
TABLE = "failover.t"
LINE = re.compile(r"^(\S+Z?) \S+ agent node=(\S+) .*rule=(\S+)")


def options(parser):
    parser.add_argument("--failovers", type=int, default=30, help="of each kind (30)")


class Writer(threading.Thread):
    """Writes without a pause, each time over a session that it keeps, and remembers when it was acknowledged."""

    def __init__(self, cluster, number):
        super().__init__(daemon=True)
        self.cluster, self.number, self.ended, self.moments = cluster, number, threading.Event(), []

    def run(self):
        session = None
        while not self.ended.is_set():
            try:
                session = session or self.cluster.connect(read_timeout=30)
                session.run(f"UPDATE {TABLE} SET n = n + 1 WHERE id = {self.number}")
                self.moments.append(time.time())
            except pymysql.MySQLError:
                if session:
                    harness.close_quietly(session)
                session = None
                self.ended.wait(0.005)
        if session:
            harness.close_quietly(session)


def lose_mysqld(node):
    processes.kill(node["pid"])
    return contextlib.nullcontext()


def lose_node(node):
    """As if its host had stopped: neither mysqld nor agent does anything, and connections stay open."""
    return processes.frozen(harness.Cluster.agent_pid(node), node["pid"])


def hang_mysqld(node):
    return processes.frozen(node["pid"])


KINDS = {"mysqld is killed": lose_mysqld, "mysqld hangs": hang_mysqld, "the host stops": lose_node}


def moment(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def steps(cluster, since):
    """When which rule was first acted on, by any node, since then."""
    first = {}
    for log in cluster.dir.glob("log/*.log"):
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            match = LINE.match(line)
            if match and moment(match[1]) >= since:
                first[match[3]] = min(moment(match[1]), first.get(match[3], float("inf")))
    return first


def gap_around(writers, lost):
    """From the last acknowledgement before the loss on."""
    before = max(at for writer in writers for at in writer.moments if at <= lost)
    after = min(at for writer in writers for at in writer.moments if at > lost + 0.02)
    return before, after


def lose(cluster, writers, lose_it):
    term = cluster.api_status()["term"]
    primary = cluster.primary()
    lost = time.time()
    with lose_it(primary):
        harness.wait_until("there is another primary", lambda: cluster.api_status()["term"] > term, 60, 0.01)
        seen = [len(writer.moments) for writer in writers]
        harness.wait_until("all write again", lambda: all(len(w.moments) > n + 5 for w, n in zip(writers, seen)), 60)
    before, after = gap_around(writers, lost)
    at = steps(cluster, lost)
    noticed = min(at.get("hand_over", after), at.get("begin_election", after))
    parts = [lost, noticed, at.get("lead_as_elected", noticed), at.get("forget_source", noticed),
             at.get("open_for_writes", noticed), after]
    harness.wait_until("every node is well", lambda: all(n["healthy"] for n in cluster.api_status()["nodes"]), 180)
    return [1000 * (after - before), *(1000 * (end - begin) for begin, end in zip(parts, parts[1:]))]


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
        return {name: [lose(cluster, writers, kind) for _ in range(chosen.failovers)] for name, kind in KINDS.items()}
    finally:
        for writer in writers:
            writer.ended.set()
        for writer in writers:
            writer.join(60)


def show(results):
    rows = []
    for name, losses in results.items():
        gaps, *parts = ([(part, 1) for part in sorted(column)] for column in zip(*losses))
        cells = [percentile(gaps, 50), percentile(gaps, 99), gaps[-1][0], *(percentile(part, 50) for part in parts)]
        rows.append((name, [f"{value:.0f}" for value in cells]))
    print_table(TITLE, COLUMNS, rows)
