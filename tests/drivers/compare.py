#!/usr/bin/env python3
"""Runs one driver's program against the primary and against the proxy, and compares what it prints.

    DORSAL_BINARY=build/dev/dorsal tests/drivers/compare.py NAME

NAME is one of programs.py. The program runs directly at the primary's mysqld, then at the proxy's splitting
port, at its port for the primary, and at the splitting port of a proxy that gives a session another server
connection wherever it may; each time in a new schema with the contents of fixture.sql and with accounts that neither
the server nor the proxy has in its cache. Every line must be the same but for what differences.py lists. What rightly
differs from one run to the next, as a connection's number does, a program turns into a claim about it.

A program finds in its environment:

    DRIVERS_HOST DRIVERS_PORT         where to connect to
    DRIVERS_SCHEMA                    the schema
    DRIVERS_USER DRIVERS_PASSWORD     an account with all privileges on it
    DRIVERS_OTHER_USER                another one, with the same password, that no cache knows either
    DRIVERS_CA                        the certificate that signs those of the servers and of the proxy
    DRIVERS_FOLDER                    a folder of its own, empty at the start
    DRIVERS_MYSQL                     the path of the mysql command line
    DRIVERS_SCRIPTS                   the folder of the statements that all programs run
    DRIVERS_COMPRESSION               `zlib` when both the server and the proxy offer compression, else empty

What each run printed is left in the build folder, `NAME WHERE.txt`.

A program prints `== CHAPTER` and below it lines of its own making, `!! …` for what should not have happened at all, and at
the end `the end`.
"""

import difflib
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import differences  # noqa: E402
import harness  # noqa: E402  (found through the line above)
import programs  # noqa: E402
import wire  # noqa: E402

HANG_LIMIT = 300
SHOWN_DIFFERENCES = 200
FIXTURE = programs.HERE / "fixture.sql"


def statements(text):
    """The statements of a file like fixture.sql."""
    return [part.strip() for part in text.split("\n;;\n") if part.strip()]


def offers_compression(address):
    """Whether the greeting at that address offers compressed packets."""
    with socket.create_connection(address, timeout=20) as connection:
        stream = connection.makefile("rb")
        length = struct.unpack("<I", stream.read(3) + b"\0")[0]
        stream.read(1)
        greeting = stream.read(length)
    after_version = greeting.index(b"\0", 1) + 1
    return bool(struct.unpack_from("<H", greeting, after_version + 13)[0] & wire.COMPRESS)


def run_program(command, environment):
    """The program's lines. Whatever it started is gone when this returns."""
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=HANG_LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        raise AssertionError(
            f"the program hangs; it ended with\n{tail(output)}\n{tail(errors)}"
        ) from None
    if process.returncode != 0:
        raise AssertionError(f"the program ends with {process.returncode}\n{tail(output)}\n{tail(errors)}")
    lines = output.decode(errors="backslashreplace").splitlines()
    if not lines or lines[-1] != "the end":
        raise AssertionError(f"the program stopped before its end\n{tail(output)}\n{tail(errors)}")
    return lines


def tail(output, lines=20):
    return "\n".join(output.decode(errors="backslashreplace").splitlines()[-lines:])


def mishaps(lines):
    """What even the server itself did not do as the program's author expected."""
    return [line for line in lines if line.startswith("!!")]


def difference(expected, actual, where, known, needed):
    """Empty when there is none that is not known; else a diff in which every line that differs stands in its
    chapter. Adds to `needed` what was of use of `known`."""
    if expected == actual:
        return ""
    shown, chapter = [], ""
    diff = list(difflib.unified_diff(in_chapters(expected), in_chapters(actual), "directly", where, lineterm="", n=0))
    for line in diff[2:]:
        if line.startswith("@@"):
            continue
        sign, (its_chapter, text) = line[0], line[1:].split("\t", 1)
        explanation = differences.explaining(known, sign, its_chapter, text)
        if explanation is not None:
            needed.add(explanation)
            continue
        if its_chapter != chapter:
            chapter = its_chapter
            shown.append(f"  {chapter}")
        shown.append(f"    {sign} {text}")
    if len(shown) > SHOWN_DIFFERENCES:
        shown[SHOWN_DIFFERENCES:] = [f"  … and {len(shown) - SHOWN_DIFFERENCES} lines more"]
    return "\n".join([f"- is the server, + is {where}:", *shown]) if shown else ""


def in_chapters(lines):
    marked, chapter = [], ""
    for line in lines:
        if line.startswith("== "):
            chapter = line
        marked.append(f"{chapter}\t{line}")
    return marked


class Comparison(harness.ClusterTest):
    name = None
    other_user = "drivers_other"
    user = "drivers"

    def setUp(self):
        self.primary = self.cluster.primary()
        self.admin = self.root(self.primary)
        self.schema = f"drivers_{self.name}"
        self.password = secrets.token_hex(12)
        self.folder = Path(tempfile.mkdtemp(prefix="dorsal-drivers-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        before = self.admin.value("SELECT @@GLOBAL.local_infile")
        self.admin.run("SET GLOBAL local_infile = ON")
        self.addCleanup(self.admin.run, "SET GLOBAL local_infile = %s", before)
        self.addCleanup(self.clear)
        swapping = self.enterContext(self.cluster.another_proxy(debug_swap_connections="true"))
        self.addresses = {
            "directly": self.cluster.direct_address(self.primary),
            "the splitting port": self.cluster.address("split"),
            "the primary's port": self.cluster.address("primary"),
            "swapped connections": swapping.address("split"),
        }
        self.compression = all(offers_compression(address) for address in self.addresses.values())

    def clear(self):
        """Also of what a program made and did not come to drop."""
        for (schema,) in self.admin.run("SHOW DATABASES LIKE %s", f"{self.schema}%"):
            self.admin.run(f"DROP DATABASE `{schema}`")
        for user in (self.user, self.other_user):
            self.admin.run(f"DROP USER IF EXISTS {user}")

    def start_anew(self):
        """A schema and accounts as no run has seen them, on every server."""
        self.clear()
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        self.admin.run(f"CREATE DATABASE `{self.schema}`")
        for user in (self.user, self.other_user):
            self.admin.run(f"CREATE USER {user} IDENTIFIED WITH caching_sha2_password BY '{self.password}'")
            # Also on schemas that do not exist, so that they are unknown instead of forbidden.
            self.admin.run(f"GRANT ALL ON `{self.schema}%`.* TO {user}")
            self.admin.run(f"GRANT SELECT ON performance_schema.* TO {user}")
        with self.cluster.root(self.primary) as fixture:
            fixture.run("SET NAMES utf8mb4")
            fixture.select_db(self.schema)
            for statement in statements(FIXTURE.read_text(encoding="utf-8")):
                fixture.run(statement)
        harness.wait_for_replicas(self.cluster)

    def environment(self, address, program):
        return {
            **program.environment,
            "DRIVERS_HOST": address[0],
            "DRIVERS_PORT": str(address[1]),
            "DRIVERS_SCHEMA": self.schema,
            "DRIVERS_USER": self.user,
            "DRIVERS_OTHER_USER": self.other_user,
            "DRIVERS_PASSWORD": self.password,
            "DRIVERS_CA": str(self.cluster.dir / "tls" / "ca.pem"),
            "DRIVERS_FOLDER": str(self.folder),
            "DRIVERS_MYSQL": harness.mysql_client(),
            "DRIVERS_SCRIPTS": str(programs.HERE / "scripts"),
            "DRIVERS_COMPRESSION": "zlib" if self.compression else "",
        }

    def observe(self, command, program, where):
        self.start_anew()
        begun = time.monotonic()
        lines = run_program(command, self.environment(self.addresses[where], program))
        print(f"{where}: {time.monotonic() - begun:.1f} s", flush=True)
        output = programs.BUILD / f"{self.name} {where}.txt"
        output.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return lines

    def test_the_proxy_is_to_this_driver_what_the_server_is(self):
        program = programs.PROGRAMS[self.name]
        command = program.prepare(self.name.split("_")[0])
        expected = self.observe(command, program, "directly")
        self.assertEqual([], mishaps(expected), "at the server itself")
        different, unneeded = [], []
        for where in list(self.addresses)[1:]:
            actual = self.observe(command, program, where)
            known = [entry for entry in differences.DIFFERENCES if entry.concerns(self.name, where)]
            needed = set()
            different.append(difference(expected, actual, where, known, needed))
            unneeded += [f"{where}: {entry.why}" for entry in known if entry.always and entry not in needed]
        if any(different):
            self.fail("\n\n".join(["the driver can tell the proxy from the server", *filter(None, different)]))
        self.assertEqual([], unneeded, "these differences are no more; take them out of differences.py")
        print(f"{len(expected)} lines are the same {len(self.addresses)} times")


def main():
    names = " ".join(programs.PROGRAMS)
    if len(sys.argv) < 2 or sys.argv[1] not in programs.PROGRAMS:
        sys.exit(f"say which driver to try: {names}")
    Comparison.name = sys.argv.pop(1)
    programs.BUILD.mkdir(parents=True, exist_ok=True)
    result = unittest.main(exit=False, verbosity=2).result
    cluster = harness.shared_cluster()
    if not result.wasSuccessful() and cluster is not None:
        print(cluster.log_tails(), file=sys.stderr)
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
