"""Several hosts on one machine: network namespaces joined by a bridge, with links that can be cut and slowed down.

Everything is made inside namespaces that the process tree of this test alone has: `enter()` starts the program again
in a mount namespace and a process namespace of its own. So nothing of it, no process, link, rule, mount or loop
device, outlives the program, however it ends, and the machine's own network is never touched.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

INSIDE = "DORSAL_SPACES"  # in the environment of a program that runs in namespaces of its own
NETWORK = "10.77.0"
SWITCH = "switch"

CLONE_NEWNET = 0x40000000
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def why_not():
    """One sentence when namespaces cannot be made here, else None. Makes some and lets go of them."""
    for tool in ("ip", "nft", "unshare", "nsenter"):
        if subprocess.run(["sh", "-c", f"command -v {tool}"], stdout=subprocess.DEVNULL, check=False).returncode:
            return f"there is no program '{tool}' on this machine; scripts/packages test installs it."
    script = (
        "set -e; mkdir -p /run/netns; mount -t tmpfs tmpfs /run/netns; ip netns add probe;"
        "ip -n probe link add name br0 type bridge; ip -n probe link add name v type veth peer name w;"
        "ip netns exec probe nft add table inet probe"
    )
    done = subprocess.run(
        [*_unshare(), "sh", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode == 0:
        return None
    said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return f"namespaces are not permitted here ({said})."


def _unshare():
    return ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def enter():
    """Runs this program again inside, and ends with its status. Returns only when it already runs inside."""
    if os.environ.get(INSIDE):
        return
    address = f"dorsal-spaces-{os.getpid()}"
    guarded = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    guarded.bind(f"\0{address}")
    guarded.listen()
    if os.fork() == 0:
        _guard(guarded)
    guarded.close()
    # A shell is the first process there, which reaps whatever loses its parent. What is mounted and unmounted here is so for
    # the hosts, too, each of which has mounts of its own.
    script = 'mount --make-rshared / && "$@"; exit $?'
    command = [*_unshare(), "sh", "-c", script, "sh", sys.executable, "-B", *sys.argv]
    program = subprocess.Popen(
        command, env={**os.environ, INSIDE: address}, preexec_fn=_die_with_parent
    )
    # Ctrl-C reaches the program itself, which ends in order; whoever asks this one to end means both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _end(program.pid))
    status = program.wait()
    sys.exit(status if status >= 0 else 1)


def _end(unshare):
    """Asks the program inside to end: the child of the shell that is the child of that process."""
    pids = [unshare]
    for _ in range(2):
        pids = [child for pid in pids for child in _children(pid)]
    for pid in pids:
        os.kill(pid, signal.SIGTERM)


def _children(pid):
    with contextlib.suppress(OSError):
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()))
    return []


def _guard(guarded):
    """Lets file systems stand still and go on for the program inside, and go on in any case when that has ended.

    A process that waits for such a file system cannot be killed, so whoever lets it go on has to stand outside.
    """
    os.setsid()
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    control, folders = None, {}
    # Without a program that has connected nothing stands still; with one, its end is what counts.
    signal.signal(signal.SIGTERM, lambda *_: control or os._exit(0))

    def thaw(name):
        with contextlib.suppress(OSError):
            fcntl.ioctl(folders[name], FITHAW, 0)
        os.close(folders.pop(name))

    try:
        control, _ = guarded.accept()
        while True:
            message, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
            if not message:
                break
            verb, _, name = message.decode().partition(" ")
            answer = "ok"
            try:
                if verb == "freeze":
                    folders[name] = descriptors[0]
                    fcntl.ioctl(descriptors[0], FIFREEZE, 0)
                else:
                    thaw(name)
            except OSError as error:
                answer = str(error)
            control.send(answer.encode())
    finally:
        for name in list(folders):
            thaw(name)
        os._exit(0)


def run(*command, check=True, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ends with {done.returncode}: {done.stderr.strip()}")
    return done


class Host:
    """One network namespace with one address. `cut`, `slow` and their like act on what passes its interface."""

    def __init__(self, network, name, number):
        self.network, self.name = network, name
        self.address = f"{NETWORK}.{number}"
        self.mac = f"02:00:00:00:00:{number:02x}"
        self.rules, self.lock, self.delayer = {}, threading.Lock(), None
        link = f"v-{name}"
        run("ip", "netns", "add", name)
        run("ip", "-n", SWITCH, "link", "add", "name", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "-n", SWITCH, "link", "set", "dev", link, "master", "br0", "up")
        run("ip", "-n", name, "link", "set", "dev", "eth0", "address", self.mac)
        run("ip", "-n", name, "addr", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            run("ip", "-n", name, "link", "set", "dev", device, "up")
        self.descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)

    def command(self, *command):
        """The same command, to be run on this host."""
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    @contextlib.contextmanager
    def inside(self):
        """The calling thread is on this host within the block; sockets made there stay there."""
        before = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(self.descriptor)
            yield
        finally:
            _enter(before)
            os.close(before)

    def connect(self, host, port, timeout):
        """A TCP connection from this host."""
        with self.inside():
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            made.settimeout(timeout)
            made.connect((host, port))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made
        except BaseException:
            made.close()
            raise

    # ---- Links ----

    def drop(self, key, *rules):
        """Drops what any of the rules of nftables matches, each "in MATCH" or "out MATCH", until allow(key)."""
        with self.lock:
            self.rules[key] = rules
            self._apply()

    def allow(self, key):
        with self.lock:
            if self.rules.pop(key, None) is not None:
                self._apply()

    def _apply(self):
        """All rules at once, so that there is no moment without those that stay."""
        chains = {"in": [], "out": []}
        for rules in self.rules.values():
            for rule in rules:
                direction, _, match = rule.partition(" ")
                chains[direction].append(f"    {match} drop")
        text = ["table inet cuts", "delete table inet cuts", "table inet cuts {"]
        for direction, hook in (("in", "input"), ("out", "output")):
            text += [f"  chain {hook} {{", f"    type filter hook {hook} priority 0", *chains[direction], "  }"]
        run(*self.command("nft", "-f", "-"), input="\n".join([*text, "}", ""]))

    def slow(self, delay_ms, jitter_ms, loss):
        """What comes and goes is late by so much, and so much of it (0 to 1) is lost, until speed_up()."""
        self.speed_up()
        self.delayer = Delayer(self, delay_ms, jitter_ms, loss)

    def speed_up(self):
        if self.delayer:
            self.delayer.stop()
            self.delayer = None


def _enter(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


class Network:
    """The bridge that joins the hosts."""

    def __init__(self):
        Path("/run/netns").mkdir(exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
        run("ip", "netns", "add", SWITCH)
        run("ip", "-n", SWITCH, "link", "add", "name", "br0", "type", "bridge")
        run("ip", "-n", SWITCH, "link", "set", "dev", "br0", "up")
        self.hosts = {}

    def host(self, name, number):
        self.hosts[name] = Host(self, name, number)
        return self.hosts[name]


class Delayer:
    """Takes a host's cable off the bridge and carries each frame by hand, late or never.

    That is what the kernel's netem does, which not every kernel has.
    """

    def __init__(self, host, delay_ms, jitter_ms, loss):
        self.host = host
        self.far, self.near = f"d-{host.name}", f"e-{host.name}"
        # What is carried by hand needs its checksums, which hosts of one machine leave out among each other.
        with host.inside():
            _write_checksums("eth0")
        run("ip", "-n", SWITCH, "link", "add", "name", self.far, "type", "veth", "peer", "name", self.near)
        for device in (self.far, self.near):
            run(*_on_switch(sys.executable, "-B", __file__, "checksums", device))
            run("ip", "-n", SWITCH, "link", "set", "dev", device, "up")
        run("ip", "-n", SWITCH, "link", "set", "dev", self.far, "master", "br0")
        self.carrier = subprocess.Popen(
            _on_switch(sys.executable, "-B", __file__, "carry", f"v-{host.name}", self.near, delay_ms, jitter_ms, loss),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, preexec_fn=_die_with_parent,
        )
        assert self.carrier.stdout.readline() == b"ready\n", "the frames are not carried"
        run("ip", "-n", SWITCH, "link", "set", "dev", f"v-{host.name}", "nomaster")

    def stop(self):
        run("ip", "-n", SWITCH, "link", "set", "dev", f"v-{self.host.name}", "master", "br0")
        self.carrier.kill()
        self.carrier.wait()
        self.carrier.stdout.close()
        run("ip", "-n", SWITCH, "link", "del", "dev", self.far)


def _on_switch(*command):
    return ["ip", "netns", "exec", SWITCH, *map(str, command)]


def _write_checksums(device):
    """Frames of that device carry whole checksums, and are no longer than the wire allows."""
    value = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_STXCSUM, 0))
    request = struct.pack("16sP", device.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCETHTOOL, request)


def _carry(first, second, delay_ms, jitter_ms, loss):
    """Carries frames between two devices, in their order, until it is killed."""
    import heapq
    import random
    import select
    import time

    ends = []
    for device in (first, second):
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        end.bind((device, 0))
        end.setblocking(False)
        ends.append(end)
    print("ready", flush=True)
    queue, count, newest = [], 0, [0.0, 0.0]
    while True:
        wait = max(0, queue[0][0] - time.monotonic()) if queue else None
        readable, _, _ = select.select(ends, [], [], wait)
        for end in readable:
            with contextlib.suppress(BlockingIOError):
                while True:
                    frame, source = end.recvfrom(1 << 17)
                    if source[2] == socket.PACKET_OUTGOING or random.random() < loss:
                        continue
                    to = 1 - ends.index(end)
                    due = time.monotonic() + (delay_ms + random.uniform(-jitter_ms, jitter_ms)) / 1000
                    newest[to] = max(newest[to], due)
                    heapq.heappush(queue, (newest[to], count, to, frame))
                    count += 1
        now = time.monotonic()
        while queue and queue[0][0] <= now:
            _, _, to, frame = heapq.heappop(queue)
            with contextlib.suppress(OSError):
                ends[to].send(frame)


# ---- Disks that can be full and can stand still ----


class Disk:
    """A file system of its own, of so many MiB, in a file that is mounted over a loop device."""

    def __init__(self, image, folder, mib):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(image, "wb") as file:
            file.truncate(mib << 20)
        run("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1", image)
        self.image = image
        self.is_stalled = self.is_read_only = False
        self._mount()

    def _mount(self):
        run("mount", "-o", "loop,errors=remount-ro", self.image, self.folder)

    def fill(self):
        """Not a byte is left, until make_room()."""
        with open(self.folder / "filler", "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        left = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize
                        if left < size:
                            break
                        os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)

    def make_room(self):
        with contextlib.suppress(FileNotFoundError):
            (self.folder / "filler").unlink()

    def turn_read_only(self):
        """As after an error of the device, until repair(); what was not on it yet is lost."""
        device = run("findmnt", "--noheadings", "--output", "SOURCE", self.folder).stdout.strip()
        self.is_read_only = True
        Path(f"/sys/fs/ext4/{Path(device).name}/trigger_fs_error").write_text("1", encoding="utf-8")

    def repair(self):
        """Whoever used it is ending, or has ended."""
        deadline = time.monotonic() + 60
        while run("umount", self.folder, check=time.monotonic() > deadline).returncode != 0:
            time.sleep(0.05)
        # 1: errors have been corrected.
        told = run("e2fsck", "-p", "-f", self.image, check=False)
        assert told.returncode in (0, 1), told.stdout + told.stderr
        self._mount()
        self.is_read_only = False

    def stall(self):
        """Whoever writes waits, until go_on(), and cannot even be killed."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            _ask_guard(f"freeze {self.folder}", [descriptor])
        finally:
            os.close(descriptor)
        self.is_stalled = True

    def go_on(self):
        if self.is_stalled:
            self.is_stalled = False
            _ask_guard(f"thaw {self.folder}", [])


_asking, _guards = threading.Lock(), []  # the connection, once it is needed; its end ends every stall


def _ask_guard(message, descriptors):
    with _asking:
        if not _guards:
            control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            control.connect(f"\0{os.environ[INSIDE]}")
            _guards.append(control)
        socket.send_fds(_guards[0], [message.encode()], descriptors)
        answer = _guards[0].recv(4096).decode()
    assert answer == "ok", f"{message}: {answer}"


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["carry", first, second, delay, jitter, loss]:
            _carry(first, second, float(delay), float(jitter), float(loss))
        case ["checksums", device]:
            _write_checksums(device)
        case _:
            sys.exit(__doc__)
