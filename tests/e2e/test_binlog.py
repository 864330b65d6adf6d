#!/usr/bin/env python3
"""Tools that capture changes read a server's binary log through the proxy, as replicas do."""

import struct
import subprocess
from pathlib import Path

import harness
import wire

NON_BLOCK = 1
WRITE_ROWS_EVENT, HEARTBEAT_EVENT = 30, 27


class Binlog(harness.ClusterTest):
    schema = "e2e_binlog"
    user, password = "e2e_capture", "capture"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.cluster.root(cls.cluster.primary()) as root:
            root.run(f"DROP USER IF EXISTS {cls.user}")
            root.run(f"CREATE USER {cls.user} IDENTIFIED BY '{cls.password}'")
            root.run(f"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {cls.user}")
            root.run(f"GRANT SELECT ON {cls.schema}.* TO {cls.user}")
            root.run(f"CREATE TABLE {cls.schema}.t (id INT PRIMARY KEY, data LONGBLOB)")
            cls.addClassCleanup(cls.drop_user)
        harness.wait_for_replicas(cls.cluster)

    @classmethod
    def drop_user(cls):
        with cls.cluster.root(cls.cluster.primary()) as root:
            root.run(f"DROP USER IF EXISTS {cls.user}")

    def open(self, endpoint="primary", **options):
        session = self.cluster.wire(endpoint, self.user, self.password, **options)
        self.addCleanup(session.close)
        return session

    def position(self, session):
        (row,) = session.query("SHOW BINARY LOG STATUS").rows
        return row[0].decode(), int(row[1])

    def register(self, session, server_id):
        body = struct.pack("<I", server_id) + b"\0\0\0" + struct.pack("<HII", 0, 0, 0)
        session.simple(wire.COM_REGISTER_SLAVE, body)

    def dump(self, session, file, position, flags=0, server_id=4711):
        session.query("SET @source_binlog_checksum = @@GLOBAL.binlog_checksum, @source_heartbeat_period = 50000000")
        self.register(session, server_id)
        session.command(wire.COM_BINLOG_DUMP, struct.pack("<IHI", position, flags, server_id) + file.encode())

    def events(self, session):
        """The types of the events, and their bytes, until the dump ends."""
        while True:
            payload = session.receive_checked()
            if payload[:1] == b"\xfe" and len(payload) < 9:
                return
            assert payload[:1] == b"\0", payload[:20]
            yield payload[5], payload

    def test_mysqlbinlog_prints_what_it_prints_without_a_proxy(self):
        session = self.open()
        file, start = self.position(session)
        with self.cluster.connect("primary", database=self.schema) as writer:
            for key in range(1, 50):
                writer.run(f"REPLACE INTO t VALUES ({key}, REPEAT('capture me', {key}))")
        _, stop = self.position(session)
        program = Path(harness.mysql_client()).with_name("mysqlbinlog")

        def output(address, *options):
            command = [
                program, "--no-defaults", "--read-from-remote-server", f"--host={address[0]}", f"--port={address[1]}",
                f"--user={self.user}", f"--password={self.password}", "--get-server-public-key", "--verbose",
                f"--start-position={start}", f"--stop-position={stop}", *options, file,
            ]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)
            self.assertEqual(0, done.returncode, done.stderr)
            return done.stdout

        expected = output(self.cluster.direct_address(self.cluster.primary()))
        self.assertEqual(49, expected.count(b"### INSERT INTO `e2e_binlog`.`t`"))
        for options in ((), ("--ssl-mode=DISABLED",), ("--compression-algorithms=zstd",)):
            self.assertTrue(expected == output(self.cluster.address("primary"), *options), f"it differs with {options}")

    def test_events_come_as_they_are_written(self):
        session = self.open()
        self.dump(session, *self.position(session))
        events = self.events(session)
        for key in range(100, 105):
            with self.cluster.connect("primary", database=self.schema) as writer:
                writer.run("INSERT INTO t VALUES (%s, %s)", key, "x" * 100)
            kind, payload = next((kind, payload) for kind, payload in events if kind == WRITE_ROWS_EVENT)
            self.assertIn(b"x" * 100, payload)

    def test_silence_is_filled_with_heartbeats_and_ends_with_the_client(self):
        session = self.open()
        self.dump(session, *self.position(session), server_id=4712)
        kinds = (kind for kind, _ in self.events(session))
        self.assertIn(HEARTBEAT_EVENT, [next(kinds) for _ in range(20)])

        def dumps():
            with self.cluster.root(self.cluster.primary()) as root:
                return root.value(
                    "SELECT COUNT(*) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%%' AND user = %s",
                    self.user,
                )

        self.assertGreater(dumps(), 0)
        session.close()
        harness.wait_until("the server's dump has ended", lambda: dumps() == 0)

    def test_a_dump_that_does_not_wait_ends_and_so_does_the_session(self):
        session = self.open()
        start = self.position(session)
        with self.cluster.connect("primary", database=self.schema) as writer:
            writer.run("INSERT INTO t VALUES (200, REPEAT('y', 20 * 1024 * 1024))")
        self.dump(session, *start, flags=NON_BLOCK)
        kinds = [(kind, len(payload)) for kind, payload in self.events(session)]
        self.assertTrue(any(kind == WRITE_ROWS_EVENT and size > 20 * 1024 * 1024 for kind, size in kinds), kinds)
        self.assertRaises(wire.Closed, session.receive)

    def test_a_replica_serves_the_sessions_of_its_port(self):
        session = self.open("replicas")
        file, position = self.position(session)
        with self.cluster.connect("primary", database=self.schema) as writer:
            writer.run("INSERT INTO t VALUES (300, 'from a replica')")
        self.dump(session, file, position, server_id=4713)
        payload = next(payload for kind, payload in self.events(session) if kind == WRITE_ROWS_EVENT)
        self.assertIn(b"from a replica", payload)

    def test_refusals_are_the_servers(self):
        session = self.open()
        self.dump(session, "no-such-file.000001", 4)
        with self.assertRaises(wire.ServerError) as caught:
            list(self.events(session))
        self.assertEqual(1236, caught.exception.code)
        self.assertRaises(wire.Closed, session.receive)
        with self.cluster.wire("primary") as other:
            with self.assertRaises(wire.ServerError) as caught:
                self.register(other, 4714)
            self.assertEqual(1045, caught.exception.code)
            with self.assertRaises(wire.ServerError) as caught:
                other.simple(wire.COM_BINLOG_DUMP, struct.pack("<IHI", 4, 0, 4715))
            self.assertEqual((1227, "1"), (caught.exception.code, other.value("SELECT 1")))


if __name__ == "__main__":
    harness.main()
