"""What it costs reads to be fresh: the same point selects at several levels, while somebody writes steadily."""

import contextlib
import statistics
import subprocess

import rig
from rig import ROWS, Target, cell, in_turns, print_table, ratios

TITLE = "causal reads"
LEVELS = ("eventual", "session", "global", "strong")
BASE = "eventual"
NEAR_MS = 10  # the lag below which reads should stay away from the primary
COLUMNS = (("reads/s", 18), ("p99 ms", 16), ("CPU us/read", 16), ("waited %", 10), ("primary %", 11),
           (f"of these, lag < {NEAR_MS} ms", 25), ("lag ms", 9))

# Of the newest transaction that a replica has applied: from its commit on the primary on.
LAG = """\
SELECT TIMESTAMPDIFF(MICROSECOND, LAST_APPLIED_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP,
                     LAST_APPLIED_TRANSACTION_END_APPLY_TIMESTAMP) / 1000
FROM performance_schema.replication_applier_status_by_worker
ORDER BY LAST_APPLIED_TRANSACTION_END_APPLY_TIMESTAMP DESC LIMIT 1"""


def options(parser):
    parser.add_argument("--writes", type=int, default=50, help="writes each second while reads are measured (50)")


class Watch(rig.Watch):
    """Looks several times a second at how far replicas are behind and which way reads went since the last look."""

    def __init__(self, proxy, replicas):
        super().__init__(every=0.2)
        self.proxy, self.replicas, self.looks = proxy, replicas, []

    def __enter__(self):
        self.before = self.paths()
        return super().__enter__()

    def look(self):
        now = self.paths()
        lag = max(float(session.value(LAG) or 0) for session in self.replicas)
        self.looks.append((lag, {path: number - self.before[path] for path, number in now.items()}))
        self.before = now

    def paths(self):
        name = "dorsal_proxy_reads_total"
        return {dict(key[1:])["path"]: value for key, value in self.proxy.metrics().items() if key[0] == name}


def share(looks, *prefixes):
    """In per cent, of all reads; None when there were none."""
    total = sum(sum(paths.values()) for _, paths in looks)
    if total == 0:
        return None
    return 100 * sum(n for _, paths in looks for path, n in paths.items() if path.startswith(prefixes)) / total


class Level:
    """One consistency level, with a proxy of its own."""

    def __init__(self, rig, chosen, name, proxy):
        self.rig, self.chosen, self.name, self.proxy = rig, chosen, name, proxy
        self.target = Target(name, proxy.address()[1], proxy.proxy_pid())
        self.samples, self.looks = [], []
        rig.know_the_user(self.target.port)

    @contextlib.contextmanager
    def writer(self):
        """Through the same proxy, so that it knows of the writes."""
        port = self.proxy.address("primary")[1]
        process = subprocess.Popen(
            self.rig.sysbench_command(
                "run", port, f"--rate={self.chosen.writes}", "--threads=2", "--time=3600", f"--table-size={ROWS}",
                load="oltp_update_index",
            ),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )
        try:
            yield
            if process.poll() is not None:
                raise SystemExit(f"bench: the writer ends with {process.returncode}")
        finally:
            process.kill()
            process.wait()

    def measure(self, seconds, replicas):
        with self.writer():
            self.rig.measure(self.target, 1, self.chosen.threads)  # until the writer writes
            with Watch(self.proxy, replicas) as watch:
                sample = self.rig.measure(self.target, seconds, self.chosen.threads)
        return sample, watch.looks

    def figures(self, base):
        lags = [lag for lag, _ in self.looks]
        return {
            **{name: ratios(self.samples, base.samples, name) for name in ("per_second", "p99_ms", "cpu_us")},
            "waited_percent": share(self.looks, "replica_after_wait"),
            "primary_percent": share(self.looks, "primary"),
            "primary_percent_when_near": share([look for look in self.looks if look[0] < NEAR_MS], "primary"),
            "lag_ms": statistics.median(lags),
            "near_percent": 100 * sum(lag < NEAR_MS for lag in lags) / len(lags),
        }


def run(rig, chosen):
    with contextlib.ExitStack() as stack:
        levels = {
            name: Level(rig, chosen, name, stack.enter_context(rig.cluster.another_proxy(consistency=name)))
            for name in LEVELS
        }
        replicas = [stack.enter_context(rig.cluster.root(node)) for node in rig.cluster.replicas()]
        for level in levels.values():
            level.measure(1, replicas)
        for name in in_turns(list(LEVELS), chosen.rounds, TITLE):
            sample, looks = levels[name].measure(chosen.seconds, replicas)
            levels[name].samples.append(sample)
            levels[name].looks += looks
        return {"writes": chosen.writes, "levels": {n: level.figures(levels[BASE]) for n, level in levels.items()}}


def percent(value):
    return "-" if value is None else f"{value:.2f}"


def show(results):
    rows = [
        (name, [
            cell(*row["per_second"], 0), cell(*row["p99_ms"], 2), cell(*row["cpu_us"], 1), percent(row["waited_percent"]),
            percent(row["primary_percent"]),
            f"{percent(row['primary_percent_when_near'])} ({row['near_percent']:.0f} % of looks)",
            f"{row['lag_ms']:.1f}",
        ])
        for name, row in results["levels"].items()
    ]
    print_table(
        f"{TITLE}: beside {results['writes']} writes a second; in brackets the ratio to {BASE}", COLUMNS, rows
    )
