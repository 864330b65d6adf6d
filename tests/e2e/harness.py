"""A real cluster for tests: starts it, looks at it, hurts it, and takes it away again.

A test module runs on the shared cluster that CTest's fixture has started (DORSAL_E2E_SHARED names its folder),
or, run by hand, on one of its own:

    DORSAL_BINARY=build/dev/dorsal tests/e2e/test_splitting.py [CLASS[.TEST]]
"""

import configparser
import contextlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

import pymysql
import processes
import wire

SOURCE = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("DORSAL_BINARY") or SOURCE / "build/dev/dorsal")
IS_SANITIZED = bool(os.environ.get("DORSAL_SANITIZE"))

PORTS_OF_A_CLUSTER = 30
OFFSETS = {"admin": 2, "split": 3, "primary": 4, "replicas": 5, "http": 8}

# What a sanitizer, or a broken invariant, writes on its way down.
CRASH = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|check failed:|terminate called")


def wait_until(claim, condition, seconds=60, every=0.05):
    """Asks until the answer is true, and returns it. An exception counts as no, until the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, pymysql.Error, wire.Closed, wire.ServerError, AssertionError, KeyError, ValueError) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {claim}; last seen: {last!r}")
        time.sleep(every)


def stays(claim, condition, seconds, every=0.05):
    """Fails as soon as the answer is not true within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"no longer true: {claim}"
        time.sleep(every)


def free_port_base():
    """Below the ports that the kernel gives to clients, so that a free one stays free."""
    while True:
        base = random.randrange(20000, 32000, PORTS_OF_A_CLUSTER)
        if all(processes.is_free(base + i) for i in range(PORTS_OF_A_CLUSTER)):
            return base


def mysqld_path():
    return subprocess.run(
        [SOURCE / "scripts/mysql", "path"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


def mysql_client():
    return subprocess.run(
        [SOURCE / "scripts/mysql", "client"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


class Ports:
    """How clients and tests reach a proxy. Needs `base`, the first of its ports, and `account()`."""

    def http(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.base + OFFSETS['http']}{path}", timeout=10) as answer:
            return answer.read().decode()

    def api_status(self):
        """The same from the HTTP port: no new process."""
        return json.loads(self.http("/api/status"))

    @staticmethod
    def is_healthy(status):
        roles = sorted(node["role"] for node in status["nodes"])
        return (
            status["proxy"] == "running"
            and roles == ["primary"] + ["replica"] * (len(roles) - 1)
            and all(node["healthy"] and node["semi_sync"] for node in status["nodes"])
        )

    def wait_until_well(self, seconds=120):
        """And for a while longer: an agent that was frozen at first believes that nothing has changed."""

        def is_well():
            return all(node["healthy"] for node in self.api_status()["nodes"])

        wait_until("every node is well", lambda: stays("every node is well", is_well, 1.5, 0.25) is None, seconds)

    def metrics(self):
        """Each sample of /metrics: {(name, (label, value), …): number}."""
        samples = {}
        for line in self.http("/metrics").splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match:
                labels = sorted(re.findall(r'(\w+)="((?:\\.|[^"\\])*)"', match.group(2) or ""))
                samples[(match.group(1), *labels)] = float(match.group(3))
        return samples

    def metric(self, name, **labels):
        """The sum of all samples of that name that have these labels."""
        wanted = set(labels.items())
        return sum(value for key, value in self.metrics().items() if key[0] == name and wanted <= set(key[1:]))

    def statements(self):
        """How many statements of clients each server has got from the proxy: {node: number}."""
        name = "dorsal_proxy_server_statements_total"
        return {dict(key[1:])["server"]: value for key, value in self.metrics().items() if key[0] == name}

    @contextlib.contextmanager
    def count_statements(self):
        """Gives a Spread that, after the block, knows which servers the block's statements ran on."""
        before, spread = self.statements(), Spread()
        yield spread
        after, primary = self.statements(), self.api_status()["primary"]
        for server, number in after.items():
            grown = int(number - before.get(server, 0))
            if server == primary:
                spread.primary += grown
            else:
                spread.replicas += grown

    def address(self, endpoint="split"):
        return "127.0.0.1", self.base + OFFSETS[endpoint]

    def connect(self, endpoint="split", user=None, password=None, **options):
        """PyMySQL, autocommit, no TLS unless asked."""
        host, port = self.address(endpoint)
        own_user, own_password = self.account()
        options = {"autocommit": True, "connect_timeout": 20, "read_timeout": 60, "write_timeout": 60, **options}
        return Connection(
            host=host, port=port, user=user or own_user, password=own_password if password is None else password,
            **options,
        )

    def wire(self, endpoint="split", user=None, password=None, **options):
        own_user, own_password = self.account()
        password = own_password if password is None else password
        return wire.connect(self.address(endpoint), user or own_user, password, **options)


class Proxy(Ports):
    """A proxy process beside the one of `dorsal up`. It keeps its ports when it is started again."""

    def __init__(self, cluster, keys):
        self.cluster = cluster
        self.keys = {f"proxy.{name}": value for name, value in keys.items()}
        self.base = free_port_base()
        self.folder = Path(tempfile.mkdtemp(prefix="dorsal-proxy-"))
        self.process = None

    def account(self):
        return self.cluster.account()

    @property
    def log(self):
        return self.cluster.dir / "log" / f"proxy-{self.base}.log"

    @property
    def output(self):
        """What it writes beside its log, as sanitizers do. Both are among the logs of the cluster."""
        return self.cluster.dir / "log" / f"proxy-{self.base}-output.log"

    def successor(self, **keys):
        """One that takes this one's place, once it is started with --take-over."""
        other = Proxy(self.cluster, {})
        shutil.rmtree(other.folder)
        other.keys = self.keys | {f"proxy.{name}": value for name, value in keys.items()}
        other.base, other.folder = self.base, self.folder
        return other

    def start(self, *more):
        keys = {f"proxy.{name}_port": self.base + OFFSETS[name] for name in ("split", "primary", "replicas")}
        keys |= {"admin.http_port": self.base + OFFSETS["http"], "run": self.folder, "log.file": self.log, **self.keys}
        settings = [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]
        command, environment = self.cluster.command("proxy", "--config", self.cluster.dir / "dorsal.yaml", *settings, *more)
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        wait_until("the proxy sees a healthy cluster, or ends", self.has_started, 60)
        if self.process.poll() is not None:
            raise AssertionError(f"the proxy ends with {self.process.returncode}\n{self.said()}")

    def has_started(self):
        """It has ended, or it runs and nobody runs in its place any more."""
        if self.process.poll() is not None:
            return True
        return self.holder() == self.process.pid and self.is_healthy(self.api_status())

    def holder(self):
        """Who holds the lock, or held it last."""
        lock = self.folder / "proxy.lock"
        return int(lock.read_text(encoding="utf-8") or 0) if lock.exists() else 0

    def said(self):
        return "".join(log.read_text(encoding="utf-8")[-5000:] for log in (self.log, self.output) if log.exists())

    def proxy_pid(self):
        return self.process.pid

    def kill(self):
        """As a machine that loses power does."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.process is None:
            return
        self.process.terminate()
        code = self.process.wait(60)
        if code != 0:
            raise AssertionError(f"the proxy ends with {code}\n{self.said()}")


class Cluster(Ports):
    """One `dorsal up`. Its folder need not exist."""

    def __init__(self, folder, base=None, binary=BINARY, environment=None, as_user=None):
        self.dir = Path(folder).absolute()
        self.mark = str(self.dir)
        self.base = base or free_port_base()
        self.binary = binary
        self.as_user = as_user
        self.environment = {"DORSAL_MYSQLD": mysqld_path(), **(environment or {})}

    # ---- The program ----

    def command(self, *arguments):
        """The arguments and the environment for subprocess."""
        environment = {**os.environ, **self.environment, processes.MARK: self.mark}
        for name, options in (
            # A small quarantine, so that what a process occupies tells what it uses.
            ("ASAN_OPTIONS", "abort_on_error=0:quarantine_size_mb=4:detect_leaks=1"),
            ("UBSAN_OPTIONS", "print_stacktrace=1"),
            ("TSAN_OPTIONS", "halt_on_error=0"),
        ):
            environment.setdefault(name, options)
        prefix = []
        if self.as_user:
            prefix = ["setpriv", f"--reuid={self.as_user}", "--regid=nogroup", "--clear-groups", "--inh-caps=-all"]
        return [*prefix, str(self.binary), *map(str, arguments)], environment

    def run(self, *arguments, check=True, timeout=180, input=None):
        command, environment = self.command(*arguments)
        done = subprocess.run(
            command, env=environment, input=input or "", capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"{' '.join(command)} ends with {done.returncode}\n{done.stdout}{done.stderr}\n{self.log_tails()}"
            )
        return done

    def up_arguments(self, *more):
        return ("up", "--detach", "--dir", self.dir, "--port-base", self.base, *more)

    def up(self, *more, wait=True, **options):
        done = self.run(*self.up_arguments(*more), **options)
        if wait:
            self.wait_healthy()
        return done

    def start_up(self, *more):
        """`dorsal up` as a process that the caller waits for, or kills."""
        command, environment = self.command(*self.up_arguments(*more))
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def down(self, *more, **options):
        return self.run("down", "--dir", self.dir, *more, **options)

    def destroy(self):
        """Takes everything away, with force where `down` does not do it; fails if that was needed."""
        complaint = ""
        if self.dir.exists():
            done = self.down("--destroy", "--yes", check=False)
            complaint = f"{done.stdout}{done.stderr}" if done.returncode else ""
        if not complaint and processes.marked(self.mark):
            left = {pid: " ".join(processes.command_line(pid)) for pid in processes.marked(self.mark)}
            complaint = f"'dorsal down --destroy' leaves processes behind: {left}"
        if not complaint and self.dir.exists():
            complaint = f"'dorsal down --destroy' leaves {self.dir} behind: {list(self.dir.iterdir())}"
        processes.kill_marked(self.mark)
        shutil.rmtree(self.dir, ignore_errors=True)
        if complaint:
            raise AssertionError(complaint)

    @contextlib.contextmanager
    def another_proxy(self, **keys):
        """One more `dorsal proxy` before the same servers, with keys of its own: pool_max=3 for proxy.pool_max."""
        proxy = Proxy(self, keys)
        try:
            proxy.start()
            yield proxy
        finally:
            proxy.stop()

    # ---- How it is ----

    def status(self):
        return json.loads(self.run("status", "--json", "--dir", self.dir).stdout)

    def wait_healthy(self, seconds=120):
        last = {}

        def look():
            last.update(self.api_status())
            return last if self.is_healthy(last) else None

        try:
            return wait_until("every node is healthy", look, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(last.get('nodes'), indent=1)}\n{self.log_tails()}") from None

    def events(self):
        """The audit trail, the oldest first."""
        lines = self.run("events", "--dir", self.dir, "--json", "--limit", "1000").stdout.splitlines()
        return [json.loads(line) for line in lines]

    def node(self, name, status=None):
        return next(node for node in (status or self.api_status())["nodes"] if node["name"] == name)

    def primary(self):
        status = self.api_status()
        return self.node(status["primary"], status)

    def replicas(self):
        return [node for node in self.api_status()["nodes"] if node["role"] == "replica"]

    def folder_of(self, node):
        """Where that node lives: the folder whose my.cnf has the node's port."""
        port = node["address"].rpartition(":")[2]
        for file in self.dir.glob("*/my.cnf"):
            if re.search(rf"^port\s*=\s*{port}$", file.read_text(encoding="utf-8"), re.MULTILINE):
                return file.parent
        raise AssertionError(f"no my.cnf below {self.dir} has the port of {node['name']}")

    # ---- Its processes ----

    def pids(self):
        return processes.marked(self.mark)

    def proxy_pid(self):
        return processes.listener(self.base + OFFSETS["split"], self.pids())

    @staticmethod
    def agent_pid(node):
        return processes.parent(node["pid"])

    # ---- Its numbers ----

    # ---- Connections ----

    def account(self):
        """User and password of the application's account, from client.cnf, as its users read it."""
        file = configparser.RawConfigParser()
        file.read(self.dir / "client.cnf")
        section = {key: value.strip("\"'") for key, value in file["client"].items()}
        return section["user"], section["password"]

    def secret(self, name):
        return (self.dir / "secrets" / name).read_text(encoding="utf-8").strip()

    def root(self, node):
        """PyMySQL as root on that node's own socket."""
        text = (self.folder_of(node) / "my.cnf").read_text(encoding="utf-8")
        socket = re.search(r"^socket\s*=\s*(.*)$", text, re.MULTILINE).group(1).strip().strip("\"")
        return Connection(
            unix_socket=socket, user="root", password=self.secret("root"), autocommit=True, connect_timeout=20,
            read_timeout=60,
        )

    def direct_address(self, node):
        host, _, port = node["address"].rpartition(":")
        return host, int(port)

    def mysql(self, sql, *options, endpoint=None, check=True, database=""):
        """The mysql command line, with the cluster's client.cnf."""
        command = [mysql_client(), f"--defaults-file={self.dir}/client.cnf", "--batch", "--skip-column-names"]
        if endpoint:
            command.append(f"--port={self.address(endpoint)[1]}")
        done = subprocess.run(
            [*command, *options, *([database] if database else [])], input=sql, capture_output=True, text=True,
            timeout=120, check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"mysql ends with {done.returncode}: {done.stderr}")
        return done

    # ---- When something is wrong ----

    def logs(self):
        """Not by a walk over the data folders, in which servers make and remove folders meanwhile."""
        return sorted([*self.dir.glob("log/*.log"), *self.dir.glob("*/mysqld.log")])

    def log_tails(self, lines=25):
        tails = []
        for log in self.logs():
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
            tails.append(f"---- {log}\n" + "\n".join(tail))
        return "\n".join(tails)

    def crashes(self):
        """Lines of the logs that no correct program writes."""
        return [
            f"{log}: {line}"
            for log in self.logs()
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
            if CRASH.search(line)
        ]


class Spread:
    """Where statements ran."""

    def __init__(self):
        self.primary = self.replicas = 0

    def __repr__(self):
        return f"{self.primary} on the primary, {self.replicas} on replicas"


class Connection(pymysql.connections.Connection):
    """PyMySQL with the shortcuts that tests want."""

    def run(self, sql, *parameters):
        """Returns all rows of the statement's last result."""
        with self.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall()

    def value(self, sql, *parameters):
        return self.run(sql, *parameters)[0][0]

    def rows(self, sql, *parameters):
        """As dictionaries."""
        with self.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall()


# ---- Replication that lags ----

APPLIER_RUNS = 3085  # ER_REPLICA_CHANNEL_SQL_THREAD_MUST_STOP


@contextlib.contextmanager
def delayed_replication(cluster, seconds=1):
    """Every replica applies what it receives that much later; afterwards at once again, and has caught up."""
    nodes = cluster.replicas()
    try:
        for node in nodes:
            set_delay(cluster, node, seconds)
        yield nodes
    finally:
        for node in nodes:
            set_delay(cluster, node, 0)
        cluster.wait_healthy()
        wait_for_replicas(cluster)


def set_delay(cluster, node, seconds):
    with cluster.root(node) as server:
        # The node's agent sees to it that replication runs, and may start it again in between.
        for attempts_left in reversed(range(20)):
            server.run("STOP REPLICA SQL_THREAD")
            try:
                server.run(f"CHANGE REPLICATION SOURCE TO SOURCE_DELAY = {int(seconds)}")
                return
            except pymysql.MySQLError as error:
                if error.args[0] != APPLIER_RUNS or attempts_left == 0:
                    raise
            finally:
                server.run("START REPLICA SQL_THREAD")


def wait_for_replicas(cluster, seconds=60):
    """Until every replica has applied what the primary has executed now."""
    with cluster.root(cluster.primary()) as server:
        gtids = server.value("SELECT @@gtid_executed")
    for node in cluster.replicas():
        with cluster.root(node) as server:
            if server.value("SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s)", gtids, seconds) != 0:
                raise AssertionError(f"{node['name']} has not caught up within {seconds} s")


# ---- Test cases ----


# Sanitized programs on a busy machine may stall, which is not what most tests are about; and who waits for the
# end of a wait need not wait for long.
SHARED_ENVIRONMENT = {"DORSAL_NODE_LEASE_MS": "10000", "DORSAL_PROXY_PRIMARY_LIMIT_MS": "1500"}


def shared_cluster():
    """The fixture's cluster, or None."""
    folder = os.environ.get("DORSAL_E2E_SHARED")
    if not folder or not Path(folder, "port-base").exists():
        return None
    base = int(Path(folder, "port-base").read_text(encoding="utf-8"))
    return Cluster(Path(folder, "cluster"), base, environment=SHARED_ENVIRONMENT)


def temporary_folder():
    """Short, so that the paths of sockets in it fit; readable for servers that run as somebody else."""
    folder = Path(tempfile.mkdtemp(prefix="dorsal-e2e-"))
    folder.chmod(0o755)
    return folder


@contextlib.contextmanager
def running_cluster():
    """The fixture's cluster, or one that is gone afterwards."""
    with contextlib.ExitStack() as stack:
        cluster = shared_cluster()
        if cluster is None:
            folder = temporary_folder()
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            cluster = Cluster(folder / "cluster")
            stack.callback(cluster.destroy)
        cluster.up()
        yield cluster


class ClusterTest(unittest.TestCase):
    """Tests on a healthy cluster, with a schema of their own, `schema`, that is gone afterwards."""

    schema = None

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(running_cluster())
        cls.crashes_before = cls.cluster.crashes()
        cls.addClassCleanup(cls.check_for_crashes)
        if cls.schema:
            with cls.cluster.connect("primary") as primary:
                primary.run(f"DROP DATABASE IF EXISTS {cls.schema}")
                primary.run(f"CREATE DATABASE {cls.schema}")
            cls.addClassCleanup(cls.drop_schema)

    @classmethod
    def drop_schema(cls):
        with cls.cluster.connect("primary") as primary:
            primary.run(f"DROP DATABASE IF EXISTS {cls.schema}")

    @classmethod
    def check_for_crashes(cls):
        new = cls.cluster.crashes()[len(cls.crashes_before) :]
        if new:
            print(cls.cluster.log_tails(60), file=sys.stderr)
            raise AssertionError("a process of the cluster went down in a way it never may:\n" + "\n".join(new))

    def connect(self, endpoint="split", **options):
        connection = self.cluster.connect(endpoint, **options)
        self.addCleanup(close_quietly, connection)
        return connection

    def wire(self, endpoint="split", **options):
        connection = self.cluster.wire(endpoint, **options)
        self.addCleanup(connection.close)
        return connection

    def root(self, node):
        connection = self.cluster.root(node)
        self.addCleanup(close_quietly, connection)
        return connection


class ReloadingTest(ClusterTest):
    """Tests that change the configuration of the proxy that runs. Afterwards it is as before."""

    def setUp(self):
        super().setUp()
        self.file = Path(os.path.normpath(self.cluster.dir / "dorsal.yaml"))
        self.text = self.file.read_text(encoding="utf-8")
        self.proxy = self.cluster.proxy_pid()
        self.addCleanup(self.check_proxy)
        self.addCleanup(self.restore)

    def restore(self):
        self.file.write_text(self.text, encoding="utf-8")
        self.cluster.run("reload", "--dir", self.cluster.dir)

    def check_proxy(self):
        self.assertEqual(self.proxy, self.cluster.proxy_pid(), "the proxy is another process now")

    def reload(self, check=True):
        return self.cluster.run("reload", "--dir", self.cluster.dir, check=check)

    def set_proxy(self, **keys):
        """The configuration from before with these keys of `proxy`, taken up."""
        lines = "".join(f"  {key}: {value}\n" for key, value in keys.items())
        self.file.write_text(self.text.replace("proxy:\n", f"proxy:\n{lines}"), encoding="utf-8")
        return self.reload()


def close_quietly(connection):
    with contextlib.suppress(pymysql.Error, OSError):
        connection.close()


def main():
    program = unittest.main(exit=False, verbosity=2)
    cluster = shared_cluster()
    if not program.result.wasSuccessful() and cluster is not None:
        print(cluster.log_tails(), file=sys.stderr)
    sys.exit(not program.result.wasSuccessful())
