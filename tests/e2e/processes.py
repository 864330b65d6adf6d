"""What runs on this machine, read from /proc: processes, their memory, and who listens where.

The processes of a test's cluster are known by a mark in their environment, which everything that is started
below `dorsal up` inherits. So a test finds all of them, also those that should not be there, and never touches
one that it did not start.
"""

import contextlib
import os
import signal
import socket
import time
from collections import Counter
from pathlib import Path

MARK = "DORSAL_E2E_CLUSTER"


def marked(mark):
    """The pids of all processes with this mark, in the order of their start."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if wanted in environment and is_running(int(entry.name)):
                found.append(int(entry.name))
    return sorted(found)


def stat_fields(pid):
    """What stands behind the name in /proc/PID/stat: state, parent, …; None when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def is_running(pid):
    fields = stat_fields(pid)
    return fields is not None and fields[0] not in "ZX"


def start_time(pid):
    """Tells a process from another one that later has the same pid."""
    fields = stat_fields(pid)
    return None if fields is None else int(fields[19])


def parent(pid):
    return int(stat_fields(pid)[1])


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode(errors="replace").split("\0")
    except OSError:
        return []


def cpu_seconds(pid):
    fields = stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status_bytes(pid, name):
    """A size in /proc/PID/status, as VmRSS."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def resident_bytes(pid):
    return status_bytes(pid, "VmRSS")


class Peak:
    """What a process's resident memory has been at most since then; the kernel keeps count, so no peak is missed."""

    def __init__(self, pid):
        self.pid, self.before = pid, resident_bytes(pid)
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="utf-8")

    def growth(self):
        return status_bytes(self.pid, "VmHWM") - self.before


def proportional_bytes(pid):
    """Memory of this process, with its share of what it shares (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def kill(pids, number=signal.SIGKILL):
    """Sends the signal to each, and returns when none of them runs any more."""
    pids = [pids] if isinstance(pids, int) else list(pids)
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
    deadline = time.monotonic() + 30
    while any(is_running(pid) for pid in pids):
        if time.monotonic() > deadline:
            raise AssertionError(f"processes {[pid for pid in pids if is_running(pid)]} survive signal {number}")
        time.sleep(0.01)


@contextlib.contextmanager
def frozen(*pids):
    """They do nothing for as long as the block lasts, and keep what they have, connections above all."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def kill_marked(mark):
    """Ends everything with this mark, also what is started meanwhile. Returns how many there were."""
    seen = set()
    while pids := marked(mark):
        seen.update(pids)
        kill(pids)
    return len(seen)


# ---- Ports ----


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def listening_inodes(port):
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text(encoding="utf-8").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(fields[9])
    return inodes


def listener(port, among):
    """The pid, among those given, that listens on the port; None if there is none."""
    links = {f"socket:[{inode}]" for inode in listening_inodes(port)}
    for pid in among:
        if links & set(open_files(pid)):
            return pid
    return None


def open_files(pid):
    """What each descriptor of the process leads to: a path, or a name such as socket:[1234]."""
    folder, found = f"/proc/{pid}/fd", []
    try:
        for descriptor in os.listdir(folder):
            try:
                found.append(os.readlink(f"{folder}/{descriptor}"))
            except OSError:
                continue  # closed meanwhile
    except OSError:
        pass  # the process has ended
    return found


def kinds_of_files(pid):
    """What the open files of the process are, with how many of each: sockets by the port at the other end."""
    remote = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text(encoding="utf-8").splitlines()[1:]:
            fields = line.split()
            port = int(fields[2].rpartition(":")[2], 16)
            remote[f"socket:[{fields[9]}]"] = f"connections with port {port}" if port else "listening"
    return Counter(remote.get(name, name.partition(":[")[0]) for name in open_files(pid))
