#!/usr/bin/env python3
"""The compressed protocol on both sides of the proxy: what passes, how frames are numbered, and what happens to wrong ones.

The classes differ in how the proxy's connections to the servers are compressed; each tries clients that compress with
zlib, with zstd, and not at all. What a client of the proxy gets is compared with what a server gives one directly.
"""

import functools
import hashlib
import random
import socket
import struct
import threading

import compressed
import harness
import processes
import wire

MEBIBYTE = 1 << 20
BOUND = 96 * MEBIBYTE
CAPABILITIES = wire.MODERN | wire.MULTI_STATEMENTS | wire.LOCAL_FILES
NUMBERS = "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < {})"

STATEMENTS = (
    "SELECT 1",
    "SELECT NULL, '', 'text', 1.5, REPEAT('compressible ', 10000)",
    "SELECT REPEAT('x', 49), REPEAT('x', 50), REPEAT('x', 51)",
    NUMBERS.format(3000) + " SELECT n, MD5(n), REPEAT('y', n % 100) FROM c ORDER BY n",
    NUMBERS.format(300) + " SELECT n, REPEAT(MD5(n), 1000) FROM c ORDER BY n",
    "SELECT 1; SELECT 'two', 2; DO 0; SELECT REPEAT('z', 70000); SELECT 5",
    "INSERT INTO t VALUES (1, REPEAT('a', 200000)), (2, NULL)",
    "UPDATE t SET data = '' WHERE id < 3; SELECT ROW_COUNT(), id, data FROM t ORDER BY id",
    "SELECT * FROM no_such_table",
    "SELECT 1; SELECT * FROM no_such_table; SELECT 3",
    "SELEKT",
    "DELETE FROM t",
)


def packet(payload):
    """A command."""
    return struct.pack("<I", len(payload))[:3] + b"\0" + payload


def each_client(test):
    """Runs the test once for each of the class's clients."""

    @functools.wraps(test)
    def run(self):
        for compression in self.clients:
            with self.subTest(client=compression):
                test(self, compression)

    return run


class Compression:
    """The tests; a class below says through which proxy and with which clients."""

    schema = "e2e_compression"
    settings = {}
    clients = ("zlib", "zstd")
    on_servers = ""  # what the servers say that their connections use

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        root = cls.cluster.root(cls.cluster.primary())
        cls.addClassCleanup(root.close)
        before = root.value("SELECT @@global.local_infile")
        root.run("SET GLOBAL local_infile = 1")
        cls.addClassCleanup(root.run, f"SET GLOBAL local_infile = {before}")
        root.run(f"CREATE TABLE {cls.schema}.t (id INT PRIMARY KEY, data LONGBLOB)")
        cls.proxy = cls.cluster
        if cls.settings:
            cls.proxy = cls.enterClassContext(cls.cluster.another_proxy(**cls.settings))
        cls.memory = processes.resident_bytes(cls.proxy.proxy_pid())

    def open(self, compression, endpoint="primary", **options):
        options = {"database": self.schema, "capabilities": CAPABILITIES, **options}
        session = self.proxy.wire(endpoint, compression=compression, **options)
        self.addCleanup(session.close)
        self.assertEqual(compression, session.compression)
        return session

    def open_directly(self, compression):
        """The same without a proxy. A server numbers the packets in its frames by frames."""
        user, password = self.cluster.account()
        address = self.cluster.direct_address(self.cluster.primary())
        session = wire.Wire(address)
        self.addCleanup(session.close)
        session.login(user, password, database=self.schema, capabilities=CAPABILITIES, compression=compression)
        session.checks_numbers = not compression
        return session

    def growth(self):
        return processes.resident_bytes(self.proxy.proxy_pid()) - self.memory

    def run_all(self, session, sql):
        """Rows and ends of all results, up to an error."""
        seen = []
        session.command(wire.COM_QUERY, session.query_body(sql))
        try:
            while True:
                result = session.read_result()
                seen.append((
                    [column.name for column in result.columns], result.rows, result.end.affected,
                    result.end.warnings, result.end.info,
                ))
                if not result.end.status & wire.MORE_RESULTS:
                    return seen
        except wire.ServerError as error:
            return [*seen, str(error)]

    @each_client
    def test_every_result_is_that_of_a_direct_connection(self, compression):
        direct = self.open_directly(compression)
        expected = [self.run_all(direct, sql) for sql in STATEMENTS]
        session = self.open(compression)
        for sql, result in zip(STATEMENTS, expected):
            self.assertEqual(result, self.run_all(session, sql), sql[:80])

    @each_client
    def test_the_servers_say_how_their_connections_are_compressed(self, compression):
        status = dict(self.open(compression).query("SHOW STATUS LIKE 'Compression%'").rows)
        self.assertEqual(self.on_servers.encode(), status[b"Compression_algorithm"])
        self.assertEqual(b"ON" if self.on_servers else b"OFF", status[b"Compression"])

    @each_client
    def test_large_values_pass_both_ways(self, compression):
        generator = random.Random(1)
        largest = wire.LARGEST_PACKET
        session = self.open(compression)
        statement = session.prepare("SELECT LENGTH(?), ?")
        for size in (0, 1, 49, 50, 65535, 65536, MEBIBYTE, largest + 1):
            half = generator.randbytes(size // 2)
            data = half + b"compressible" * ((size - len(half)) // 12) + b"x" * ((size - len(half)) % 12)
            session.send_long_data(statement, 1, data)
            (row,) = session.execute(statement, ["", wire.LongData()]).rows
            self.assertEqual(hashlib.md5(data).digest(), hashlib.md5(row[1]).digest(), f"{size} bytes")
            session.reset_statement(statement)

    @each_client
    def test_statements_longer_than_a_packet_are_read_and_written(self, compression):
        session = self.open(compression)
        for total in (wire.LARGEST_PACKET - 1, wire.LARGEST_PACKET, 2 * wire.LARGEST_PACKET, 40 * MEBIBYTE):
            head = b"SELECT LENGTH('"
            filling = total - 1 - len(session.query_body(b"")) - len(head) - 2
            self.assertEqual(str(filling), session.value(head + b"z" * filling + b"')"))
        self.assertEqual([[b"1"]], session.query("SELECT 1").rows)

    @each_client
    def test_frames_may_hold_any_piece_of_a_command(self, compression):
        sql = "SELECT 'cut', '" + "x" * 100 + "'"
        session = self.open(compression)
        for most in (1, 2, 3, 4, 5, 49, 50, 60, 100) if compression else ():
            session.socket.most = most
            self.assertEqual([b"cut", b"x" * 100], session.query(sql).rows[0])

    @each_client
    def test_frames_may_arrive_cut_anywhere(self, compression):
        session = self.open(compression)
        command = packet(b"\x03" + session.query_body("SELECT 'cut', '" + "x" * 100 + "'"))
        frames, count = command, 0
        if compression:
            packed = compressed.compress(compression, command)
            frames, count = compressed.frame(0, b"") + compressed.frame(1, packed, len(command)), 2
        for cut in range(1, len(frames)):
            session.send_raw(frames[:cut])
            session.send_raw(frames[cut:])
            self.assertEqual([b"cut", b"x" * 100], self.next_reply(session, count, session.read_result).rows[0])

    @each_client
    def test_commands_that_are_sent_at_once_are_answered_in_turn(self, compression):
        session = self.open(compression)
        session.query("SELECT 1")
        slow = b"\x03" + session.query_body("SELECT SLEEP(1.3), 'slow'")
        large = b"\x03" + session.query_body("SELECT LENGTH('" + "x" * 300_000 + "')")
        commands = [b"\x0e", slow, large, b"\x0e", b"\x03" + session.query_body("SELECT 'last'")]
        for command in commands:
            self.send_ahead(session, packet(command), 100_000)
        replies = [
            self.next_reply(session, count, read)
            for count, read in (
                (1, session.receive_checked), (1, session.read_result), (4, session.read_result),
                (1, session.receive_checked), (1, session.read_result),
            )
        ]
        self.assertEqual([b"0", b"slow"], replies[1].rows[0])
        self.assertEqual([b"300000"], replies[2].rows[0])
        self.assertEqual([b"last"], replies[4].rows[0])

    @staticmethod
    def send_ahead(session, packets, most):
        if session.compression:
            session.socket.restart()
            session.socket.most = most
        session.socket.sendall(packets)

    @staticmethod
    def next_reply(session, frames, read):
        """Reads the reply to a command that was sent in so many frames."""
        session.sequence = 1
        if session.compression:
            session.socket.number = frames
        return read()

    @each_client
    def test_several_commands_in_one_frame_are_all_answered(self, compression):
        """No client does that, since servers lose all but the first."""
        if compression is None:
            return
        session = self.open(compression)
        commands = [b"\x0e", b"\x03" + session.query_body("SELECT 'a'"), b"\x03" + session.query_body("SELECT 'b'")]
        session.socket.restart()
        session.socket.sendall(b"".join(packet(command) for command in commands))
        self.next_reply(session, 1, session.receive_checked)
        self.assertEqual([[b"a"]], self.next_reply(session, 1, session.read_result).rows)
        self.assertEqual([[b"b"]], self.next_reply(session, 1, session.read_result).rows)
        self.assertEqual("1", session.value("SELECT 1"))

    @each_client
    def test_all_results_of_a_procedure_come(self, compression):
        with self.proxy.connect("primary", database=self.schema) as session:
            session.run("DROP PROCEDURE IF EXISTS several")
            session.run(
                "CREATE PROCEDURE several() BEGIN SELECT 1; SELECT REPEAT('x', 100000); " + NUMBERS.format(500)
                + " SELECT n FROM c; END"
            )
        results = self.open(compression).query_all("CALL several()")
        self.assertEqual([1, 1, 500, 0], [len(result.rows) for result in results])

    @each_client
    def test_local_files_are_loaded(self, compression):
        lines = [b"%d\t%s\n" % (n, b"text " * 20) for n in range(3000)]
        session = self.open(compression)
        session.query_all("DROP TABLE IF EXISTS loaded; CREATE TABLE loaded (id INT PRIMARY KEY, text TEXT)")
        load = "LOAD DATA LOCAL INFILE 'any' INTO TABLE loaded"
        # In very many packets, so that numbers wrap; then behind another result, and after it another.
        self.assertEqual(3000, session.query(load, local_file=lines).end.affected)
        session.query("TRUNCATE TABLE loaded")
        results = session.query_all(f"SELECT 'first'; {load}; SELECT COUNT(*) FROM loaded", local_file=[b"".join(lines)])
        self.assertEqual([b"first"], results[0].rows[0])
        self.assertEqual(3000, results[1].end.affected)
        self.assertEqual([b"3000"], results[2].rows[0])
        self.assertEqual("3000", session.value("SELECT COUNT(*) FROM loaded"))
        self.assertEqual(0, session.query(load, local_file=[]).end.affected)
        with self.assertRaises(wire.ServerError) as caught:
            session.query(load + "_not", local_file=[b"1\tnowhere\n"])
        self.assertEqual(1146, caught.exception.code)
        self.assertEqual("1", session.value("SELECT 1"))

    @each_client
    def test_prepared_statements_cursors_and_closes(self, compression):
        session = self.open(compression)
        for _ in range(3):
            statement = session.prepare("SELECT ? + 1, REPEAT(?, 1000)")
            self.assertEqual([[8, b"ab" * 1000]], [list(row) for row in session.execute(statement, [7, "ab"]).rows])
            session.close_statement(statement)
        rows = session.prepare(NUMBERS.format(500) + " SELECT n, REPEAT('x', 300) FROM c ORDER BY n")
        columns = session.open_cursor(rows).columns
        got = []
        while len(got) < 500:
            got += session.fetch(rows, columns, 99).rows
        self.assertEqual([n for n in range(1, 501)], [row[0] for row in got])
        session.close_statement(rows)
        self.assertEqual("1", session.value("SELECT 1"))

    @each_client
    def test_compression_survives_a_change_of_user_and_a_reset(self, compression):
        user, password = self.cluster.account()
        session = self.open(compression)
        for _ in range(2):
            session.change_user(user, password, self.schema)
            self.assertEqual(self.schema, session.value("SELECT DATABASE()"))
            session.query("SET @a = 5")
            session.reset_connection()
            self.assertEqual(None, session.value("SELECT @a"))
            self.assertEqual(100_000, len(session.value("SELECT REPEAT('x', 100000)")))
        with self.assertRaises(wire.ServerError) as caught:
            session.change_user(user, "wrong")
        self.assertEqual(1045, caught.exception.code)

    @each_client
    def test_compression_works_over_tls(self, compression):
        session = self.open(compression, tls=True)
        self.assertTrue(session.is_tls)
        self.assertEqual(1_000_000, len(session.value("SELECT REPEAT('x', 1000000)")))
        results = session.query_all("SELECT 1; SELECT 2")
        self.assertEqual([[[b"1"]], [[b"2"]]], [result.rows for result in results])

    @each_client
    def test_other_commands_are_answered(self, compression):
        session = self.open(compression)
        session.ping()
        session.use("mysql")
        self.assertIn("Uptime", session.statistics())
        session.use(self.schema)
        session.query("CREATE TABLE IF NOT EXISTS listed (a INT, b INT)")
        self.assertEqual([b"a", b"b"], [column.name for column in session.field_list("listed")])
        session.simple(wire.COM_SET_OPTION, struct.pack("<H", 1))
        session.quit()

    @each_client
    def test_reads_are_split_as_always(self, compression):
        session = self.open(compression, endpoint="split")
        session.query("DROP TABLE IF EXISTS fresh")
        session.query("CREATE TABLE fresh (id INT PRIMARY KEY)")
        for n in range(30):
            session.query(f"INSERT INTO fresh VALUES ({n})")
            self.assertEqual(str(n + 1), session.value("SELECT COUNT(*) FROM fresh"))

    @each_client
    def test_many_rows_stream_in_bounded_memory(self, compression):
        session = self.open(compression)
        session.command(wire.COM_QUERY, session.query_body(NUMBERS.format(150) + " SELECT REPEAT('x', 1000000) FROM c"))
        self.assertEqual(150, len(session.read_result().rows))
        self.assertLess(self.growth(), BOUND)

    @each_client
    def test_a_client_that_does_not_read_holds_up_only_itself(self, compression):
        lazy = self.open(compression)
        lazy.query("SET SESSION cte_max_recursion_depth = 100000")
        noise = NUMBERS.format(3000) + " SELECT RANDOM_BYTES(1000), REPEAT('x', 20000) FROM c"
        lazy.command(wire.COM_QUERY, lazy.query_body(noise))
        other = self.open(compression)
        harness.stays("another session is served, in bounded memory", lambda: (
            other.value("SELECT 1") == "1" and self.growth() < BOUND
        ), 1.0)
        self.assertEqual(3000, len(lazy.read_result().rows))

    @each_client
    def test_the_numbers_tell_what_was_saved(self, compression):
        def moved(side, direction, kind):
            name = "dorsal_proxy_compressed_bytes_total"
            return self.proxy.metric(name, side=side, direction=direction, bytes=kind)

        sides = (("client", "sent", compression), ("server", "received", self.on_servers))
        before = [(moved(side, direction, "packets"), moved(side, direction, "wire")) for side, direction, _ in sides]
        self.open(compression).value("SELECT REPEAT('x', 3000000)")
        for (side, direction, is_compressed), (packets, on_the_wire) in zip(sides, before):
            grown = moved(side, direction, "packets") - packets
            self.assertEqual(bool(is_compressed), grown > 3_000_000, side)
            self.assertLess(moved(side, direction, "wire") - on_the_wire, 100_000, side)


class TowardsClients(Compression, harness.ClusterTest):
    pass


class BothWaysWithZlib(Compression, harness.ClusterTest):
    schema = "e2e_compression_zlib"
    settings = {"server_compression": "zlib"}
    clients = ("zlib", None)
    on_servers = "zlib"


class BothWaysWithZstd(Compression, harness.ClusterTest):
    schema = "e2e_compression_zstd"
    settings = {"server_compression": "zstd"}
    clients = ("zstd", None)
    on_servers = "zstd"


class LogIns(harness.ClusterTest):
    """What is offered, chosen and refused, compared with a server of the same setting."""

    schema = "e2e_compression_logins"

    def address(self, directly):
        return self.cluster.direct_address(self.cluster.primary()) if directly else self.cluster.address("primary")

    def outcome(self, address, wanted, level=3):
        """Logs in asking for these capabilities, whatever is offered: what is offered, and what comes of it."""
        user, password = self.cluster.account()
        with wire.Wire(address) as session:
            session.read_greeting()
            session.capabilities = (CAPABILITIES & session.offered) | wanted
            session.send(session.login_packet(user, password, None, session.plugin, level=level))
            offered = session.offered & (wire.COMPRESS | wire.ZSTD_COMPRESSION)
            try:
                session.finish_login(password.encode(), session.plugin)
            except wire.ServerError as error:
                return offered, str(error)
            session.capabilities &= session.offered
            session.start_compression(level)
            session.checks_numbers = not session.compression
            return offered, session.compression, session.value("SELECT REPEAT('x', 1000)")[:3]

    def test_levels_and_preferences_are_those_of_the_server(self):
        both = wire.COMPRESS | wire.ZSTD_COMPRESSION
        for wanted, level in (
            (0, 3), (wire.COMPRESS, 3), (wire.ZSTD_COMPRESSION, 1), (wire.ZSTD_COMPRESSION, 22), (both, 3), (both, 0),
            (wire.ZSTD_COMPRESSION, 0), (wire.ZSTD_COMPRESSION, 23), (wire.ZSTD_COMPRESSION, 255),
        ):
            self.assertEqual(
                self.outcome(self.address(True), wanted, level), self.outcome(self.address(False), wanted, level),
                f"capabilities {wanted}, level {level}",
            )

    def test_what_is_offered_is_what_is_configured(self):
        """The outcomes are those of a server with this protocol_compression_algorithms."""
        zlib, zstd, both = wire.COMPRESS, wire.ZSTD_COMPRESSION, wire.COMPRESS | wire.ZSTD_COMPRESSION
        refused = "ERROR 3922 (HY000): Invalid compression algorithm 'uncompressed'."
        for algorithms, offered, outcomes in (
            ("zstd", zstd, {0: refused, zlib: refused, zstd: "zstd", both: "zstd"}),
            ("zlib,zstd", both, {0: refused, zlib: "zlib", zstd: "zstd", both: "zlib"}),
            ("uncompressed,zlib", zlib, {0: None, zlib: "zlib", both: "zlib"}),
            ("uncompressed", 0, {0: None}),
        ):
            with self.cluster.another_proxy(compression=algorithms) as other:
                for wanted, outcome in outcomes.items():
                    seen = self.outcome(other.address("primary"), wanted)
                    self.assertEqual((offered, outcome), seen[:2], f"{wanted} from {algorithms}")

    def test_a_mysql_client_compresses(self):
        for algorithm in ("zlib", "zstd"):
            for options in ((f"--compression-algorithms={algorithm}",), ("--ssl-mode=DISABLED", f"--compression-algorithms={algorithm}")):
                before = self.cluster.metric("dorsal_proxy_compressed_bytes_total", side="client", bytes="packets")
                text = self.cluster.mysql(
                    "SELECT REPEAT('x', 100000); SELECT 1; SELECT 2", *options, "--get-server-public-key",
                ).stdout
                self.assertEqual("x" * 100000 + "\n1\n2\n", text)
                after = self.cluster.metric("dorsal_proxy_compressed_bytes_total", side="client", bytes="packets")
                self.assertGreater(after - before, 100_000)


class Hostile(harness.ClusterTest):
    """Whoever sends wrong frames is cut off alone, and costs no memory."""

    schema = "e2e_compression_hostile"

    def setUp(self):
        self.bystander = self.connect(database=self.schema)
        self.proxy = self.cluster.proxy_pid()
        self.memory = processes.resident_bytes(self.proxy)

    def tearDown(self):
        self.assertEqual(1, self.bystander.value("SELECT 1"), "somebody else's session noticed")
        self.assertEqual(self.proxy, self.cluster.proxy_pid(), "the proxy is another process now")
        self.assertLess(processes.resident_bytes(self.proxy) - self.memory, BOUND)

    def open(self, compression):
        return self.wire(database=self.schema, compression=compression, capabilities=CAPABILITIES)

    def assert_cut_off(self, session, what):
        """With or without an ERR packet before."""
        session.socket.socket.settimeout(30)
        session.socket.checks = False
        try:
            payload = session.receive(in_order=False)
            self.assertEqual(b"\xff", payload[:1], what)
            session.receive(in_order=False)
        except (wire.Closed, ConnectionError):
            return
        self.fail(f"the connection goes on after {what}")

    def test_frames_out_of_order_end_the_session(self):
        for compression in ("zlib", "zstd"):
            for before in (0, 1):
                for numbers in ((1,), (2,), (255,), (0, 2), (0, 0)):
                    session = self.open(compression)
                    for _ in range(before):
                        session.ping()
                    ping = packet(b"\x0e")
                    pieces = [ping[:3], ping[3:]] if len(numbers) == 2 else [ping]
                    for number, piece in zip(numbers, pieces):
                        session.send_raw(compressed.frame(number, piece))
                    self.assert_cut_off(session, f"frames {numbers}")

    def test_unsound_frames_end_the_session(self):
        for compression in ("zlib", "zstd"):
            session = self.open(compression)
            command = packet(b"\x03" + session.query_body("SELECT '" + "x" * 100 + "'"))
            good = compressed.compress(compression, command)
            other = compressed.compress("zstd" if compression == "zlib" else "zlib", command)
            for what, frame in (
                ("a frame that claims less than it holds", compressed.frame(0, good, len(command) - 1)),
                ("a frame that is cut short", compressed.frame(0, good[:-3], len(command))),
                ("nothing but a claim", compressed.frame(0, b"", len(command))),
                ("bytes behind the end", compressed.frame(0, good + b"xyz", len(command))),
                ("garbage", compressed.frame(0, b"garbage" * 10, 200)),
                ("the other algorithm", compressed.frame(0, other, len(command))),
                ("a packet without a frame", command),
            ):
                session = self.open(compression)
                session.send_raw(frame)
                if what == "a packet without a frame":
                    session.send_raw(bytes(1 << 16))
                self.assert_cut_off(session, what)

    def test_random_bytes_instead_of_frames_end_the_session_or_wait_for_more(self):
        generator = random.Random(7)
        for compression in ("zlib", "zstd"):
            for _ in range(60):
                session = self.open(compression)
                with harness.contextlib.suppress(OSError):
                    session.send_raw(generator.randbytes(generator.choice((1, 6, 7, 8, 100, 5000))))
                session.close()

    def test_sound_frames_of_random_packets_are_answered_or_end_the_session(self):
        generator = random.Random(8)
        for compression in ("zlib", "zstd"):
            for _ in range(60):
                session = self.open(compression)
                session.socket.restart()
                # Not those that rightly get no answer, nor LOAD DATA, nor those that end or kill sessions.
                number = generator.choice([n for n in range(256) if n not in (1, 8, 12, 18, 24, 25, 30)])
                body = generator.randbytes(generator.choice((0, 1, 9, 30, 200)))
                with harness.contextlib.suppress(OSError):
                    session.socket.sendall(packet(bytes([number]) + body))
                session.close()

    def test_empty_frames_without_end_hold_up_nobody(self):
        session = self.open("zlib")
        stop = threading.Event()

        def flood():
            frames = b"".join(compressed.frame(number, b"") for number in range(256))
            with harness.contextlib.suppress(OSError):
                while not stop.is_set():
                    session.send_raw(frames)

        thread = threading.Thread(target=flood)
        thread.start()
        try:
            for n in range(100):
                self.assertEqual(n, self.bystander.value("SELECT %s", n))
        finally:
            stop.set()
            session.socket.socket.shutdown(socket.SHUT_RDWR)
            thread.join(30)

    def test_bombs_cost_no_memory(self):
        """Statements of 16 MiB that come as a few kilobytes, and whose last byte does not come."""
        for compression in ("zlib", "zstd"):
            sessions = []
            for _ in range(12):
                session = self.open(compression)
                size = wire.LARGEST_PACKET - 4
                plain = struct.pack("<I", size)[:3] + b"\0\x03" + session.query_body("SELECT '")
                plain += b"x" * (wire.LARGEST_PACKET - len(plain))
                bomb = compressed.frame(0, compressed.compress(compression, plain), len(plain))
                session.send_raw(bomb[:-1])
                sessions.append(session)
            for session in sessions:
                harness.wait_until("others are served", lambda: self.bystander.value("SELECT 1") == 1)
            growth = processes.resident_bytes(self.proxy) - self.memory
            print(f"12 bombs of {compression} cost {growth / MEBIBYTE:.1f} MiB")
            self.assertLess(growth, BOUND)
            for session in sessions:
                session.close()

    def test_idle_sessions_keep_nothing(self):
        sessions = [self.open(("zlib", "zstd")[n % 2]) for n in range(100)]
        for session in sessions:
            self.assertEqual(200_000, len(session.value("SELECT REPEAT('x', 200000)")))
        growth = processes.resident_bytes(self.proxy) - self.memory
        print(f"100 idle sessions that compress cost {growth / MEBIBYTE:.1f} MiB")
        self.assertLess(growth, BOUND)


if __name__ == "__main__":
    harness.main()
