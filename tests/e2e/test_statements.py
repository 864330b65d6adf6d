#!/usr/bin/env python3
"""Statements packet by packet: what a client gets through the proxy is what a server would send it.

Most tests run once with a modern client's capabilities and once with an old one's, because the proxy talks to
servers in the modern way alone.
"""

import struct

import harness
import wire

TABLE = """
CREATE TABLE kinds (
  id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, big BIGINT, flag BIT(9),
  f FLOAT, d DOUBLE, price DECIMAL(20,6), day DATE, at DATETIME(6), stamp TIMESTAMP NULL, span TIME(3), year YEAR,
  c CHAR(5) CHARACTER SET latin1, v VARCHAR(200), t LONGTEXT, b VARBINARY(300), e ENUM('x','y'), s SET('p','q'),
  j JSON, g POINT
)
"""
ROWS = """
INSERT INTO kinds VALUES
  (1, -128, 65535, -9223372036854775808, b'101010101', 1.5, -2.25e300, 12345678901234.567891, '2024-02-29',
   '2024-02-29 23:59:59.123456', '2024-01-01 00:00:01', '-838:59:59.000', 2155, 'Gr\u00fc\u00df',
   '\u65e5\u672c \U0001f42c', REPEAT('t', 70000), 0x00FF27225C0A1A, 'y', 'p,q', '{"a": [1, null]}', POINT(1, 2)),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL),
  (3, 0, 0, 0, 0, 0, 0, 0, '1000-01-01', '1000-01-01', NULL, '00:00:00', 1901, '', '', '', '', 'x', '', '0', NULL)
"""

READS = [
    "SELECT * FROM kinds ORDER BY id",
    "SELECT k.id AS alias, COUNT(*) OVER () FROM kinds k ORDER BY 1",
    "SELECT id FROM kinds WHERE 0",
    "TABLE kinds ORDER BY id LIMIT 1",
    "VALUES ROW(1, 'a'), ROW(2, NULL)",
    "SHOW CREATE TABLE kinds",
    "DESCRIBE kinds",
    "(SELECT id FROM kinds) UNION ALL (SELECT -1) ORDER BY 1",
    "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 500) SELECT n, REPEAT('x', n) FROM c",
    "SELECT 1 /* a comment */ -- and another",
    "# a comment before\nSELECT 2",
    "/*!80000 SELECT */ 3",
    "  ;  ",
    "",
    "-- only a comment",
    "SELECT * FROM missing",
    "SELECT 1 FROM kinds WHERE id = ",
    "SELECT id FROM kinds WHERE JSON_EXTRACT('not json', '$') = 1",
    "SELECT CAST('abc' AS SIGNED), 1 / 0",
    "SELECT (SELECT id FROM kinds)",
    "SELECT 'unfinished",
]


def shape(act):
    """All that can be seen of an answer, as plain values."""
    try:
        results = act()
    except wire.ServerError as error:
        return error.code, error.state, error.message
    return [
        (
            [
                (c.schema, c.table, c.name, c.original_name, c.charset, c.length, c.type, c.flags, c.decimals)
                for c in result.columns
            ],
            result.rows,
            (result.end.affected, result.end.insert_id, result.end.warnings, result.end.info),
            # Not whether indexes were used: that is the server's business on that day.
            result.end.status & (wire.IN_TRANSACTION | wire.AUTOCOMMIT | wire.MORE_RESULTS),
        )
        for result in results
    ]


class Recorded:
    """A connection of which every packet is kept that comes in reply."""

    def __init__(self, connection):
        self.connection, self.packets = connection, []
        receive = connection.receive

        def keep(*arguments):
            self.packets.append(receive(*arguments))
            return self.packets[-1]

        connection.receive = keep

    def record(self, act):
        self.packets = []
        try:
            act(self.connection)
        except wire.ServerError:
            pass
        return self.packets

    def query(self, sql):
        return self.record(lambda connection: connection.query_all(sql))

    def prepared(self, sql, has_parameter):
        """Prepares, executes, and executes with a cursor from which rows are fetched."""

        def act(connection):
            statement = connection.prepare(sql)
            connection.execute(statement, ["x"] if has_parameter else [])
            if sql.startswith("SELECT"):
                columns = connection.open_cursor(statement, ["x"] if has_parameter else []).columns
                connection.fetch(statement, columns, 2)

        return self.record(act)


class Statements(harness.ClusterTest):
    schema = "e2e_statements"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.cluster.connect("primary", database=cls.schema, charset="utf8mb4") as primary:
            primary.run("SET sql_mode = ''")
            primary.run(TABLE)
            primary.run(ROWS)
        harness.wait_for_replicas(cls.cluster)

    def open(self, **options):
        return self.wire(database=self.schema, **options)

    def open_direct(self, **options):
        user, password = self.cluster.account()
        address = self.cluster.direct_address(self.cluster.primary())
        connection = wire.connect(address, user, password, database=self.schema, **options)
        self.addCleanup(connection.close)
        return connection

    def both_ways(self):
        """(name, through the proxy, directly) for a modern client and an old one, in clear and over TLS."""
        for name, options in (
            ("modern", {"capabilities": wire.MODERN}),
            ("old", {"capabilities": wire.OLD}),
            ("tls", {"capabilities": wire.MODERN, "tls": True}),
            ("without session track", {"capabilities": wire.MODERN & ~wire.SESSION_TRACK}),
            ("without deprecated EOF", {"capabilities": wire.MODERN & ~wire.DEPRECATE_EOF}),
            ("optional metadata", {"capabilities": wire.MODERN | wire.OPTIONAL_METADATA}),
        ):
            yield name, self.open(**options), self.open_direct(**options)

    def test_text_results_are_those_of_the_server(self):
        for name, proxy, direct in self.both_ways():
            for sql in READS:
                with self.subTest(client=name, sql=sql):
                    self.assertEqual(shape(lambda: direct.query_all(sql)), shape(lambda: proxy.query_all(sql)))

    def test_binary_results_are_those_of_the_server(self):
        for name, proxy, direct in self.both_ways():
            for sql in READS:
                with self.subTest(client=name, sql=sql):
                    answers = []
                    for connection in (direct, proxy):
                        answers.append(shape(lambda: connection.execute_all(connection.prepare(sql))))
                    self.assertEqual(*answers)

    def test_definitions_are_left_out_byte_for_byte_as_a_server_leaves_them_out(self):
        queries = (
            "SELECT 1 AS x, 'two'", "SELECT @@resultset_metadata, @@session.resultset_metadata AS x", "SHOW TABLES",
            "SELECT id FROM kinds WHERE 0", "SELECT nothing", "SET @a = 1.50, @b = 7", "SHOW WARNINGS",
            "SELECT @a, @b + 1", "DO 1",
        )
        several = ("SELECT 1; SELECT 2, 3; DO 0", "SHOW VARIABLES LIKE 'resultset%'")
        for name, capabilities, queries in (
            ("modern", wire.MODERN | wire.OPTIONAL_METADATA | wire.MULTI_STATEMENTS, queries + several),
            # The EOF behind its columns tells what only the end of the rows tells the proxy.
            ("old", wire.OLD | wire.OPTIONAL_METADATA, queries),
            ("one that cannot do without", wire.MODERN, queries + several),
        ):
            proxy, direct = (Recorded(each) for each in (
                self.open(capabilities=capabilities), self.open_direct(capabilities=capabilities),
            ))
            settings = ("DEFAULT", "NONE", "'none'", "1", "0", "2", "NULL", "full", "NONE")
            for step in [*queries, *(f"SET resultset_metadata = {value}" for value in settings), *queries]:
                with self.subTest(client=name, sql=step):
                    self.assertEqual(direct.query(step), proxy.query(step))
            for sql in ("SELECT id, ? FROM kinds ORDER BY id", "DO ?", "DO 2", "SELECT id FROM kinds ORDER BY id", "SELECT nothing"):
                with self.subTest(client=name, prepared=sql):
                    self.assertEqual(*(each.prepared(sql, "?" in sql) for each in (direct, proxy)))
            for command in (lambda c: c.field_list("kinds"), lambda c: c.reset_connection(), lambda c: c.use(self.schema)):
                with self.subTest(client=name):
                    self.assertEqual(direct.record(command), proxy.record(command))
            self.assertEqual(direct.query("SELECT 1"), proxy.query("SELECT 1"))

    def test_user_variables_keep_their_types_when_definitions_are_left_out(self):
        answers = []
        for each in (self.open, self.open_direct):
            session = each(capabilities=wire.MODERN | wire.OPTIONAL_METADATA)
            session.query("SET resultset_metadata = NONE")
            session.query("SELECT 5, 1.50, 2e0, 'x' INTO @a, @b, @c, @d")
            rows = session.query("SELECT @a, @b, @c, @d").rows
            session.query("CREATE TABLE types SELECT @a AS a, @b AS b, @c AS c, @d AS d")
            session.query("SET resultset_metadata = FULL")
            answers.append((rows, shape(lambda: session.query_all("SHOW CREATE TABLE types"))))
            session.query("DROP TABLE types")
        self.assertEqual(*answers)

    def test_what_the_proxy_answers_itself_has_no_definitions_either(self):
        session = self.open(capabilities=wire.MODERN | wire.OPTIONAL_METADATA)
        self.assertEqual(1, len(session.query("SELECT @@dorsal_consistency").columns))
        session.query("SET resultset_metadata = NONE")
        result = session.query("SELECT @@dorsal_consistency")
        self.assertEqual(([], [[b"global"]]), (result.columns, result.rows))
        session.query("SET resultset_metadata = FULL")
        self.assertEqual(1, len(session.query("SELECT @@dorsal_consistency").columns))

    def test_writes_report_what_the_server_reports(self):
        writes = [
            "CREATE TABLE w (id INT AUTO_INCREMENT PRIMARY KEY, n TINYINT UNIQUE)",
            "INSERT INTO w (n) VALUES (1), (2), (3)",
            "INSERT INTO w (n) VALUES (1)",
            "UPDATE w SET n = n WHERE n < 3",
            "UPDATE w SET n = n + 10",
            "INSERT IGNORE INTO w (n) VALUES (1000)",
            "REPLACE INTO w VALUES (1, 5)",
            "DELETE FROM w WHERE n > 11",
            "TRUNCATE w",
            "ALTER TABLE w ADD x INT",
            "DROP TABLE w",
        ]
        for name, proxy, direct in self.both_ways():
            with self.subTest(client=name):
                expected = [shape(lambda: direct.query_all(sql)) for sql in writes]
                self.assertEqual(expected, [shape(lambda: proxy.query_all(sql)) for sql in writes])

    def test_the_greeting_promises_only_what_is_kept(self):
        connection = self.open()
        wanted = wire.PROTOCOL_41 | wire.SSL | wire.PLUGIN_AUTH | wire.MULTI_RESULTS | wire.DEPRECATE_EOF
        self.assertEqual(wanted, connection.offered & wanted)
        self.assertEqual(self.open_direct().version.split("-")[0], connection.version.split("-")[0])

    # Prepared statements.

    def test_parameters_of_every_type_arrive_unchanged(self):
        connection = self.open()
        values = [None, -1, 2**62, 1.25, "text \U0001f42c", bytes(range(256)), "", b""]
        statement = connection.prepare("SELECT " + ", ".join("?" * len(values)) + " FROM kinds WHERE id = ?")
        self.assertEqual(len(values) + 1, len(statement.parameters))
        (row,) = connection.execute(statement, [*values, 1]).rows
        self.assertEqual([v.encode() if isinstance(v, str) else v for v in values], row)

    def test_types_outlive_executions_that_are_malformed(self):
        """Types are sent once, and count for later executions; not those of one with other parameters than there are."""
        span = wire.Typed(11, b"\x08\x01\x01\0\0\0\x02\x03\x04")
        right = [span, 2, wire.Typed(246, b"\x0512.34")]
        executions = {
            "typed": (right, True), "untyped": (right, False), "few": ([wire.Typed(3, b"\x02\0\0\0"), span], True),
            "few untyped": ([wire.Typed(3, b"\x02\0\0\0"), span], False), "fewer untyped": (right[:2], False),
            "many": ([*right, 1], True), "many untyped": ([*right, 1], False), "none": ([], False),
        }
        scripts = [
            ("typed", middle, last) for middle in executions if middle != "typed" for last in ("untyped", "few untyped")
        ]

        def answer(connection, statement, values, with_types):
            body = connection.execute_body(statement.number, values, with_types=with_types)
            connection.command(wire.COM_STMT_EXECUTE, body)
            return shape(lambda: connection.read_results(binary=True))

        for name, proxy, direct in self.both_ways():
            for script in scripts:
                with self.subTest(client=name, script=script):
                    answers = []
                    for connection in (direct, proxy):
                        statement = connection.prepare("SELECT ? + ?, CONCAT(?, 'x')")
                        answers.append([answer(connection, statement, *executions[step]) for step in script])
                        connection.close_statement(statement)
                    self.assertEqual(*answers)

    def test_statements_stay_usable_whatever_runs_between(self):
        connection = self.open()
        read = connection.prepare("SELECT v FROM kinds WHERE id = ?")
        write = connection.prepare("UPDATE kinds SET s = ? WHERE id = ?")
        locked = connection.prepare("SELECT id FROM kinds WHERE id = ? FOR UPDATE")
        for _ in range(3):
            self.assertEqual("\u65e5\u672c \U0001f42c".encode(), connection.execute(read, [1]).rows[0][0])
            connection.execute(write, ["q", 3])
            connection.query("BEGIN")
            self.assertEqual([[1]], connection.execute(locked, [1]).rows)
            self.assertEqual([[None]], connection.execute(read, [2]).rows)
            connection.query("COMMIT")
            connection.query("SELECT id FROM kinds")

    def test_a_statement_sees_a_table_that_was_altered_since(self):
        connection = self.open()
        connection.query("CREATE TABLE IF NOT EXISTS altered (a INT)")
        connection.query("INSERT INTO altered VALUES (1)")
        statement = connection.prepare("SELECT * FROM altered")
        self.assertEqual([[1]], connection.execute(statement).rows)
        connection.query("ALTER TABLE altered ADD b INT DEFAULT 2")
        self.assertEqual([[1, 2]], connection.execute(statement).rows)
        connection.query("DROP TABLE altered")
        with self.assertRaises(wire.ServerError) as caught:
            connection.execute(statement)
        self.assertEqual(1146, caught.exception.code)

    def test_unknown_and_closed_statements_are_error_1243(self):
        connection = self.open()
        statement = connection.prepare("SELECT 1")
        connection.close_statement(statement)
        for number in (statement.number, 0, 4_000_000_000):
            with self.assertRaises(wire.ServerError) as caught:
                connection.execute(wire.Statement(number, [], [], 0))
            self.assertEqual(1243, caught.exception.code)
        self.assertEqual("1", connection.value("SELECT 1"))

    def test_long_data_is_put_together(self):
        connection = self.open()
        statement = connection.prepare("SELECT LENGTH(?), SHA2(?, 256) FROM kinds WHERE id = 1")
        pieces = [b"a" * 100_000, b"b" * 300_000, b""]
        for piece in pieces:
            connection.send_long_data(statement, 0, piece)
            connection.send_long_data(statement, 1, piece)
        (row,) = connection.execute(statement, [wire.LongData(), wire.LongData()]).rows
        self.assertEqual(400_000, row[0])
        self.assertEqual(wire.hashlib.sha256(b"".join(pieces)).hexdigest().encode(), row[1])
        connection.reset_statement(statement)
        self.assertEqual(1, connection.execute(statement, ["x", "x"]).rows[0][0])

    def test_a_cursor_gives_its_rows_in_portions(self):
        for capabilities in (wire.MODERN, wire.OLD):
            connection = self.open(capabilities=capabilities)
            statement = connection.prepare("SELECT id FROM kinds WHERE id < ? ORDER BY id")
            cursor = connection.open_cursor(statement, [100])
            self.assertTrue(cursor.end.status & wire.CURSOR_EXISTS)
            first = connection.fetch(statement, cursor.columns, 2)
            self.assertEqual([[1], [2]], first.rows)
            second = connection.fetch(statement, cursor.columns, 2)
            self.assertEqual([[3]], second.rows)
            self.assertTrue(second.end.status & wire.LAST_ROW_SENT)
            self.assertEqual("1", connection.value("SELECT 1"))

    def test_a_procedure_called_as_a_prepared_statement_gives_all_results(self):
        connection = self.open()
        connection.query("DROP PROCEDURE IF EXISTS two")
        connection.query("CREATE PROCEDURE two(x INT) BEGIN SELECT x; SELECT x + 1, 'b'; END")
        results = connection.execute_all(connection.prepare("CALL two(?)"), [5])
        self.assertEqual([[[5]], [[6, b"b"]], []], [result.rows for result in results])

    def test_a_thousand_statements_are_prepared_and_closed(self):
        connection = self.open()
        before = int(self.root(self.cluster.primary()).run("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'")[0][1])
        for i in range(1000):
            statement = connection.prepare(f"SELECT {i} FROM kinds WHERE id = ?")
            if i % 100 == 0:
                self.assertEqual([[i]], connection.execute(statement, [1]).rows)
            connection.close_statement(statement)
        connection.ping()
        after = int(self.root(self.cluster.primary()).run("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'")[0][1])
        self.assertLess(after - before, 100)

    def test_sql_level_prepare_works(self):
        connection = self.open()
        connection.query("PREPARE p FROM 'SELECT id FROM kinds WHERE id = ?'")
        connection.query("SET @id = 3")
        for _ in range(3):
            self.assertEqual([[b"3"]], connection.query("EXECUTE p USING @id").rows)
        connection.query("DEALLOCATE PREPARE p")
        with self.assertRaises(wire.ServerError) as caught:
            connection.query("EXECUTE p USING @id")
        self.assertEqual(1243, caught.exception.code)

    # Several statements, several results.

    def test_several_statements_in_one_packet_give_all_results(self):
        connection = self.open(capabilities=wire.MODERN | wire.MULTI_STATEMENTS)
        results = connection.query_all("SELECT 1; SELECT id FROM kinds WHERE id < 3; DO 0; SELECT 'last'")
        self.assertEqual([[[b"1"]], [[b"1"], [b"2"]], [], [[b"last"]]], [result.rows for result in results])

    def test_a_failure_in_the_middle_ends_the_rest(self):
        connection = self.open(capabilities=wire.MODERN | wire.MULTI_STATEMENTS)
        connection.command(wire.COM_QUERY, connection.query_body("SELECT 1; SELECT * FROM missing; SELECT 3"))
        self.assertEqual([[b"1"]], connection.read_result().rows)
        with self.assertRaises(wire.ServerError) as caught:
            connection.read_result()
        self.assertEqual(1146, caught.exception.code)
        self.assertEqual("4", connection.value("SELECT 4"))

    def test_several_statements_are_refused_unless_asked_for(self):
        connection = self.open(capabilities=wire.MODERN & ~wire.MULTI_STATEMENTS)
        with self.assertRaises(wire.ServerError) as caught:
            connection.query("SELECT 1; SELECT 2")
        self.assertEqual(1064, caught.exception.code)

    def test_set_option_switches_several_statements_on_and_off(self):
        connection = self.open(capabilities=wire.MODERN & ~wire.MULTI_STATEMENTS)
        connection.command(wire.COM_SET_OPTION, struct.pack("<H", 0))
        connection.receive_checked()
        self.assertEqual(2, len(connection.query_all("SELECT 1; SELECT 2")))
        connection.command(wire.COM_SET_OPTION, struct.pack("<H", 1))
        connection.receive_checked()
        with self.assertRaises(wire.ServerError):
            connection.query("SELECT 1; SELECT 2")

    def test_an_error_in_the_middle_of_the_rows_is_reported(self):
        sql = "SELECT JSON_EXTRACT(IF(id < 3, '{}', 'broken'), '$') FROM kinds"
        for name, proxy, direct in self.both_ways():
            with self.subTest(client=name):
                self.assertEqual(shape(lambda: direct.query_all(sql)), shape(lambda: proxy.query_all(sql)))
                self.assertEqual("1", proxy.value("SELECT 1"))

    # Other commands.

    def test_ping_statistics_and_field_list_are_answered(self):
        connection = self.open(capabilities=wire.OLD)
        self.assertEqual(wire.AUTOCOMMIT, connection.ping().status & wire.AUTOCOMMIT)
        self.assertIn("Uptime", connection.statistics())
        self.assertEqual("id", connection.field_list("kinds")[0].name.decode())
        connection.use("mysql")
        self.assertEqual("mysql", connection.value("SELECT DATABASE()"))

    def test_an_unknown_schema_in_use_is_error_1049_and_changes_nothing(self):
        connection = self.open()
        for act in (lambda: connection.use("no_such"), lambda: connection.query("USE no_such")):
            with self.assertRaises(wire.ServerError) as caught:
                act()
            self.assertEqual((1049, "Unknown database 'no_such'"), (caught.exception.code, caught.exception.message))
        self.assertEqual(self.schema, connection.value("SELECT DATABASE()"))

    def test_process_kill_ends_the_session_with_that_number(self):
        """Servers from 9.0 on no longer know this command; the proxy may know it all the same."""
        victim = self.open()
        self.assertEqual(str(victim.connection_id), victim.value("SELECT CONNECTION_ID()"))
        try:
            self.open().simple(wire.COM_PROCESS_KILL, struct.pack("<I", victim.connection_id))
        except wire.ServerError as error:
            self.assertEqual(1047, error.code)
            with self.assertRaises(wire.ServerError) as caught:
                self.open_direct().simple(wire.COM_PROCESS_KILL, struct.pack("<I", 4_000_000_000))
            self.assertEqual(1047, caught.exception.code)
            return

        def is_gone():
            try:
                victim.ping()
            except (wire.Closed, wire.ServerError, OSError):
                return True
            return False

        harness.wait_until("the killed session is gone", is_gone, 10)

    def test_unknown_commands_are_error_1047_and_the_session_goes_on(self):
        connection = self.open()
        for number in (5, 16, 29, 99, 255):
            connection.command(number, b"whatever")
            with self.assertRaises(wire.ServerError) as caught:
                connection.receive_checked()
            self.assertEqual(1047, caught.exception.code, number)
        self.assertEqual("1", connection.value("SELECT 1"))

    def test_query_attributes_reach_the_server(self):
        connection = self.open()
        self.root(self.cluster.primary()).run("INSTALL COMPONENT 'file://component_query_attributes'")
        self.addCleanup(
            self.root(self.cluster.primary()).run, "UNINSTALL COMPONENT 'file://component_query_attributes'"
        )
        sql = "/* dorsal: primary */ SELECT mysql_query_attribute_string('trace')"
        self.assertEqual("abc", connection.value(sql, {"trace": "abc", "n": 5}))
        self.assertIsNone(connection.value(sql))

    # Trackers.

    def test_a_client_that_asked_for_gtids_gets_those_of_its_own_writes(self):
        connection = self.open()
        connection.query("SET session_track_gtids = OWN_GTID")
        connection.query("CREATE TABLE IF NOT EXISTS tracked (i INT)")
        end = connection.query("INSERT INTO tracked VALUES (1)").end
        self.assertEqual(1, len(end.changed(3)), end.changes)
        self.assertEqual([], connection.query("SELECT id FROM kinds").end.changed(3))

    def test_a_client_that_did_not_ask_for_gtids_gets_none(self):
        connection = self.open()
        self.assertEqual([], connection.query("CREATE TABLE IF NOT EXISTS untracked (i INT)").end.changed(3))
        self.assertEqual([], connection.query("INSERT INTO untracked VALUES (1)").end.changed(3))
        self.assertEqual("OFF", connection.value("SELECT @@session_track_gtids"))

    def test_changes_of_schema_and_variables_are_tracked(self):
        connection = self.open()
        self.assertEqual([wire.lenenc_text(b"mysql")], connection.query("USE mysql").end.changed(1))
        expected = wire.lenenc_text(b"autocommit") + wire.lenenc_text(b"OFF")
        self.assertEqual([expected], connection.query("SET autocommit = 0").end.changed(0))

    def test_a_ping_behind_a_reset_counts_no_warnings(self):
        for name, proxy, direct in self.both_ways():
            with self.subTest(client=name):
                counts = []
                for connection in (proxy, direct):
                    statement = connection.prepare("SELECT SQL_NO_CACHE id FROM kinds")
                    connection.simple(wire.COM_STMT_RESET, struct.pack("<I", statement.number))
                    counts.append(connection.ping().warnings)
                self.assertEqual([0, 0], counts)

    def test_trackers_that_no_text_query_switches_off_stay_on_for_the_proxy(self):
        primary = self.root(self.cluster.primary())
        off = "SET SESSION session_track_gtids = OFF"
        with self.cluster.connect("primary", database=self.schema) as maker:
            maker.run("CREATE TABLE IF NOT EXISTS counted (i INT)")
            maker.run("DROP PROCEDURE IF EXISTS blinds")
            maker.run("DROP PROCEDURE IF EXISTS blinds_all")
            maker.run(f"CREATE PROCEDURE blinds() {off}")
            maker.run("CREATE PROCEDURE blinds_all() SET SESSION session_track_gtids = OFF, session_track_system_variables = ''")

        def by_command(client):
            client.execute(client.prepare(off))

        def by_text(client):
            client.query(f"PREPARE s FROM '{off}'")
            client.query("EXECUTE s")

        def by_variable(client):
            client.query(f"SET @text = '{off}'")
            client.query("PREPARE s FROM @text")
            client.query("EXECUTE s")
            client.query("DEALLOCATE PREPARE s")

        def by_procedure(client):
            client.query("CALL blinds()")

        def with_all_variables(client):
            client.query("CALL blinds_all()")

        with self.cluster.another_proxy(pool_max=1) as proxy:
            for way in (by_command, by_text, by_variable, by_procedure, with_all_variables):
                with self.subTest(way=way.__name__), proxy.wire("primary", database=self.schema) as client:
                    mode = client.value("SELECT @@sql_mode")
                    client.query("SET session_track_gtids = OWN_GTID")
                    way(client)
                    before = primary.value("SELECT @@gtid_executed")
                    end = client.query("INSERT INTO counted VALUES (1)").end
                    self.assertEqual([], end.changed(3))
                    written = primary.value("SELECT GTID_SUBTRACT(@@gtid_executed, %s)", before)
                    self.assertTrue(written)
                    known = client.query("SHOW STATUS LIKE 'dorsal_session_position'").rows[0][1].decode()
                    self.assertEqual(1, primary.value("SELECT GTID_SUBSET(%s, %s)", written, known), (written, known))
                    self.assertEqual("OFF", client.value("SELECT @@session_track_gtids"))
                    client.query("SET sql_mode = ''")
                    client.close()
                    with proxy.wire("primary") as next_one:
                        self.assertEqual(mode, next_one.value("SELECT @@sql_mode"))

    # Files.

    def test_load_data_local_takes_the_clients_file(self):
        server = self.root(self.cluster.primary())
        before = server.value("SELECT @@global.local_infile")
        server.run("SET GLOBAL local_infile = 1")
        self.addCleanup(server.run, f"SET GLOBAL local_infile = {before}")
        lines = b"".join(b"%d\t%s\n" % (i, b"x" * 50) for i in range(20_000))
        pieces = [lines[at : at + 100_000] for at in range(0, len(lines), 100_000)]
        for name, capabilities in (("modern", wire.MODERN), ("old", wire.OLD)):
            with self.subTest(client=name):
                connection = self.open(capabilities=capabilities | wire.LOCAL_FILES)
                connection.query("CREATE TABLE IF NOT EXISTS loaded (id INT PRIMARY KEY, x VARCHAR(60))")
                connection.query("TRUNCATE loaded")
                sql = "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE loaded"
                self.assertEqual(20_000, connection.query(sql, local_file=pieces).end.affected)
                self.assertEqual("20000", connection.value("SELECT COUNT(*) FROM loaded WHERE LENGTH(x) = 50"))
                # An empty file, and one whose rows do not fit.
                self.assertEqual(0, connection.query(sql, local_file=[]).end.affected)
                connection.query("SET sql_mode = 'STRICT_ALL_TABLES'")
                self.assertEqual(0, connection.query(sql, local_file=[b"1\ttwice\n"]).end.affected)
                self.assertEqual("1", connection.value("SELECT 1"))

    def test_load_data_local_is_refused_when_the_server_does_not_allow_it(self):
        if self.root(self.cluster.primary()).value("SELECT @@global.local_infile"):
            self.skipTest("this server allows it")
        connection = self.open(capabilities=wire.MODERN | wire.LOCAL_FILES)
        with self.assertRaises(wire.ServerError) as caught:
            connection.query("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE kinds", local_file=[])
        self.assertEqual(3948, caught.exception.code)
        self.assertEqual("1", connection.value("SELECT 1"))


if __name__ == "__main__":
    harness.main()
