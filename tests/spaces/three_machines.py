#!/usr/bin/env python3
"""Runs docs/three-machines.md: every command of the page, as it stands there, on hosts that are namespaces.

Each host has a network namespace with the page's own address, and a file system in which all that it writes is its own.
What only a machine of its own has, systemd above all, shims.py stands in for. `ssh` and `scp` lead to the hosts.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import harness
import processes
import spaces

PAGE = SOURCE / "docs" / "three-machines.md"
HOSTS = {"db1": 1, "db2": 2, "db3": 3, "app1": 9}
OWN_FOLDERS = ("proc", "dev", "run", "tmp", "var/lib", "opt/mysql")
LIMIT = 600  # for each block; what is meant is "at all"

# ssh HOST runs its words as a command of that host's shell, as the real one does.
SSH = """\
#!/bin/sh
set -e
while [ "${1#-}" != "$1" ]; do shift; done
host=${1#root@}
shift
root=%(hosts)s/$host
[ -d "$root" ] || { echo "ssh: Could not resolve hostname $host" >&2; exit 255; }
exec ip netns exec "$host" unshare --uts sh -c '
  hostname "$1"; root=$2; shift 2
  exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /bin/bash -c "$*"
' sh "$host" "$root" "$@"
"""

# scp [-r] [-p] FILE… HOST:PLACE
SCP = """\
#!/bin/bash
set -e
options=()
while [[ $1 == -* ]]; do options+=("$1"); shift; done
place=${!#}
set -- "${@:1:$#-1}"
host=${place%%%%:*}
host=${host#root@}
root=%(hosts)s/$host
[[ -d $root ]] || { echo "ssh: Could not resolve hostname $host" >&2; exit 255; }
exec cp -L "${options[@]}" "$@" "$root${place#*:}"
"""


def blocks(page):
    """The commands of the page, block by block, with the headline above each."""
    found, headline = [], ""
    lines = iter(page.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith("## "):
            headline = line[3:]
        if line == "```sh":
            commands = []
            for inner in lines:
                if inner == "```":
                    break
                commands.append(inner)
            found.append((headline, "\n".join(commands) + "\n"))
        elif line.startswith("```") and line not in ("```", "```text"):
            raise AssertionError(f"{page}: a block that is neither sh nor text: {line}")
    return found


class Hosts:
    """Their file systems and networks."""

    def __init__(self, folder):
        self.folder = folder
        self.roots = folder / "hosts"
        self.layers = folder / "layers"
        for made in (self.roots, self.layers):
            made.mkdir()
        # What hosts write lies beside what they share, in memory, but for data, which lies on a real disk.
        spaces.run("mount", "-t", "tmpfs", "tmpfs", self.layers)
        spaces.NETWORK = "10.0.0"
        self.network = spaces.Network()
        for name, number in HOSTS.items():
            self.network.host(name, number)
            self.make_root(name)

    def make_root(self, name):
        root, layer, disk = self.roots / name, self.layers / name, self.folder / f"disk-{name}"
        upper, work = layer / "upper", layer / "work"
        for made in (root, upper, work, disk):
            made.mkdir(parents=True)
        spaces.run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={work}", root)
        for own in OWN_FOLDERS:
            (root / own).mkdir(parents=True, exist_ok=True)
        spaces.run("mount", "-t", "proc", "proc", root / "proc")
        spaces.run("mount", "--rbind", "/dev", root / "dev")
        for own in ("run", "tmp"):
            spaces.run("mount", "-t", "tmpfs", "tmpfs", root / own)
        (root / "tmp").chmod(0o1777)
        shutil.copytree(root / "var/lib/dpkg", disk / "dpkg", symlinks=True)
        (disk / "etcd").mkdir()
        shutil.chown(disk / "etcd", "etcd", "etcd")
        spaces.run("mount", "--bind", disk, root / "var/lib")
        self.install_mysql(root)
        for shim in ("systemctl", "apt-get"):
            target = root / "usr/local/sbin" / shim
            shutil.copy(HERE / "shims.py", target)
            target.chmod(0o755)
        (root / "etc/hosts").write_text("127.0.0.1 localhost\n", encoding="utf-8")

    @staticmethod
    def install_mysql(root):
        """As the package of its makers would: mysqld and mysql where programs are."""
        for tool, place in ((harness.mysqld_path(), "usr/sbin/mysqld"), (harness.mysql_client(), "usr/bin/mysql")):
            tool = Path(tool).resolve()
            if tool.is_relative_to("/usr"):
                continue
            home = tool.parents[1]  # the folder of scripts/mysql, whose programs find the rest beside themselves
            if not (root / "opt/mysql/bin").exists():
                spaces.run("mount", "--bind", home, root / "opt/mysql")
            target = root / place
            target.unlink(missing_ok=True)
            target.symlink_to(f"/opt/mysql/bin/{tool.name}")


class Reader:
    """Who follows the page, on a machine of their own."""

    def __init__(self, folder, hosts):
        self.home = folder / "home"
        self.sources = folder / "sources"
        self.programs = folder / "programs"
        for made in (self.home, self.programs, self.sources / "build/release"):
            made.mkdir(parents=True)
        (self.sources / "build/release/dorsal").symlink_to(harness.BINARY)
        (self.sources / "packaging").symlink_to(SOURCE / "packaging")
        for name, text in (("ssh", SSH), ("scp", SCP)):
            program = self.programs / name
            program.write_text(text % {"hosts": hosts.roots}, encoding="utf-8")
            program.chmod(0o755)

    def run(self, commands):
        """As typed into one shell that stops at the first error."""
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", commands], cwd=self.sources, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT, check=False,
            env={**os.environ, "HOME": str(self.home), "PATH": f"{self.programs}:{os.environ['PATH']}"},
        )
        if done.returncode != 0:
            raise AssertionError(f"ends with {done.returncode}:\n{commands}\n{done.stdout}")
        return done.stdout

    def status(self, host="db1"):
        return json.loads(self.run(f"ssh root@{host} 'dorsal status --json --config /etc/dorsal/dorsal.yaml'"))

    def is_whole(self):
        status = self.status()
        return harness.Ports.is_healthy(status) and all(node["voter"] for node in status["nodes"]) and status


def follow(reader):
    """The page, with a look at what it promises after the steps that promise something."""
    before = None
    for number, (headline, commands) in enumerate(blocks(PAGE), start=1):
        if "first fail-over" in headline and before is None:
            before = harness.wait_until("the cluster is whole", reader.is_whole, 240)
            assert before["term"] == 1 and len(before["nodes"]) == 3, before
        if headline.startswith("6.") and "mysql --defaults-file" in commands:
            # What the page says before: go on when it is done.
            harness.wait_until("one primary, two replicas, all of them voters", reader.is_whole, 240)
        began = time.monotonic()
        said = reader.run(commands)
        print(f"block {number} ({headline}): {time.monotonic() - began:.1f} s", flush=True)
        check(headline, commands, said, before, reader)


def check(headline, commands, said, before, reader):
    if headline.startswith("6.") and "SELECT" in commands:
        assert "a first order" in said, said
    if headline.startswith("7.") and "kill -KILL" in commands:
        def another():
            status = reader.status("db1" if before["primary"] != "db1" else "db2")
            return status["term"] > before["term"]

        harness.wait_until("another node leads", another, 60)
        harness.wait_until("the old primary follows", reader.is_whole, 240)
    if headline.startswith("7.") and "INSERT" in commands:
        assert "a first order" in said and "an order after the fail-over" in said, said
    if headline.startswith("8.") and "COUNT" in commands:
        assert "2" in said.splitlines(), said
    if headline.startswith("9.") and "dorsal upgrade" in commands:
        assert len(re.findall(r"^proxy is now pid \d+; pid \d+ ends", said, re.MULTILINE)) == len(HOSTS), said
        for now, before in re.findall(r"^proxy is now pid (\d+); pid (\d+) ends", said, re.MULTILINE):
            harness.wait_until("the old one has ended", lambda before=before: not processes.is_running(int(before)))
            assert processes.is_running(int(now)), said
    if headline.startswith("9.") and "restart" in commands:
        harness.wait_until("the cluster is whole", reader.is_whole, 240)


def logs(hosts):
    for host in HOSTS:
        for log in sorted((hosts.roots / host / "var/log/units").glob("*.log")):
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
            print(f"---- {host} {log.name}", *tail, sep="\n", file=sys.stderr)


def stop(*_):
    raise SystemExit("stopped")


def main():
    if reason := (None if os.environ.get(spaces.INSIDE) else spaces.why_not()):
        print(f"skipped: {reason}")
        return 77
    spaces.enter()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    folder = Path(tempfile.mkdtemp(prefix="dorsal-machines-"))
    folder.chmod(0o755)
    hosts = None
    try:
        hosts = Hosts(folder)
        follow(Reader(folder, hosts))
        print("every command of the page does what the page says")
        return 0
    except BaseException:
        if hosts:
            logs(hosts)
        raise
    finally:
        end(folder)


def end(folder):
    """All processes of the hosts, then their mounts, so that nothing of the machine's own is below the folder."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in (1, os.getpid()):
            try:
                if str(folder) in os.readlink(entry / "root"):
                    os.kill(int(entry.name), 9)
            except OSError:
                continue
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{folder}/")), reverse=True):
        spaces.run("umount", "--lazy", mount, check=False)
    left = [line for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines() if str(folder) in line]
    assert not left, f"still mounted, so nothing is removed: {left}"
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
