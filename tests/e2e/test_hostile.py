#!/usr/bin/env python3
"""Clients that lie, babble, stall or vanish are answered or cut off alone: nobody else notices."""

import random
import socket
import struct
import threading
import time

import harness
import processes
import wire

SEED = 20240229
BOUND = 96 << 20
LOGIN_LIMIT = 10  # seconds, by default
VANISHING = "e2e_vanishing"  # the account of clients that vanish, so that theirs can be told from others


class Hostile(harness.ClusterTest):
    schema = "e2e_hostile"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.proxy = cls.cluster.proxy_pid()
        cls.memory = processes.resident_bytes(cls.proxy)
        root = cls.cluster.root(cls.cluster.primary())
        cls.addClassCleanup(root.close)
        root.run(f"CREATE USER IF NOT EXISTS {VANISHING} IDENTIFIED BY '{VANISHING}'")
        cls.addClassCleanup(root.run, f"DROP USER {VANISHING}")
        root.run(f"GRANT ALL ON {cls.schema}.* TO {VANISHING}")

    def setUp(self):
        """Somebody else's session, which works on without a pause."""
        self.bystander = self.cluster.connect(database=self.schema)
        self.addCleanup(harness.close_quietly, self.bystander)
        self.stop, self.complaints, self.slowest = threading.Event(), [], 0.0
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        number = 0
        while not self.stop.wait(0.02):
            number += 1
            started = time.monotonic()
            try:
                if self.bystander.value("SELECT %s", number) != number:
                    self.complaints.append("a wrong answer")
            except harness.pymysql.Error as error:
                self.complaints.append(error)
                return
            self.slowest = max(self.slowest, time.monotonic() - started)

    def tearDown(self):
        self.stop.set()
        self.thread.join(30)
        self.assertEqual([], self.complaints, "somebody else's session noticed")
        self.assertLess(self.slowest, 5)
        self.assertEqual(self.proxy, self.cluster.proxy_pid(), "the proxy is another process now")
        growth = processes.resident_bytes(self.proxy) - self.memory
        self.assertLess(growth, BOUND, "the proxy's memory has grown")

    def outcome(self, connection, seconds=20):
        """What the other side makes of it: "error N", "closed", "asks on" (for a log-in) or "answered"."""
        connection.socket.settimeout(seconds)
        try:
            payload = connection.receive(in_order=False)
        except (wire.Closed, ConnectionError):
            return "closed"
        if payload[:1] == b"\xff":
            return f"error {connection.error(payload).code}"
        return "asks on" if payload[:1] in (b"\x01", b"\xfe") else "answered"

    def greeted(self):
        connection = wire.Wire(self.cluster.address())
        self.addCleanup(connection.close)
        connection.read_greeting()
        connection.capabilities = wire.MODERN
        return connection

    def assert_refused(self, connection, *allowed):
        outcome = self.outcome(connection)
        self.assertTrue(outcome == "closed" or outcome.startswith("error") or outcome in allowed, outcome)

    # Before the log-in.

    def test_a_truncated_login_is_refused(self):
        user, password = self.cluster.account()
        for size in (1, 4, 31, 32, 33, 36, 40):
            connection = self.greeted()
            packet = connection.login_packet(user, password, None, connection.plugin)
            connection.send(packet[:size])
            self.assert_refused(connection)

    def test_a_login_whose_lengths_lie_is_refused(self):
        head = struct.pack("<IIB23x", wire.MODERN | wire.CONNECT_WITH_DB | wire.CONNECT_ATTRIBUTES, 1 << 30, 255)
        for tail in (
            b"app\0" + b"\xff" * 40,
            b"app\0" + b"\xfe" + b"\xff" * 8,
            b"app\0" + b"\xfd\xff\xff\xff" + b"x" * 100,
            b"a" * 5000,
            b"\0" * 5000,
        ):
            connection = self.greeted()
            connection.send(head + tail)
            self.assert_refused(connection, "asks on")

    def test_a_login_out_of_order_is_refused(self):
        user, password = self.cluster.account()
        for sequence in (0, 2, 7, 255):
            connection = self.greeted()
            connection.send(connection.login_packet(user, password, None, connection.plugin), sequence=sequence)
            self.assert_refused(connection)

    def test_an_oversized_login_is_cut_off_early(self):
        connection = self.greeted()
        sent = 0
        try:
            connection.send_raw(b"\xff\xff\xff\x01")
            while sent < 64 << 20:
                connection.send_raw(b"x" * (1 << 16))
                sent += 1 << 16
        except OSError:
            pass
        # The operating system buffers some megabytes on either side.
        self.assertLess(sent, 32 << 20, "the proxy went on reading a log-in of many megabytes")

    def test_commands_before_the_login_are_refused(self):
        for payload in (b"\x03SELECT 1", b"\x0e", b"\x01", b""):
            connection = self.greeted()
            connection.send(payload)
            self.assert_refused(connection)

    def test_garbage_instead_of_tls_is_refused(self):
        connection = self.greeted()
        connection.send(struct.pack("<IIB23x", wire.MODERN | wire.SSL, 1 << 30, 255))
        connection.send_raw(random.Random(SEED).randbytes(1000))
        self.assert_refused(connection, "answered")  # an alert of TLS is no packet

    def test_random_bytes_instead_of_a_login_are_refused(self):
        generator = random.Random(SEED)
        for _ in range(60):
            with socket.create_connection(self.cluster.address(), timeout=20) as connection:
                with harness.contextlib.suppress(OSError):
                    connection.sendall(generator.randbytes(generator.choice((1, 3, 4, 5, 40, 300, 5000))))

    # After the log-in.

    def test_random_commands_are_answered_or_end_the_connection(self):
        generator = random.Random(SEED + 1)
        connection = None
        for _ in range(250):
            if connection is None:
                connection = self.cluster.wire(database=self.schema, timeout=15)
            # Not those that rightly get no answer, nor LOAD DATA, nor those that end or kill sessions.
            number = generator.choice([n for n in range(256) if n not in (1, 8, 12, 18, 24, 25, 30)])
            body = generator.randbytes(generator.choice((0, 1, 4, 9, 10, 30, 200)))
            try:
                connection.command(number, body)
                connection.socket.settimeout(1.0)
                while True:
                    connection.receive()
                    connection.socket.settimeout(0.01)
            except (TimeoutError, socket.timeout):
                pass
            except (wire.Closed, OSError, ValueError):
                connection.close()
                connection = None
        if connection:
            connection.close()

    def test_truncated_commands_are_errors(self):
        for number, body in (
            (wire.COM_STMT_EXECUTE, b""), (wire.COM_STMT_EXECUTE, b"\1\0\0"), (wire.COM_STMT_FETCH, b"\1"),
            (wire.COM_STMT_RESET, b""), (wire.COM_CHANGE_USER, b"x"), (wire.COM_PROCESS_KILL, b""),
            (wire.COM_SET_OPTION, b""), (wire.COM_INIT_DB, b""), (wire.COM_FIELD_LIST, b"x"),
        ):
            with self.subTest(command=number):
                connection = self.cluster.wire(database=self.schema)
                self.addCleanup(connection.close)
                connection.command(number, body)
                self.assert_refused(connection)

    def test_an_execute_whose_parameters_lie_is_an_error(self):
        generator = random.Random(SEED + 2)
        connection, statement = None, None
        for _ in range(150):
            if connection is None:
                connection = self.cluster.wire(database=self.schema)
                statement = connection.prepare("SELECT ?, ?, ? FROM DUAL")
            body = bytearray(connection.execute_body(statement.number, ["text", 5, None]))
            for _ in range(generator.randrange(1, 4)):
                body[generator.randrange(9, len(body))] = generator.randrange(256)
            connection.command(wire.COM_STMT_EXECUTE, bytes(body[: generator.randrange(5, len(body) + 1)]))
            try:
                connection.socket.settimeout(20)
                connection.read_results(binary=True)
            except wire.ServerError:
                pass
            except (wire.Closed, OSError, ValueError):
                connection.close()
                connection = None
        if connection:
            connection.close()

    def test_a_command_out_of_order_is_refused(self):
        for sequence in (1, 9, 255):
            connection = self.cluster.wire(database=self.schema)
            self.addCleanup(connection.close)
            connection.send(b"\x03" + connection.query_body("SELECT 1"), sequence=sequence)
            self.assert_refused(connection)

    def test_a_continued_packet_out_of_order_is_refused(self):
        connection = self.cluster.wire(database=self.schema)
        self.addCleanup(connection.close)
        with harness.contextlib.suppress(OSError):
            connection.send_raw(b"\xff\xff\xff\x00\x03" + b" " * (wire.LARGEST_PACKET - 1))
            connection.send_raw(b"\x08\x00\x00\x07SELECT 1")
        self.assert_refused(connection)

    def test_a_packet_that_never_ends_keeps_memory_bounded(self):
        connection = self.cluster.wire(database=self.schema)
        self.addCleanup(connection.close)
        with harness.contextlib.suppress(OSError):
            for i in range(12):
                connection.send_raw(b"\xff\xff\xff" + bytes([i]) + b"\x03" + b"x" * (wire.LARGEST_PACKET - 1))
        growth = processes.resident_bytes(self.proxy) - self.memory
        self.assertLess(growth, BOUND)

    # Clients that vanish.

    def vanish(self, connection):
        """Without a farewell: the other side gets a reset."""
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def open_vanishing(self):
        return self.cluster.wire(user=VANISHING, password=VANISHING, database=self.schema)

    def work_left(self):
        """Transactions, locks and running statements; idle connections stay for the next client."""
        count = 0
        for node in self.cluster.api_status()["nodes"]:
            with self.cluster.root(node) as server:
                count += server.value(
                    "SELECT COUNT(*) FROM performance_schema.threads t"
                    " LEFT JOIN information_schema.innodb_trx x ON x.trx_mysql_thread_id = t.processlist_id"
                    " LEFT JOIN performance_schema.metadata_locks l ON l.owner_thread_id = t.thread_id"
                    " WHERE t.processlist_user = %s AND (t.processlist_command <> 'Sleep'"
                    " OR x.trx_id IS NOT NULL OR l.object_type IS NOT NULL)",
                    VANISHING,
                )
        return count

    def test_clients_that_vanish_leave_nothing_at_the_servers(self):
        rows = (
            "WITH RECURSIVE c AS (SELECT 1 n UNION ALL SELECT n + 1 FROM c WHERE n < 900)"
            " SELECT REPEAT('x', 100000) FROM c"
        )
        for i in range(12):
            connection = self.open_vanishing()
            if i % 3 == 0:
                connection.query("BEGIN")
                connection.query("SELECT GET_LOCK('vanished', 5)")
            elif i % 3 == 1:
                connection.command(wire.COM_QUERY, connection.query_body(rows))
                connection.receive()
            else:
                connection.send_raw(b"\x50\x00\x00\x00\x03\x00\x01SELECT")
            self.vanish(connection)
        harness.wait_until("no session is left of them", lambda: self.work_left() == 0, 30)
        with self.cluster.connect() as other:
            self.assertEqual(1, other.value("SELECT GET_LOCK('vanished', 10)"))

    def test_a_client_that_vanishes_while_its_statement_runs_is_noticed(self):
        """The statement itself runs on, as it does when a client of mysqld goes away."""
        before = self.cluster.metric("dorsal_proxy_sessions")
        for sql in ("SELECT SLEEP(20)", "/* dorsal: primary */ SELECT SLEEP(20)"):
            connection = self.open_vanishing()
            connection.command(wire.COM_QUERY, connection.query_body(sql))
            time.sleep(0.2)
            self.vanish(connection)
        harness.wait_until(
            "the proxy has given them up",
            lambda: self.cluster.metric("dorsal_proxy_sessions") == before,
            10,
        )

    def test_thousands_of_short_connections_leave_nothing(self):
        before = len(processes.open_files(self.proxy))
        failures = []
        user, password = self.cluster.account()

        def come_and_go(how):
            for i in range(250):
                try:
                    connection = wire.Wire(self.cluster.address())
                    if how == "log in":
                        connection.login(user, password)
                        connection.ping()
                        connection.quit()
                    elif how == "greeting":
                        connection.read_greeting()
                        connection.close()
                    else:
                        self.vanish(connection)
                except (OSError, wire.Closed, wire.ServerError) as error:
                    failures.append((how, i, error))

        threads = [
            threading.Thread(target=come_and_go, args=[how])
            for how in ("log in", "log in", "greeting", "greeting", "at once", "at once", "at once", "at once")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)
        harness.wait_until(
            "the proxy has closed them all",
            lambda: len(processes.open_files(self.proxy)) < before + 20, 30,
        )

    def test_who_does_not_finish_the_login_in_time_is_cut_off(self):
        user, password = self.cluster.account()
        silent, half_a_header, half_a_packet, in_tls, half_way = (self.greeted() for _ in range(5))
        half_a_header.send_raw(b"\x20\x00")
        half_a_packet.send_raw(b"\x20\x00\x00\x01" + bytes(20))
        in_tls.send(struct.pack("<IIB23x", wire.MODERN | wire.SSL, 1 << 30, 255))
        half_way.send(half_way.login_packet(user, password[:-1] + "?", None, "another_plugin"))
        started = time.monotonic()
        for connection in (silent, half_a_header, half_a_packet, in_tls, half_way):
            self.assertTrue(self.is_closed_within(connection, LOGIN_LIMIT + 5 + started - time.monotonic()))

    @staticmethod
    def is_closed_within(connection, seconds):
        """Whatever it still says before."""
        connection.socket.settimeout(max(seconds, 0.1))
        try:
            while connection.socket.recv(1000):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True


if __name__ == "__main__":
    harness.main()
