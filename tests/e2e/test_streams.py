#!/usr/bin/env python3
"""Data of any size passes through the proxy, in both directions, in bounded memory."""

import hashlib
import random
import threading

import pymysql

import harness
import processes
import wire

MEBIBYTE = 1 << 20
# What the proxy's memory may grow by, whatever passes through it.
BOUND = 64 * MEBIBYTE

NUMBERS = "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < {})"


class Streams(harness.ClusterTest):
    schema = "e2e_streams"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.cluster.connect("primary", database=cls.schema) as primary:
            primary.run("CREATE TABLE big (id INT PRIMARY KEY, data LONGBLOB)")

    def setUp(self):
        self.proxy = self.cluster.proxy_pid()
        self.before = processes.resident_bytes(self.proxy)

    def growth(self):
        return processes.resident_bytes(self.proxy) - self.before

    def test_random_bytes_come_back_as_they_went(self):
        generator = random.Random(1)
        session = self.connect(database=self.schema)
        for size in (0, 1, 250, 251, 65535, 65536, 1_000_003):
            data = generator.randbytes(size)
            session.run("REPLACE INTO big VALUES (1, %s)", data)
            self.assertEqual(data, session.value("SELECT data FROM big WHERE id = 1"), f"{size} bytes")

    def test_values_around_the_largest_packet_pass_both_ways(self):
        session = self.wire(database=self.schema)
        statement = session.prepare("SELECT LENGTH(?), ? FROM big RIGHT JOIN (SELECT 1 AS one) o ON id < 0")
        largest = wire.LARGEST_PACKET
        for size in (largest - 40, largest - 1, largest, largest + 1, 20 * MEBIBYTE):
            data = (b"%08d" % size) * (size // 8) + b"x" * (size % 8)
            session.send_long_data(statement, 1, data)
            (row,) = session.execute(statement, ["", wire.LongData()]).rows
            self.assertEqual(hashlib.md5(data).digest(), hashlib.md5(row[1]).digest(), f"{size} bytes")
            session.reset_statement(statement)

    def test_statements_longer_than_a_packet_are_read_and_written(self):
        session = self.connect(database=self.schema, max_allowed_packet=64 * MEBIBYTE)
        for size in (wire.LARGEST_PACKET - 100, 17 * MEBIBYTE, 33 * MEBIBYTE):
            session.run(f"REPLACE INTO big VALUES (2, '{'y' * size}')")
            self.assertEqual(size, session.value("SELECT LENGTH(data) FROM big WHERE id = 2"))
        self.assertEqual(33 * MEBIBYTE, len(session.value("SELECT data FROM big WHERE id = 2")))

    def test_a_query_whose_packets_end_exactly_at_the_limit_is_whole(self):
        session = self.wire(database=self.schema)
        for total in (wire.LARGEST_PACKET, 2 * wire.LARGEST_PACKET, 2 * wire.LARGEST_PACKET + 1):
            head = b"SELECT LENGTH('"
            body = session.query_body(b"")
            filling = total - 1 - len(body) - len(head) - 2
            self.assertEqual(str(filling), session.value(head + b"z" * filling + b"')"))

    def test_more_than_the_server_allows_is_the_servers_error(self):
        session = self.wire(database=self.schema)
        with self.assertRaises((wire.ServerError, wire.Closed, OSError)) as caught:
            session.query(b"SELECT '" + b"x" * (66 * MEBIBYTE) + b"'")
        if isinstance(caught.exception, wire.ServerError):
            self.assertEqual(1153, caught.exception.code)
        self.assertEqual("1", self.wire().value("SELECT 1"))

    def test_hundreds_of_megabytes_stream_in_bounded_memory(self):
        session = self.connect(database=self.schema, cursorclass=pymysql.cursors.SSCursor)
        rows, peak = 0, 0
        with session.cursor() as cursor:
            cursor.execute(NUMBERS.format(400) + " SELECT n, REPEAT('x', 1000000) FROM c")
            for number, data in cursor:
                rows += 1
                self.assertEqual((rows, 1_000_000), (number, len(data)))
                peak = max(peak, self.growth())
        self.assertEqual(400, rows)
        print(f"the proxy grew by {peak / MEBIBYTE:.1f} MiB for 400 MB in rows of 1 MB")
        self.assertLess(peak, BOUND)

    def test_a_million_small_rows_stream_in_bounded_memory(self):
        session = self.wire(database=self.schema)
        session.query("SET cte_max_recursion_depth = 1000000")
        session.command(wire.COM_QUERY, session.query_body(NUMBERS.format(300_000) + " SELECT n, 'some text' FROM c"))
        result = session.read_result()
        self.assertEqual((300_000, [b"300000", b"some text"]), (len(result.rows), result.rows[-1]))
        self.assertLess(self.growth(), BOUND)

    def test_a_client_that_does_not_read_holds_up_only_itself(self):
        lazy = self.wire(database=self.schema)
        lazy.command(wire.COM_QUERY, lazy.query_body(NUMBERS.format(300) + " SELECT n, REPEAT('x', 1000000) FROM c"))
        other = self.connect(database=self.schema)
        harness.stays("another session is served, in bounded memory", lambda: (
            other.value("SELECT COUNT(*) FROM big WHERE id < 0") == 0 and self.growth() < BOUND
        ), 1.5)
        self.assertEqual(300, len(lazy.read_result().rows))

    def test_large_rows_for_many_at_once_stay_in_bounds(self):
        failures = []

        def read_all():
            try:
                with self.cluster.connect(database=self.schema, cursorclass=pymysql.cursors.SSCursor) as session:
                    with session.cursor() as cursor:
                        cursor.execute(NUMBERS.format(40) + " SELECT REPEAT('x', 1000000) FROM c")
                        if sum(len(data) for (data,) in cursor) != 40_000_000:
                            failures.append("some data is missing")
            except (pymysql.Error, OSError) as error:
                failures.append(error)

        threads = [threading.Thread(target=read_all) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)
        self.assertLess(self.growth(), BOUND)


if __name__ == "__main__":
    harness.main()
