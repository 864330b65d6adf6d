"""What all benchmarks share: a cluster, the forwarders before it, sysbench, and tables.

Everything listens on free ports of this machine and is taken away afterwards.
"""

import contextlib
import os
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "tests/e2e"))
os.environ.setdefault("DORSAL_BINARY", str(SOURCE / "build/release/dorsal"))

import harness  # noqa: E402
import processes  # noqa: E402
import wire  # noqa: E402

USER, SCHEMA, TABLE = "sysbench", "sbtest", "sbtest1"
ROWS = 10000

# The last ports of the cluster's range, which nothing else uses.
HAPROXY_OFFSET, ROUTER_OFFSET = 19, 18

# Enough for every client to have a server connection of its own where a forwarder needs that.
SERVER_CONNECTIONS = 3000

HAPROXY = """\
global
  nbthread {threads}
  maxconn {clients}
defaults
  mode tcp
  maxconn {clients}
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen mysql
  bind 127.0.0.1:{port}
  server primary 127.0.0.1:{server}
"""

# A static route, without metadata. Neither side speaks TLS; Router wants a key all the same, to get
# passwords encrypted from clients that it does not know yet.
ROUTER = """\
[DEFAULT]
logging_folder={folder}
runtime_folder={folder}
data_folder={folder}
max_total_connections=16000
[logger]
level=warning
[io]
threads={threads}
[connection_pool]
max_idle_server_connections=64
[routing:primary]
bind_address=127.0.0.1
bind_port={port}
destinations=127.0.0.1:{server}
routing_strategy=first-available
protocol=classic
max_connections=16000
connection_sharing=1
connection_sharing_delay={delay}
client_ssl_mode=PREFERRED
client_ssl_cert={certificate}
client_ssl_key={key}
server_ssl_mode=DISABLED
"""


def router_program():
    """MySQL Router, which lies beside the mysqld that the cluster runs, or on the PATH; None without one."""
    beside = Path(harness.mysqld_path()).parent / "mysqlrouter"
    return str(beside) if beside.exists() else shutil.which("mysqlrouter")


class Target:
    """Where the load goes; `pid` is that of the forwarder, None without one."""

    def __init__(self, name, port, pid=None):
        self.name, self.port, self.pid = name, port, pid

    def cpu_seconds(self):
        return processes.cpu_seconds(self.pid) if self.pid else 0


class Rig:
    """A running cluster with a user, a table of ROWS rows, and whatever forwarders are asked for."""

    def __init__(self, folder, cluster):
        self.folder, self.cluster = folder, cluster
        self.primary_port = cluster.direct_address(cluster.primary())[1]
        self.password = secrets.token_hex(12)

    def prepare(self):
        self.make_user(USER)
        with self.cluster.root(self.cluster.primary()) as session:
            session.run(f"CREATE DATABASE {SCHEMA}")
        for node in self.cluster.api_status()["nodes"]:
            with self.cluster.root(node) as session:
                session.run(f"SET GLOBAL max_connections={SERVER_CONNECTIONS}")
        # The password stands in a file, never on a command line.
        config = self.folder / "sysbench.cnf"
        config.touch(0o600)
        config.write_text(
            f"db-driver=mysql\nmysql-host=127.0.0.1\nmysql-user={USER}\nmysql-password={self.password}\n"
            f"mysql-db={SCHEMA}\n",
            encoding="utf-8",
        )
        self.know_the_user(self.primary_port)
        self.sysbench("prepare", self.primary_port, f"--table-size={ROWS}")
        harness.wait_for_replicas(self.cluster)

    def make_user(self, name):
        with self.cluster.root(self.cluster.primary()) as session:
            session.run(f"CREATE USER {name} IDENTIFIED BY '{self.password}'")
            session.run(f"GRANT ALL ON {SCHEMA}.* TO {name}")

    def new_user(self):
        """One whom nobody has used yet, so that its connections to servers can be told from others."""
        name = f"bench_{secrets.token_hex(4)}"
        self.make_user(name)
        harness.wait_for_replicas(self.cluster)
        return name

    def know_the_user(self, port):
        """sysbench's client library logs in without TLS only to a server that has seen the password before."""
        harness.pymysql.connect(host="127.0.0.1", port=port, user=USER, password=self.password).close()

    def log_in(self, port, user, tls=False):
        return wire.connect(("127.0.0.1", port), user, self.password, database=SCHEMA, tls=tls)

    def sysbench(self, command, port, *options, load="oltp_point_select"):
        done = subprocess.run(
            self.sysbench_command(command, port, *options, load=load),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"bench: sysbench failed on port {port}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def sysbench_command(self, command, port, *options, load):
        return [
            "sysbench", f"--config-file={self.folder}/sysbench.cnf", f"--mysql-port={port}", *options, load, command
        ]

    def measure(self, target, seconds, threads, *options):
        """Point selects for so long; a Sample."""
        before = target.cpu_seconds()
        output = self.sysbench(
            "run", target.port, f"--time={seconds}", f"--threads={threads}", f"--table-size={ROWS}", "--histogram=on",
            "--rand-type=uniform", *options,
        )
        return Sample(output, target.cpu_seconds() - before if target.pid else None)

    # ---- Forwarders ----

    def port(self, offset):
        return self.cluster.base + offset

    def dorsal(self, name="Dorsal, splitting", endpoint="split"):
        return Target(name, self.cluster.address(endpoint)[1], self.cluster.proxy_pid())

    @contextlib.contextmanager
    def haproxy(self):
        """As many threads as Dorsal's proxy has event loops: one for each core."""
        port, config = self.port(HAPROXY_OFFSET), self.folder / "haproxy.cfg"
        config.write_text(
            HAPROXY.format(
                threads=os.cpu_count(), port=port, server=self.primary_port, clients=SERVER_CONNECTIONS
            ),
            encoding="utf-8",
        )
        with self.forwarder("HAProxy, TCP", port, "/usr/sbin/haproxy", "-db", "-f", config) as target:
            yield target

    @contextlib.contextmanager
    def router(self, delay=1, name="Router, sharing"):
        """MySQL Router before the primary, with as many threads. `delay`: for how many seconds a session keeps
        its server connection after a statement; 1 is Router's own default. Gives None where there is no Router.
        """
        program = router_program()
        if program is None:
            print("bench: there is no mysqlrouter beside mysqld, so it is left out", file=sys.stderr)
            yield None
            return
        port, folder = self.port(ROUTER_OFFSET), Path(tempfile.mkdtemp(prefix="router-", dir=self.folder))
        certificate, key = self.make_certificate(folder)
        config = folder / "router.conf"
        config.write_text(
            ROUTER.format(
                folder=folder, threads=os.cpu_count(), port=port, server=self.primary_port, delay=delay,
                certificate=certificate, key=key,
            ),
            encoding="utf-8",
        )
        with self.forwarder(name, port, program, "-c", config) as target:
            yield target

    @staticmethod
    def make_certificate(folder):
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
             "-out", certificate, "-keyout", key],
            stdin=subprocess.DEVNULL, capture_output=True, check=True,
        )
        return certificate, key

    @contextlib.contextmanager
    def forwarder(self, name, port, *command):
        with open(self.folder / f"{port}.log", "wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            harness.wait_until(
                f"{name} listens, or ends", lambda: process.poll() is not None or not processes.is_free(port), 30
            )
            if process.poll() is not None:
                said = (self.folder / f"{port}.log").read_text(encoding="utf-8", errors="replace")
                raise SystemExit(f"bench: {name} ends with {process.returncode}:\n{said}")
            self.know_the_user(port)
            yield Target(name, port, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # ---- Servers ----

    @contextlib.contextmanager
    def on_all_servers(self):
        """{node: a session as root}"""
        with contextlib.ExitStack() as stack:
            yield {
                node["name"]: stack.enter_context(self.cluster.root(node))
                for node in self.cluster.api_status()["nodes"]
            }


def connections_of(user, servers):
    """{node: how many connections that user has there}, as the server counts."""
    count = "SELECT COUNT(*) FROM performance_schema.processlist WHERE user = %s"
    return {node: session.value(count, user) for node, session in servers.items()}


class Sample:
    """One run of sysbench."""

    def __init__(self, output, cpu_seconds):
        queries = int(re.search(r"total:\s+(\d+)", output).group(1))
        self.queries = queries
        self.per_second = float(re.search(r"queries:\s+\d+\s+\(([\d.]+) per sec", output).group(1))
        self.errors = int(re.search(r"ignored errors:\s+(\d+)", output).group(1))
        self.cpu_us = None if cpu_seconds is None else cpu_seconds * 1e6 / queries
        counts = [(float(ms), int(n)) for ms, n in re.findall(r"^\s*([\d.]+) \|\**\s+(\d+)$", output, re.MULTILINE)]
        self.p50_ms, self.p99_ms = percentile(counts, 50), percentile(counts, 99)


FIGURES = ("per_second", "p50_ms", "p99_ms", "cpu_us")


def percentile(counts, percent):
    """Of (value, how often) in ascending order, as in sysbench's histogram, whose buckets are some percent wide."""
    wanted, seen = sum(n for _, n in counts) * percent / 100, 0
    for value, number in counts:
        seen += number
        if seen >= wanted:
            return value
    raise ValueError("there is nothing to take a percentile of")


def in_turns(targets, rounds, title):
    """(target) again and again: each once in every round, another one first each time, so that other work on the
    machine hits all alike."""
    for number in range(rounds):
        print(f"{title}: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        turn = number % len(targets)
        yield from targets[turn:] + targets[:turn]


def ratios(runs, base, figure):
    """The median, and the median of the ratios to the other runs, round by round; Nones without that figure."""
    values = [getattr(run, figure) for run in runs]
    if None in values:
        return None, None
    others = [getattr(other, figure) for other in base]
    if None in others:
        return statistics.median(values), None
    return statistics.median(values), statistics.median(value / other for value, other in zip(values, others))


def cell(value, ratio, digits):
    if value is None:
        return "-"
    return f"{value:,.{digits}f}" + ("" if ratio is None else f" ({ratio:.2f})")


def print_table(title, columns, rows):
    """Columns are (name, width), rows (name, texts)."""
    print(f"\n{title}\n")
    widest = max([18, *(len(name) for name, _ in rows)])
    print(" " * (widest + 1) + "".join(f"{name:>{width}}" for name, width in columns))
    for name, texts in rows:
        print(f"{name:<{widest + 1}}" + "".join(f"{text:>{width}}" for text, (_, width) in zip(texts, columns)))


class Watch(threading.Thread):
    """Calls look() again and again for as long as its block lasts; what goes wrong there comes out at its end."""

    def __init__(self, every):
        super().__init__()
        self.every, self.ended, self.failure = every, threading.Event(), None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()
        if self.failure:
            raise self.failure

    def run(self):
        try:
            while not self.ended.wait(self.every):
                self.look()
        except Exception as error:
            self.failure = error
