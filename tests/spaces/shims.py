#!/usr/bin/env python3
"""Stands in, on a host that is a namespace, for what only a machine of its own has.

Under the name `systemctl` it does what that would do with the units of the host: it reads them, and runs what ExecStart
says, as the unit's user, again and again if the unit says so. Under the name `apt-get` it says whether the packages are
here. Whatever it does not know it refuses.
"""

import ctypes
import os
import pwd
import re
import resource
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
UNITS = (Path("/etc/systemd/system"), Path("/lib/systemd/system"))
STATE = Path("/run/units")  # each unit that runs: the pids of its supervisor and its main process
LOGS = Path("/var/log/units")
FROM_ELSEWHERE = {"mysql-server"}  # the test puts its programs into place
KNOWN = {  # settings of [Service]: what is done about them, or why nothing has to be
    "Type", "User", "Group", "ExecStart", "ExecReload", "Restart", "RestartSec", "KillMode", "TimeoutStopSec", "StateDirectory",
    "StateDirectoryMode", "UMask", "LimitNOFILE", "LimitCORE", "OOMScoreAdjust", "NoNewPrivileges", "PrivateTmp",
    "ProtectHome", "ProtectSystem", "Environment", "EnvironmentFile", "PermissionsStartOnly", "NotifyAccess",
}


class Unit:
    def __init__(self, name):
        self.name = name.removesuffix(".service")
        self.file = next((folder / f"{self.name}.service" for folder in UNITS if (folder / f"{self.name}.service").exists()), None)
        if self.file is None:
            sys.exit(f"Unit {self.name}.service not found.")
        self.settings = {}
        section = None
        for line in self.file.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                section = line.strip("[] ")
            elif section == "Service" and "=" in line and not line.startswith(("#", ";")):
                key, _, value = line.partition("=")
                self.settings.setdefault(key.strip(), []).append(value.strip())
        unknown = set(self.settings) - KNOWN
        if unknown:
            sys.exit(f"{self.file}: this stand-in for systemd does not know {sorted(unknown)}.")

    def get(self, key, default=""):
        return self.settings.get(key, [default])[-1]

    @property
    def state(self):
        return STATE / self.name

    def pids(self):
        """Of the supervisor and the main process, if it runs."""
        try:
            supervisor, main = map(int, self.state.read_text(encoding="utf-8").split())
        except (OSError, ValueError):
            return None
        return (supervisor, main) if is_running(supervisor) else None

    def environment(self):
        values = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "USER": self.get("User", "root"), "SHELL": "/bin/sh"}
        expand = {"%H": os.uname().nodename, "%p": self.name}
        for line in self.settings.get("Environment", []):
            key, _, value = line.partition("=")
            values[key] = expanded(value, expand)
        for file in self.settings.get("EnvironmentFile", []):
            path = Path(expanded(file.removeprefix("-"), expand))
            if not path.exists() and file.startswith("-"):
                continue
            for line in path.read_text(encoding="utf-8").splitlines():
                if "=" in line and not line.startswith("#"):
                    key, _, value = line.partition("=")
                    values[key] = value.strip("\"'")
        return values

    def command(self):
        """What ExecStart says, as the unit's user and with its limits."""
        environment = self.environment()
        words = []
        for word in shlex.split(self.get("ExecStart")):
            if re.fullmatch(r"\$\w+", word):
                words += environment.get(word[1:], "").split()
            else:
                words.append(word)
        user = self.get("User", "root")
        group = self.get("Group") or str(pwd.getpwnam(user).pw_gid)
        prefix = ["setpriv", f"--reuid={user}", f"--regid={group}", "--init-groups"]
        if self.get("NoNewPrivileges") == "true":
            prefix.append("--no-new-privs")
        # Within a container not even root may raise its limit.
        limit = min(int(self.get("LimitNOFILE", "1024")), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        return ["prlimit", f"--nofile={limit}", "--core=0", *prefix, *words], environment

    def start(self):
        if self.pids():
            return
        if folder := self.get("StateDirectory"):
            path = Path("/var/lib") / folder
            path.mkdir(exist_ok=True)
            owner = pwd.getpwnam(self.get("User", "root"))
            os.chown(path, owner.pw_uid, owner.pw_gid)
            path.chmod(int(self.get("StateDirectoryMode", "0755"), 8))
        for made in (STATE, LOGS):
            made.mkdir(parents=True, exist_ok=True)
        if os.fork() == 0:
            os.setsid()
            self.supervise()
        deadline = time.monotonic() + 30
        while not self.pids():
            if time.monotonic() > deadline:
                sys.exit(f"Job for {self.name}.service failed.")
            time.sleep(0.02)

    def supervise(self):
        null = os.open("/dev/null", os.O_RDWR)
        log = os.open(LOGS / f"{self.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for number, descriptor in ((0, null), (1, log), (2, log)):
            os.dup2(descriptor, number)
        os.umask(int(self.get("UMask", "0022"), 8))
        os.chdir("/")
        # What a main process leaves behind is this one's, also when it becomes the main process.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        while True:
            status = self.run_main()
            wanted = {"always": True, "on-abnormal": status < 0, "on-failure": status != 0}.get(self.get("Restart"), False)
            if not wanted or (STATE / f"{self.name}.stopping").exists():
                break
            time.sleep(float(self.get("RestartSec", "0.1")))
        self.state.unlink(missing_ok=True)
        os._exit(0)

    def run_main(self):
        """Until the main process has ended, which may be another one by then. Returns how, as subprocess does."""
        command, environment = self.command()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            if self.get("NotifyAccess") == "main":
                told.bind("")
                environment["NOTIFY_SOCKET"] = "@" + told.getsockname()[1:].decode()
            told.setblocking(False)
            main = subprocess.Popen(command, env=environment, start_new_session=True).pid
            self.note_main(main)
            while True:
                try:
                    main = int(re.fullmatch(r"MAINPID=(\d+)", told.recv(1000).decode())[1])
                    self.note_main(main)
                except BlockingIOError:
                    time.sleep(0.02)
                ended, status = os.waitpid(-1, os.WNOHANG)
                if ended == main:
                    return os.waitstatus_to_exitcode(status)

    def note_main(self, pid):
        """At once: who reads it never finds half of it, which would mean that the unit does not run."""
        written = self.state.with_suffix(".new")
        written.write_text(f"{os.getpid()} {pid}", encoding="utf-8")
        written.rename(self.state)

    def signal_main(self, number):
        pids = self.pids()
        if pids and is_running(pids[1]):
            os.kill(pids[1], number)

    def stop(self):
        pids = self.pids()
        if not pids:
            return
        mark = STATE / f"{self.name}.stopping"
        mark.touch()
        try:
            self.signal_main(signal.SIGTERM)
            deadline = time.monotonic() + 120
            while self.pids():
                if time.monotonic() > deadline:
                    sys.exit(f"{self.name}.service does not stop.")
                time.sleep(0.02)
        finally:
            mark.unlink()


def expanded(text, values):
    for key, value in values.items():
        text = text.replace(key, value)
    return text


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def systemctl(arguments):
    options = [word for word in arguments if word.startswith("-")]
    verb, *names = [word for word in arguments if not word.startswith("-")]
    if verb == "daemon-reload":
        verify()
    elif verb == "disable" and options == ["--now"]:
        for name in names:
            if name not in FROM_ELSEWHERE and name != "mysql":
                Unit(name).stop()
    elif verb == "enable" and not options:
        for name in names:
            Unit(name)
    elif verb == "start" and options in ([], ["--no-block"]):
        for name in names:
            Unit(name).start()
    elif verb == "stop" and not options:
        for name in names:
            Unit(name).stop()
    elif verb == "restart" and not options:
        for name in names:
            Unit(name).stop()
            Unit(name).start()
    elif verb == "reload" and not options:
        for name in names:
            assert Unit(name).get("ExecReload") == "/bin/kill -HUP $MAINPID"
            Unit(name).signal_main(signal.SIGHUP)
    elif verb == "kill" and options == ["--signal=KILL"]:
        # The whole control group, as systemd does it: here, main process and all below it.
        for name in names:
            pids = Unit(name).pids()
            for pid in reversed(below(pids[1])):
                os.kill(pid, signal.SIGKILL)
    else:
        sys.exit(f"this stand-in for systemctl does not know: {' '.join(arguments)}")


def below(pid):
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split():
        found += below(int(child))
    return found


def verify():
    """By systemd's own judgement, where it is installed."""
    units = sorted(map(str, UNITS[0].glob("dorsal-*.service")))
    if not units:
        return
    try:
        done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if "dorsal-" in line]
    if done.returncode != 0 or complaints:
        sys.exit(f"systemd-analyze verify ends with {done.returncode}: {done.stdout}{done.stderr}")


def apt_get(arguments):
    assert arguments[:2] == ["install", "-y"], arguments
    for package in arguments[2:]:
        if package in FROM_ELSEWHERE:
            continue
        if subprocess.run(["dpkg", "-s", package], capture_output=True, check=False).returncode != 0:
            sys.exit(f"the package {package} is not on this machine; scripts/packages test installs it.")


if __name__ == "__main__":
    {"systemctl": systemctl, "apt-get": apt_get}[Path(sys.argv[0]).name](sys.argv[1:])
