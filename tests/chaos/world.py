"""A cluster for the chaos harness: three members of etcd, nodes with agent, mysqld and proxy, each host by itself.

With namespaces each host is one of tests/spaces; without, it is an address of the loopback network.
"""

import base64
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent / "spaces")]

import clocks
import harness
import processes
import pymysql
import spaces

MYSQL_PORT, AGENT_PORT = 3306, 3316
SPLIT_PORT, PRIMARY_PORT, REPLICAS_PORT, HTTP_PORT = 6033, 6034, 6035, 6038
STORE_PORT, STORE_PEER_PORT = 2379, 2380
PROXY_USER = 65534  # proxies run as nobody, by which rules tell their packets from those of nodes
REST = 1.0  # seconds until what has died is started again, as systemd does it
DISK_MIB = 1536
NAME = "chaos"
# What a fault may need: namespaces, and the disks that come with them; or clocks that can jump.
SPACES, CLOCKS = "spaces", "clocks"

NODE_CONFIGURATION = """\
cluster:
  name: chaos
  store: {store}
  acks: {acks}
node:
  name: {name}
  address: {address}:{port}
  dir: {disk}/node
  buffer_pool: 32M
  lease_ms: {lease_ms}
  settings:
    innodb_redo_log_capacity: 32M
    max_connections: 60
log:
  file: {log}
run: {folder}/run
secrets: {bundle}/secrets
tls: {bundle}/tls
"""

PROXY_CONFIGURATION = """\
cluster:
  name: chaos
  store: {store}
proxy:
  listen: {address}
admin:
  listen: {address}
log:
  file: {log}
run: {folder}/run
secrets: {bundle}/secrets
tls: {bundle}/tls
"""


class LoopbackHost:
    """An address of the loopback network in place of a host: its processes can be hurt, its links cannot."""

    def __init__(self, network, name, number):
        self.name, self.address = name, f"{network}.{number}"

    @staticmethod
    def command(*command):
        return [*map(str, command)]

    @staticmethod
    @contextlib.contextmanager
    def inside():
        yield

    connect = spaces.Host.connect


class Service:
    """A program that is started again when it ends, unless it is meant to be down."""

    def __init__(self, world, name, host, command, log, environment=None):
        self.world, self.name, self.host, self.command, self.log = world, name, host, command, log
        self.environment = environment or {}
        self.process, self.is_wanted, self.died = None, False, None
        self.lock = threading.Lock()

    def start(self):
        with self.lock:
            self.is_wanted = True
            if self.process is None or self.process.poll() is not None:
                self._spawn()

    def _spawn(self):
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                self.host.command(*self.command), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={
                    **os.environ, processes.MARK: self.world.mark, "DORSAL_MYSQLD": self.world.mysqld, **self.environment
                },
                start_new_session=True,
            )
        self.died = None

    def keep(self):
        """Called again and again."""
        with self.lock:
            if self.process is None or self.process.poll() is None or not self.is_wanted:
                return
            self.died = self.died or time.monotonic()
            if time.monotonic() > self.died + REST:
                self._spawn()

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def pid(self):
        return self.process.pid

    def kill(self):
        """It is started again after its rest."""
        if self.is_running():
            self.process.kill()
            self.process.wait(60)

    def keep_down(self):
        with self.lock:
            self.is_wanted = False
        self.kill()


class Request:
    """A command of `dorsal`, as an operator runs it on a host to which nothing happens."""

    def __init__(self, world, *arguments):
        self.text = " ".join(("dorsal", *arguments))
        self.process = subprocess.Popen(
            world.clients_host.command(
                world.binary, *arguments, "--config", world.nodes[0].folder / "node.yaml"
            ),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, processes.MARK: world.mark},
        )

    def end(self, limit):
        """Whether it was done; it has to come to an end in time, and to say why not."""
        try:
            said, _ = self.process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            said, _ = self.process.communicate()
            raise AssertionError(f"'{self.text}' has not ended within {limit} s: {said.strip()}") from None
        last = (said.strip().splitlines() or [""])[-1]
        print(f"  {self.text}: {last}", flush=True)
        code = self.process.returncode
        assert code in (0, 1) and last, f"'{self.text}' ends with {code}: {said.strip()}"
        return code == 0

    def succeed(self, limit):
        assert self.end(limit), f"'{self.text}' is refused, though nothing speaks against it"


class Freezer:
    """Stops processes, and lets exactly those go on."""

    def __init__(self):
        self.stopped = []

    def stop(self, *pids):
        for pid in pids:
            started = processes.start_time(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                self.stopped.append((pid, started))

    def go_on(self):
        for pid, started in self.stopped:
            if processes.start_time(pid) == started:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        self.stopped = []


class Node:
    """A host with an agent, its mysqld, and a proxy."""

    def __init__(self, world, number):
        self.world, self.number, self.name = world, number, f"node{number}"
        self.host = world.host(self.name, number)
        self.folder = world.folder / self.name
        self.folder.mkdir()
        self.bundle, self.proxy_bundle = self.folder / "bundle", self.folder / "proxy-bundle"
        self.clock = world.clock(self.folder / "clock")
        self.freezer, self.freezing = Freezer(), threading.Lock()
        self.excused = []  # [from, to] during which its agent could do nothing, since it was frozen
        disk = self.folder / "disk"
        self.disk = None
        if world.has_spaces:
            self.disk = spaces.Disk(self.folder / "disk.img", disk, DISK_MIB)
        world.certificates("issue", self.name, self.host.address, "--into", self.bundle)
        shutil.copytree(world.proxy_bundle, self.proxy_bundle)
        names = {
            "store": world.store_address, "name": self.name, "address": self.host.address, "port": MYSQL_PORT,
            "disk": disk, "acks": world.options.acks, "lease_ms": world.options.lease_ms,
        }
        (self.folder / "node.yaml").write_text(
            NODE_CONFIGURATION.format(
                folder=self.folder, log=world.log(f"{self.name}-agent"), bundle=self.bundle, **names
            ), encoding="utf-8",
        )
        proxy_folder = self.folder / "proxy"
        proxy_folder.mkdir()
        (self.folder / "proxy.yaml").write_text(
            PROXY_CONFIGURATION.format(
                folder=proxy_folder, log=proxy_folder / "proxy.log", bundle=self.proxy_bundle, **names
            ), encoding="utf-8",
        )
        as_nobody = []
        if world.has_spaces:
            for path in (proxy_folder, *proxy_folder.rglob("*"), self.proxy_bundle, *self.proxy_bundle.rglob("*")):
                os.chown(path, PROXY_USER, PROXY_USER)
            as_nobody = ["setpriv", f"--reuid={PROXY_USER}", f"--regid={PROXY_USER}", "--clear-groups"]
        self.agent = Service(
            world, f"{self.name} agent", self.host, [world.binary, "node", "--config", self.folder / "node.yaml"],
            world.log(f"{self.name}-agent-output"), self.clock and self.clock.environment,
        )
        self.proxy = Service(
            world, f"{self.name} proxy", self.host,
            [*as_nobody, world.binary, "proxy", "--config", self.folder / "proxy.yaml"],
            world.log(f"{self.name}-proxy-output"), self.clock and self.clock.environment,
        )
        self.socket, self.data = disk / "node" / "mysqld.sock", disk / "node" / "data"

    def __repr__(self):
        return self.name

    # ---- Its processes ----

    def mysqld_pid(self):
        """None while there is none."""
        if not self.agent.is_running():
            return None
        with contextlib.suppress(OSError):
            for pid in processes_below(self.agent.pid()):
                if Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "mysqld":
                    return pid
        return None

    def kill_mysqld(self):
        pid = self.mysqld_pid()
        if pid:
            processes.kill(pid)

    def kill_agent(self):
        """mysqld dies with it."""
        self.agent.kill()

    def kill_both(self):
        """mysqld before its agent has noticed anything."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.agent.pid(), signal.SIGSTOP)
        self.kill_mysqld()
        self.agent.kill()

    def power_off(self):
        """Nothing runs there until power_on()."""
        self.agent.keep_down()
        self.proxy.keep_down()

    def power_on(self):
        self.agent.start()
        self.proxy.start()

    def orderly_ends(self):
        """How often its server has shut down by itself."""
        log = self.data.parent / "mysqld.log"
        return log.read_text(encoding="utf-8", errors="replace").count(": Shutdown complete ")

    def lose_data(self):
        """All that its agent and its server ever wrote, while neither runs."""
        server = self.mysqld_pid()
        self.agent.keep_down()
        if server:
            processes.kill(server)
        shutil.rmtree(self.data.parent)
        self.agent.start()

    def configure(self, **keys):
        """Its agent is started anew, with these keys of `node` and no others that were set so before."""
        file = self.folder / "node.yaml"
        text = re.sub(r"^  .*  # for a fault\n", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        lines = "".join(f"  {name}: {value}  # for a fault\n" for name, value in keys.items())
        file.write_text(text.replace("node:\n", "node:\n" + lines), encoding="utf-8")
        self.agent.kill()

    def repair_disk(self):
        """With a restart of the host, as nobody may use it meanwhile."""
        self.power_off()
        self.disk.repair()
        self.power_on()

    def freeze(self, *parts):
        """Of 'agent', 'mysqld', 'proxy', until thaw()."""
        pids = {"agent": self.agent.pid(), "mysqld": self.mysqld_pid(), "proxy": self.proxy.pid()}
        with self.freezing:
            if "agent" in parts:
                self.excuse()
            self.freezer.stop(*[pids[part] for part in parts if pids[part]])

    def thaw(self):
        with self.freezing:
            self.freezer.go_on()
            self.no_excuse()

    def jump(self, seconds):
        """The wall clock of the host is off by so much from now on."""
        self.clock.set(seconds)
        told = None
        with contextlib.suppress(pymysql.MySQLError, OSError):
            with contextlib.closing(self.root()) as server:
                told = float(server.value("SELECT UNIX_TIMESTAMP()")) - time.time()
        # Otherwise the fault would hurt nobody, and show nothing.
        assert told is None or abs(told - seconds) < 10, f"the clock of {self} is off by {told:.1f} s, not by {seconds:.1f} s"

    def silent_nodes(self):
        """Those that `dorsal status` on this host, by its clock, calls silent; it asks the store, as no admin page is here."""
        told = spaces.run(
            *self.host.command(self.world.binary, "status", "--json", "--config", self.folder / "node.yaml"),
            timeout=60, env={**os.environ, **self.clock.environment},
        )
        return [node["name"] for node in json.loads(told.stdout)["nodes"] if "silent" in (node["activity"] or "")]

    def excuse(self):
        """From now on its agent cannot fence its server; what fences it is that nobody acknowledges."""
        self.excused.append([time.monotonic(), None])

    def no_excuse(self):
        for excuse in self.excused:
            # A moment later, because a thawed agent first has to get the processor.
            excuse[1] = excuse[1] or time.monotonic() + 1

    # ---- Connections ----

    def root(self, **options):
        """As root on the server's own socket, which no cut of a link touches."""
        options = {"connect_timeout": 5, "read_timeout": 20, "write_timeout": 20, **options}
        return harness.Connection(
            unix_socket=str(self.socket), user="root", password=self.world.secret("root"), autocommit=True, **options
        )

    def client(self, host, port=SPLIT_PORT, **options):
        """As an application on that host, through this node's proxy."""
        options = {"read_timeout": 20, "write_timeout": 20, **options}
        connection = harness.Connection(
            host=self.host.address, port=port, user="app", password=self.world.secret("app"), autocommit=True,
            defer_connect=True, **options,
        )
        connection.connect(host.connect(self.host.address, port, 5))
        return connection

    def http(self, path):
        connection = http.client.HTTPConnection(self.host.address, HTTP_PORT, timeout=5)
        connection.sock = self.host.connect(self.host.address, HTTP_PORT, 5)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def status(self):
        return json.loads(self.http("/api/status"))


def processes_below(pid):
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()))


class Member:
    """One of etcd, on a host of its own."""

    def __init__(self, world, number):
        self.name = f"etcd{number}"
        self.host = world.host(self.name, 10 + number)
        self.freezer = Freezer()
        self.data = world.store_folder / self.name
        self.url = f"http://{self.host.address}:{STORE_PORT}"
        self.peer_url = f"http://{self.host.address}:{STORE_PEER_PORT}"
        self.service = None

    def configure(self, world):
        command = [
            "etcd", "--name", self.name, "--data-dir", self.data, "--listen-client-urls", self.url,
            "--advertise-client-urls", self.url, "--listen-peer-urls", self.peer_url,
            "--initial-advertise-peer-urls", self.peer_url, "--initial-cluster", world.store_peers(), "--log-level", "warn",
        ]
        self.service = Service(world, self.name, self.host, command, world.log(self.name))

    def control(self, *arguments):
        """etcdctl on its host."""
        spaces.run(*self.host.command("env", "ETCDCTL_API=3", "etcdctl", "--endpoints", self.url, *arguments), timeout=60)

    def restore(self, snapshot, peers):
        """It is down, and is what it was then when it is started again."""
        shutil.rmtree(self.data)
        self.control(
            "snapshot", "restore", snapshot, "--name", self.name, "--data-dir", self.data, "--initial-cluster", peers,
            "--initial-advertise-peer-urls", self.peer_url,
        )

    def ask(self, path, question, limit=1.0):
        connection = http.client.HTTPConnection(self.host.address, STORE_PORT, timeout=limit)
        connection.sock = self.host.connect(self.host.address, STORE_PORT, limit)
        try:
            connection.request("POST", path, json.dumps(question), {"Content-Type": "application/json"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def leads(self):
        """Whether it is etcd's leader; false also when it does not say."""
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            said = self.ask("/v3/maintenance/status", {})
            return said["header"]["member_id"] == said.get("leader")
        return False

    def leadership(self):
        """What this member knows: a term that did begin, and its primary. None while there was none."""
        key = base64.b64encode(f"/dorsal/{NAME}/leadership".encode()).decode()
        said = self.ask("/v3/kv/range", {"key": key, "serializable": True})
        if not said.get("kvs"):
            return None
        record = json.loads(base64.b64decode(said["kvs"][0]["value"]))
        return record["term"], record["primary"]


class World:
    """All of it. `close()` takes away what it has made, but for the logs."""

    def __init__(self, options, folder, has_spaces, has_clocks):
        self.options, self.folder, self.has_spaces = options, Path(folder), has_spaces
        self.preloaded = clocks.build(self.folder) if has_clocks else None
        self.mark = str(self.folder)
        self.mysqld = harness.mysqld_path()
        self.logs = self.folder / "logs"
        self.logs.mkdir()
        self.binary = self.folder / "dorsal"
        shutil.copy(harness.BINARY, self.binary)
        self.binary.chmod(0o755)
        self.store_folder = self.folder / "store"
        self.store_folder.mkdir()
        if has_spaces:
            # Whoever shares the machine's disk must not be what makes etcd lose its leader.
            spaces.run("mount", "-t", "tmpfs", "tmpfs", self.store_folder)
            self.network = spaces.Network()
        else:
            self.network = f"127.{random.randrange(1, 255)}.{random.randrange(256)}"
        self.ended = threading.Event()
        self.members = [Member(self, number) for number in (1, 2, 3)]
        for member in self.members:
            member.configure(self)
        self.store_address = "etcd://" + ",".join(f"{member.host.address}:{STORE_PORT}" for member in self.members)
        self.certificates("create")
        self.clients_host = self.host("clients", 200)
        self.proxy_bundle = self.folder / "proxy-bundle"
        first = self.clients_host.address.rpartition(".")[0]
        addresses = [f"{first}.{number}" for number in range(1, options.nodes + 1)]
        self.certificates("issue", "proxy", *addresses, "--into", self.proxy_bundle)
        self.nodes = [Node(self, number) for number in range(1, options.nodes + 1)]
        self.keeper = threading.Thread(target=self._keep, daemon=True)

    # ---- What it is made of ----

    def host(self, name, number):
        if self.has_spaces:
            return self.network.host(name, number)
        return LoopbackHost(self.network, name, number)

    def clock(self, path):
        return clocks.Clock(path, self.preloaded) if self.preloaded else None

    def has(self, needs):
        """Whether there is what a fault needs."""
        return {None: True, SPACES: self.has_spaces, CLOCKS: bool(self.preloaded)}[needs]

    def log(self, name):
        return self.logs / f"{name}.log"

    def certificates(self, *arguments):
        spaces.run(self.binary, "certificates", *arguments, "--dir", self.folder / "authority")

    def secret(self, name):
        return (self.folder / "authority" / "secrets" / name).read_text(encoding="utf-8").strip()

    def services(self):
        return [
            *(member.service for member in self.members if member.service),
            *(service for node in self.nodes for service in (node.agent, node.proxy)),
        ]

    def _keep(self):
        while not self.ended.wait(0.05):
            for service in self.services():
                service.keep()

    # ---- From start to end ----

    def start(self):
        for service in self.services():
            service.start()
        self.keeper.start()

    def set_clocks_right(self):
        for node in self.nodes:
            if node.clock and node.clock.offset:
                node.jump(0)

    def heal(self):
        """Whatever a fault may have left behind, but for clocks, with which a cluster has to become whole."""
        for node in self.nodes:
            if node.disk:
                node.disk.go_on()
                node.disk.make_room()
            node.thaw()
            if node.disk and node.disk.is_read_only:
                node.repair_disk()
            node.power_on()
        for member in self.members:
            member.freezer.go_on()
            member.service.start()
        if self.has_spaces:
            for host in self.network.hosts.values():
                host.speed_up()
                for key in list(host.rules):
                    host.allow(key)

    def close(self):
        self.ended.set()
        if self.keeper.is_alive():
            self.keeper.join()
        for node in getattr(self, "nodes", ()):
            if node.disk:
                node.disk.go_on()
            node.thaw()
            shutil.copy(node.folder / "proxy" / "proxy.log", self.log(f"{node.name}-proxy")) if (
                node.folder / "proxy" / "proxy.log"
            ).exists() else None
            server_log = node.socket.parent / "mysqld.log"
            if server_log.exists():
                shutil.copy(server_log, self.log(f"{node.name}-mysqld"))
        processes.kill_marked(self.mark)
        for node in getattr(self, "nodes", ()):
            if node.disk:
                spaces.run("umount", "--lazy", node.disk.folder, check=False)
        if self.has_spaces:
            spaces.run("umount", "--lazy", self.store_folder, check=False)

    def request(self, *arguments):
        return Request(self, *arguments)

    # ---- How it is ----

    def leadership(self):
        """The highest term that any member of etcd knows of, and its primary."""
        known = []
        for member in self.members:
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                known.append(member.leadership())
        known = [record for record in known if record]
        return max(known) if known else None

    def node(self, name):
        return next(node for node in self.nodes if node.name == name)

    def node_at(self, address):
        return next(node for node in self.nodes if node.host.address == address)

    def primary(self):
        return self.node(self.leadership()[1])

    def replicas(self):
        primary = self.primary()
        return [node for node in self.nodes if node is not primary]

    def has_member(self, node):
        """Whether the cluster knows it, as another one's proxy sees that."""
        witness = next(other for other in self.nodes if other is not node)
        return any(each["name"] == node.name for each in witness.status()["nodes"])

    def store_peers(self):
        return ",".join(f"{member.name}={member.peer_url}" for member in self.members)

    def save_store(self):
        """A snapshot, as an operator's nightly job takes it."""
        snapshot = self.store_folder / "snapshot"
        snapshot.unlink(missing_ok=True)
        self.store_leader().control("snapshot", "save", snapshot)
        return snapshot

    def restore_store(self, snapshot):
        for member in self.members:
            member.service.keep_down()
        for member in self.members:
            member.restore(snapshot, self.store_peers())
            member.service.start()

    def store_leader(self):
        return next((member for member in self.members if member.leads()), self.members[0])

    def what_is_amiss(self):
        """One sentence, or None when every proxy sees a whole cluster."""
        seen = set()
        for node in self.nodes:
            if not node.mysqld_pid():
                return f"{node} has no mysqld"
            try:
                status = node.status()
            except (OSError, ValueError, http.client.HTTPException) as error:
                return f"the proxy of {node} does not answer: {error}"
            if len(status["nodes"]) != len(self.nodes):
                return f"the proxy of {node} sees {len(status['nodes'])} nodes"
            roles = sorted(each["role"] for each in status["nodes"])
            if roles != ["primary"] + ["replica"] * (len(self.nodes) - 1):
                return f"the proxy of {node} sees the roles {roles}: {activities(status)}"
            for each in status["nodes"]:
                for claim in ("healthy", "semi_sync", "voter", "joined"):
                    if not each[claim]:
                        return f"the proxy of {node} sees {each['name']} without '{claim}': {activities(status)}"
            seen.add((status["term"], status["primary"]))
        if len(seen) != 1:
            return f"proxies see different primaries: {sorted(seen)}"
        return None

    def crashes(self):
        """Lines of the logs that no correct program writes."""
        found = []
        for log in self.logs.glob("*.log"):
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
                if harness.CRASH.search(line) or re.search(r"mysqld got signal (6|11)\b", line):
                    found.append(f"{log.name}: {line}")
        return found


def activities(status):
    return "; ".join(f"{each['name']} {each['role']}: {each['activity']}" for each in status["nodes"])
