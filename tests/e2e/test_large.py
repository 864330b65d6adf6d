#!/usr/bin/env python3
"""Results and values of gigabytes pass through the proxy while its memory grows by less than BOUND.

$DORSAL_E2E_LARGE_MIB is the size of a value; a result is at least twice as long. The memory is that of a proxy that
only this test uses, and its peak is taken, not what is left afterwards.
"""

import itertools
import os
import random
import signal
import struct
import threading
import time

import harness
import processes
import wire

MEBIBYTE = 1 << 20
SIZE = int(os.environ.get("DORSAL_E2E_LARGE_MIB") or 80) * MEBIBYTE
RESULT = max(2 * SIZE, 512 * MEBIBYTE)
BOUND = 32 * MEBIBYTE
ALLOWED = 1 << 30  # max_allowed_packet, its largest value
LARGEST_COMMAND = ALLOWED - MEBIBYTE  # the server also counts what it needs for itself
SERVER_PATIENCE = 1.5  # seconds that a server may stop without being taken for dead

USER = "e2e_large"
NUMBERS = "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < {})"

# Of odd length, so that no loss of whole packets, pages or buffers goes unnoticed.
BLOCK = random.Random(1).randbytes(2003).hex().encode() + b"/"
PATTERN = BLOCK * (wire.LARGEST_PIECE // len(BLOCK) + 2)


def pattern(size):
    """So many bytes, in pieces."""
    piece = PATTERN[: len(PATTERN) // len(BLOCK) * len(BLOCK)]
    for _ in range(size // len(piece)):
        yield piece
    yield piece[: size % len(piece)]


def check_pattern(pieces):
    """The number of bytes, all of which must be those of pattern()."""
    size = 0
    for piece in pieces:
        if not PATTERN.startswith(piece, size % len(BLOCK)):
            raise AssertionError(f"other bytes than were sent, within {len(piece)} bytes from byte {size}")
        size += len(piece)
    return size


def read_value(session, binary):
    """Reads a row of one column: how many bytes its value has, all of them pattern()'s. None after the last row."""
    pieces = session.receive_pieces()
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) >= 11:
            break
    if session.is_end(bytes(buffer)) and len(buffer) < 1000:
        return None
    if buffer[:1] == b"\xff":
        raise session.error(bytes(buffer))
    reader = wire.Reader(bytes(buffer))
    if binary:
        reader.take(2)
    announced = reader.lenenc()
    found = check_pattern(itertools.chain([reader.rest()], pieces))
    if found != announced:
        raise AssertionError(f"{found} bytes instead of {announced}")
    return found


class LargeTest(harness.ClusterTest):
    """What both classes of tests need: servers that allow large packets, and an account without pooled connections."""

    schema = "e2e_large"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for node in cls.cluster.api_status()["nodes"]:
            root = cls.cluster.root(node)
            cls.addClassCleanup(root.close)
            allowed = root.value("SELECT @@global.max_allowed_packet")
            root.run(f"SET GLOBAL max_allowed_packet = {ALLOWED}")
            cls.addClassCleanup(root.run, f"SET GLOBAL max_allowed_packet = {allowed}")
            if node["role"] == "primary":
                cls.prepare_primary(root)
        harness.wait_for_replicas(cls.cluster)

    @classmethod
    def prepare_primary(cls, root):
        root.run(f"DROP USER IF EXISTS {USER}")
        root.run(f"CREATE USER {USER} IDENTIFIED BY '{USER}'")
        cls.addClassCleanup(root.run, f"DROP USER {USER}")
        root.run(f"GRANT ALL ON {cls.schema}.* TO {USER}")

    def open(self, proxy, **options):
        session = proxy.wire(user=USER, password=USER, database=self.schema, timeout=300, **options)
        self.addCleanup(session.close)
        return session

    @staticmethod
    def start(session, sql, prepared):
        if prepared:
            body = session.execute_body(session.prepare(sql).number)
            session.command(wire.COM_STMT_EXECUTE, body)
        else:
            session.command(wire.COM_QUERY, session.query_body(sql))
        LargeTest.skip_columns(session)

    @staticmethod
    def skip_columns(session):
        """Up to the first row of a result of one column."""
        session.receive_checked()
        session.receive_checked()

    def ask_for_result(self, session, size, prepared):
        """A result of rows of 1 MiB; how many."""
        rows = size // MEBIBYTE
        session.query(f"SET SESSION cte_max_recursion_depth = {rows}")
        value = f"LEFT(REPEAT('{BLOCK.decode()}', {MEBIBYTE // len(BLOCK) + 1}), {MEBIBYTE})"
        sql = f"{NUMBERS.format(rows)} SELECT {value} FROM c"
        self.start(session, sql, prepared)
        return rows

    def read_rows(self, session, rows, prepared):
        for _ in range(rows):
            self.assertEqual(MEBIBYTE, read_value(session, prepared))
        self.assertIsNone(read_value(session, prepared))

    @staticmethod
    def send_value(session, command, head, size, tail=b""):
        """A command with a value in it."""
        if session.compression:
            session.socket.restart()
        session.sequence = 0
        pieces = itertools.chain([bytes([command]), head], pattern(size), [tail])
        session.send_pieces(pieces, 1 + len(head) + size + len(tail))


class Large(LargeTest):
    def through_a_proxy(self, passes, whole=SIZE, **keys):
        """`passes` is called with a proxy and a size, once to warm it up and then for its memory."""
        with self.cluster.another_proxy(**keys) as proxy:
            passes(proxy, 20 * MEBIBYTE)
            peak = processes.Peak(proxy.proxy_pid())
            started = time.monotonic()
            passes(proxy, whole)
            print(
                f"{whole // MEBIBYTE} MiB in {time.monotonic() - started:.1f} s:"
                f" the proxy grew by {peak.growth() / MEBIBYTE:.1f} MiB"
            )
            self.assertLess(peak.growth(), BOUND)

    def read_result(self, session, size, prepared):
        rows = self.ask_for_result(session, size, prepared)
        self.read_rows(session, rows, prepared)

    def test_a_long_result(self):
        self.through_a_proxy(lambda proxy, size: self.read_result(self.open(proxy), size, prepared=False), RESULT)

    def test_a_long_result_of_a_prepared_statement_over_tls(self):
        self.through_a_proxy(
            lambda proxy, size: self.read_result(self.open(proxy, tls=True), size, prepared=True), RESULT
        )

    def test_a_long_result_compressed_on_both_sides(self):
        self.through_a_proxy(
            lambda proxy, size: self.read_result(self.open(proxy, compression="zstd"), size, prepared=False),
            RESULT, server_compression="zstd",
        )

    def read_only_value(self, session, size, binary):
        self.assertEqual(size, read_value(session, binary))
        self.assertIsNone(read_value(session, binary))

    def insert_and_read(self, session, size):
        session.query("CREATE TEMPORARY TABLE large (data LONGBLOB NOT NULL)")
        head = session.query_body(b"INSERT INTO large VALUES (_binary'")
        size = min(size, LARGEST_COMMAND)
        self.send_value(session, wire.COM_QUERY, head, size, b"')")
        session.read_result()
        self.start(session, "SELECT data FROM large", prepared=False)
        self.read_only_value(session, size, binary=False)
        session.query("DROP TEMPORARY TABLE large")

    def echo_parameter(self, session, size):
        statement = session.prepare("SELECT ?")
        head = session.execute_body(statement.number, [b""])[:-1]
        size = min(size, LARGEST_COMMAND)
        self.send_value(session, wire.COM_STMT_EXECUTE, head + b"\xfe" + struct.pack("<Q", size), size)
        self.skip_columns(session)
        self.read_only_value(session, size, binary=True)

    def echo_long_data(self, session, size):
        """In commands of several packets."""
        statement = session.prepare("SELECT ?")
        head = struct.pack("<IH", statement.number, 0)
        most = len(BLOCK) * (40 * MEBIBYTE // len(BLOCK))
        for sent in range(0, size, most):
            self.send_value(session, wire.COM_STMT_SEND_LONG_DATA, head, min(most, size - sent))
        session.command(wire.COM_STMT_EXECUTE, session.execute_body(statement.number, [wire.LongData()]))
        self.skip_columns(session)
        self.read_only_value(session, size, binary=True)

    def test_a_long_value_in_a_statement(self):
        self.through_a_proxy(lambda proxy, size: self.insert_and_read(self.open(proxy), size))

    def test_a_long_value_as_a_parameter_over_tls(self):
        self.through_a_proxy(lambda proxy, size: self.echo_parameter(self.open(proxy, tls=True), size))

    def test_a_long_value_as_long_data_compressed_on_both_sides(self):
        self.through_a_proxy(
            lambda proxy, size: self.echo_long_data(self.open(proxy, compression="zstd"), size),
            server_compression="zstd",
        )


class BackPressure(LargeTest):
    """Who does not read is not read for: the data stays where it comes from, and others are served."""

    def setUp(self):
        self.proxy = self.enterContext(self.cluster.another_proxy())
        self.other = self.open(self.proxy)
        # At `global` it would ask the primary, which stops, since there are two proxies.
        self.other.query("SET @@dorsal_consistency = 'session'")
        self.assertEqual("1", self.other.value("SELECT 1"))
        self.peak = processes.Peak(self.proxy.proxy_pid())

    def others_are_served(self):
        return self.other.value("SELECT 1") == "1" and self.peak.growth() < BOUND

    def check_lazy_client(self, prepared, **options):
        lazy = self.open(self.proxy, **options)
        rows = self.ask_for_result(lazy, RESULT, prepared)
        harness.stays("others are served, in bounded memory", self.others_are_served, SERVER_PATIENCE)
        self.read_rows(lazy, rows, prepared)
        self.assertLess(self.peak.growth(), BOUND)

    def test_a_client_that_does_not_read(self):
        self.check_lazy_client(prepared=False)

    def test_a_client_that_does_not_read_over_tls(self):
        self.check_lazy_client(prepared=True, tls=True)

    def test_many_clients_that_do_not_read(self):
        """Each has what fits into buffers that the bound leaves room for."""
        lazy = [self.open(self.proxy, tls=i % 2 == 1) for i in range(16)]
        rows = [self.ask_for_result(session, 40 * MEBIBYTE, prepared=False) for session in lazy]
        harness.stays("others are served, in bounded memory", self.others_are_served, SERVER_PATIENCE)
        for session, count in zip(lazy, rows):
            self.read_rows(session, count, prepared=False)
        self.assertLess(self.peak.growth(), BOUND)

    def check_lazy_server(self, prepare, **options):
        """The primary stops before it is sent anything by what `prepare` gives."""
        node = self.cluster.primary()
        session = self.open(self.proxy, endpoint="primary", **options)
        session.query("DO 0")
        send = prepare(session)
        sent = threading.Event()
        os.kill(node["pid"], signal.SIGSTOP)
        try:
            thread = threading.Thread(target=lambda: (send(), sent.set()))
            thread.start()
            harness.stays("others are served, in bounded memory", self.others_are_served, SERVER_PATIENCE)
            self.assertFalse(sent.is_set(), "everything has been taken from the client")
        finally:
            os.kill(node["pid"], signal.SIGCONT)
        thread.join(120)
        self.assertTrue(sent.is_set(), "the client cannot send the rest")
        self.assertLess(self.peak.growth(), BOUND)

    def test_a_server_that_does_not_read_a_statement(self):
        def prepare(session):
            head = session.query_body(b"SELECT LENGTH(_binary'")

            def send():
                self.send_value(session, wire.COM_QUERY, head, 2 * BOUND, b"')")
                self.assertEqual([[str(2 * BOUND).encode()]], session.read_result().rows)

            return send

        self.check_lazy_server(prepare)

    def test_a_server_that_does_not_read_a_parameter_over_tls(self):
        def prepare(session):
            statement = session.prepare("SELECT LENGTH(?)")
            head = struct.pack("<IH", statement.number, 0)

            def send():
                self.send_value(session, wire.COM_STMT_SEND_LONG_DATA, head, 2 * BOUND)
                self.assertEqual([[2 * BOUND]], session.execute(statement, [wire.LongData()]).rows)

            return send

        self.check_lazy_server(prepare, tls=True)


if __name__ == "__main__":
    harness.main()
