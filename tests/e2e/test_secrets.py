#!/usr/bin/env python3
"""Passwords stay where they belong: in no log, and in no memory that a core dump would show."""

import re
import secrets
from pathlib import Path

import harness
import wire


def dumped_memory(pid):
    """The contents of all memory of that process that a core dump may show."""
    mappings = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8"))
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for mapping in mappings:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", mapping)
            flags = re.search(r"^VmFlags:(.*)$", mapping, re.M)
            # Memory of which nothing is resident holds nothing; the sanitizers reserve terabytes of it.
            resident = re.search(r"^Rss:\s+(\d+) kB", mapping, re.M)
            if not head or not flags or "dd" in flags.group(1).split() or not int(resident.group(1)):
                continue
            yield from resident_pages(pid, memory, int(head.group(1), 16), int(head.group(2), 16))


def resident_pages(pid, memory, start, end):
    """Pieces of a mapping, each of pages that lie side by side in memory."""
    page, step = 4096, 1 << 16  # pages looked at in one go
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as map_file:
        for first in range(start // page, end // page, step):
            count = min(step, end // page - first)
            map_file.seek(first * 8)
            entries = map_file.read(count * 8)
            run = 0
            for index in range(len(entries) // 8 + 1):
                present = index < len(entries) // 8 and entries[index * 8 + 7] & 0xC0
                if present:
                    run += 1
                elif run:
                    memory.seek((first + index - run) * page)
                    yield memory.read(run * page)
                    run = 0


class Secrets(harness.ClusterTest):
    schema = "e2e_secrets"

    def setUp(self):
        super().setUp()
        self.user = "s" + secrets.token_hex(6)
        self.admin = self.root(self.cluster.primary())
        self.addCleanup(self.admin.run, "DROP USER IF EXISTS %s", self.user)

    def log_in_every_way(self, password):
        for options in ({"tls": True}, {"tls": False}, {"tls": True}, {"tls": False}):
            for node in self.cluster.api_status()["nodes"]:
                with self.cluster.root(node) as server:
                    server.run("FLUSH LOCAL PRIVILEGES")
            with self.assertRaises(wire.ServerError):
                self.cluster.wire(user=self.user, password="not " + password, **options)
            session = self.wire(user=self.user, password=password, **options)
            session.query("SELECT 1")
            session.change_user(self.user, password)
            session.query("SELECT 1")
            self.admin.run("ALTER USER %s IDENTIFIED BY %s", self.user, password)
            harness.wait_for_replicas(self.cluster)

    def found_in_memory(self, text):
        return sum(piece.count(text.encode()) for piece in dumped_memory(self.cluster.proxy_pid()))

    def test_the_search_finds_what_is_there(self):
        text = secrets.token_hex(20)
        session = self.wire()
        session.query(f"SET @a = '{text}'")
        self.assertGreater(self.found_in_memory(text), 0)

    def test_passwords_are_in_no_memory_that_is_dumped(self):
        password = secrets.token_hex(20)
        self.admin.run("CREATE USER %s IDENTIFIED BY %s", self.user, password)
        self.log_in_every_way(password)
        self.assertEqual(0, self.found_in_memory(password))
        self.assertEqual(0, self.found_in_memory(self.cluster.secret("monitor")))

    def test_passwords_are_in_no_log(self):
        password = secrets.token_hex(20)
        self.admin.run("CREATE USER %s IDENTIFIED BY %s", self.user, password)
        self.log_in_every_way(password)
        for log in (self.cluster.dir / "log").iterdir():
            self.assertNotIn(password, log.read_text(encoding="utf-8", errors="replace"), log)


if __name__ == "__main__":
    harness.main()
