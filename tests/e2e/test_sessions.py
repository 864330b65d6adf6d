#!/usr/bin/env python3
"""A session through the proxy behaves like a session with one server, whichever servers it uses."""

import re
import secrets
import threading
import time

import pymysql

import harness
import wire

# Reads one table row, so that a replica may serve it.
READ = "SELECT n FROM numbers WHERE n = 1"


class Sessions(harness.ClusterTest):
    schema = "e2e_sessions"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.cluster.connect("primary", database=cls.schema) as primary:
            primary.run("CREATE TABLE numbers (n INT PRIMARY KEY, t VARCHAR(50))")
            primary.run("INSERT INTO numbers VALUES (1, 'one'), (2, 'two'), (3, 'three')")
        harness.wait_for_replicas(cls.cluster)

    def setUp(self):
        self.session = self.connect(database=self.schema)

    def run_sql(self, sql, *parameters):
        return self.session.run(sql, *parameters)

    def everywhere(self, expression):
        """Its value as a replica sees it and as the primary sees it, which must be the same."""
        on_replica = self.session.value(f"SELECT {expression} FROM numbers WHERE n = 1")
        on_primary = self.session.value(f"/* dorsal: primary */ SELECT {expression} FROM numbers WHERE n = 1")
        self.assertEqual(on_replica, on_primary, expression)
        return on_primary

    # Transactions.

    def test_a_transaction_sees_its_own_writes_and_is_undone_as_a_whole(self):
        self.run_sql("BEGIN")
        self.run_sql("INSERT INTO numbers VALUES (10, 'ten')")
        self.assertEqual("ten", self.session.value("SELECT t FROM numbers WHERE n = 10"))
        self.run_sql("ROLLBACK")
        self.assertEqual((), self.run_sql("SELECT t FROM numbers WHERE n = 10"))

    def test_savepoints_undo_a_part(self):
        self.run_sql("BEGIN")
        self.run_sql("INSERT INTO numbers VALUES (20, 'twenty')")
        self.run_sql("SAVEPOINT s")
        self.run_sql("INSERT INTO numbers VALUES (21, 'more')")
        self.run_sql("ROLLBACK TO s")
        self.run_sql("RELEASE SAVEPOINT s")
        self.run_sql("COMMIT")
        self.assertEqual(((20,),), self.run_sql("SELECT n FROM numbers WHERE n BETWEEN 20 AND 29"))
        self.run_sql("DELETE FROM numbers WHERE n = 20")

    def test_without_autocommit_nothing_is_seen_before_commit(self):
        self.run_sql("SET autocommit = 0")
        self.run_sql("INSERT INTO numbers VALUES (30, 'thirty')")
        other = self.connect(database=self.schema)
        self.assertEqual((), other.run("SELECT n FROM numbers WHERE n = 30"))
        self.run_sql("COMMIT")
        self.assertEqual(((30,),), other.run("SELECT n FROM numbers WHERE n = 30"))
        self.run_sql("DELETE FROM numbers WHERE n = 30")
        self.run_sql("COMMIT")

    def test_a_repeatable_read_stays_the_same(self):
        self.run_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        before = self.run_sql("SELECT COUNT(*) FROM numbers")
        self.connect(database=self.schema).run("INSERT INTO numbers VALUES (40, 'forty')")
        self.assertEqual(before, self.run_sql("SELECT COUNT(*) FROM numbers"))
        self.run_sql("COMMIT")
        self.assertEqual(((before[0][0] + 1,),), self.run_sql("SELECT COUNT(*) FROM numbers"))
        self.run_sql("DELETE FROM numbers WHERE n = 40")

    def test_a_read_only_transaction_refuses_writes(self):
        self.run_sql("START TRANSACTION READ ONLY")
        self.run_sql(READ)
        with self.assertRaises(pymysql.MySQLError) as caught:
            self.run_sql("INSERT INTO numbers VALUES (50, 'fifty')")
        self.assertEqual(1792, caught.exception.args[0])
        self.run_sql("ROLLBACK")

    def test_the_status_flags_of_every_reply_are_right(self):
        session = self.wire(database=self.schema)
        flags = wire.IN_TRANSACTION | wire.AUTOCOMMIT
        expected = [
            ("SELECT 1", wire.AUTOCOMMIT),
            (READ, wire.AUTOCOMMIT),
            ("BEGIN", flags),
            (READ, flags),
            ("COMMIT", wire.AUTOCOMMIT),
            ("SET autocommit = 0", 0),
            ("SELECT n FROM numbers LIMIT 1", wire.IN_TRANSACTION),
            ("ROLLBACK", 0),
            ("SET autocommit = 1", wire.AUTOCOMMIT),
        ]
        found = [(sql, session.query(sql).end.status & flags) for sql, _ in expected]
        self.assertEqual(expected, found)

    # State.

    def test_use_changes_the_schema_everywhere(self):
        self.run_sql("CREATE DATABASE IF NOT EXISTS e2e_sessions_2")
        self.run_sql("CREATE TABLE IF NOT EXISTS e2e_sessions_2.numbers (n INT)")
        self.run_sql("REPLACE INTO e2e_sessions_2.numbers VALUES (1)")
        self.run_sql(READ)
        self.run_sql("USE e2e_sessions_2")
        self.assertEqual("e2e_sessions_2", self.everywhere("DATABASE()"))
        self.session.select_db(self.schema)
        self.assertEqual(self.schema, self.everywhere("DATABASE()"))
        self.run_sql("DROP DATABASE e2e_sessions_2")

    def test_session_variables_hold_everywhere(self):
        self.run_sql(READ)
        self.run_sql("SET SESSION time_zone = '+05:30', lc_time_names = 'de_DE', @@session.div_precision_increment = 7")
        self.assertEqual("1970-01-01 05:30", self.everywhere("CAST(FROM_UNIXTIME(0) AS CHAR(16))"))
        self.assertEqual("März", self.everywhere("DATE_FORMAT('2024-03-01', '%M')"))
        self.assertEqual("0.3333333", str(self.everywhere("1 / 3")))

    def test_sql_mode_holds_everywhere_and_changes_how_text_is_read(self):
        self.run_sql(READ)
        self.run_sql("SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'")
        self.assertEqual(1, self.everywhere('"n"'))
        self.assertEqual("ab", self.everywhere("'a' || 'b'"))
        self.run_sql("SET sql_mode = 'NO_BACKSLASH_ESCAPES'")
        self.assertEqual(2, self.everywhere(r"LENGTH('\n')"))

    def test_set_names_holds_everywhere(self):
        self.run_sql(READ)
        self.run_sql("SET NAMES latin1 COLLATE latin1_german1_ci")
        for variable, value in (
            ("character_set_client", "latin1"), ("character_set_results", "latin1"),
            ("collation_connection", "latin1_german1_ci"),
        ):
            self.assertEqual(value, self.everywhere(f"@@{variable}"))
        self.assertEqual("latin1_german1_ci", self.everywhere("COLLATION('x')"))
        self.run_sql("SET NAMES utf8mb4")
        self.assertEqual("utf8mb4", self.everywhere("CHARSET('x')"))

    def test_text_in_another_character_set_arrives_unchanged(self):
        session = self.connect(database=self.schema, charset="latin1")
        session.run("REPLACE INTO numbers VALUES (60, 'Grüße')")
        self.assertEqual("Grüße", session.value("SELECT t FROM numbers WHERE n = 60"))
        self.assertEqual("Grüße", self.session.value("SELECT t FROM numbers WHERE n = 60"))

    def test_user_variables_keep_their_values(self):
        self.run_sql("SET @a = 5, @b = 'x'")
        self.run_sql("SELECT n INTO @c FROM numbers WHERE n = 3")
        self.run_sql("SELECT @d := COUNT(*) FROM numbers WHERE n < 4")
        self.run_sql(READ)
        self.assertEqual(((5, "x", 3, 3),), self.run_sql("SELECT @a, @b, @c, @d"))
        self.assertEqual(((1,),), self.run_sql("SELECT n FROM numbers WHERE n = @a - 4"))

    def test_user_variables_do_not_leak_into_other_sessions(self):
        self.run_sql("SET @leak = 1")
        self.session.close()
        for _ in range(5):
            self.assertIsNone(self.connect().value("SELECT @leak"))

    def test_temporary_tables_are_found(self):
        self.run_sql("CREATE TEMPORARY TABLE mine (n INT)")
        self.run_sql("INSERT INTO mine VALUES (1), (2)")
        for _ in range(5):
            self.assertEqual(((2,),), self.run_sql("SELECT COUNT(*) FROM mine"))
        self.assertEqual(((1,),), self.run_sql("SELECT numbers.n FROM numbers JOIN mine USING (n) WHERE n = 1"))
        with self.assertRaises(pymysql.MySQLError):
            self.connect(database=self.schema).run("SELECT * FROM mine")

    def test_a_temporary_table_hides_a_table_of_the_same_name(self):
        self.run_sql("CREATE TEMPORARY TABLE numbers (n INT, t VARCHAR(50))")
        self.assertEqual(((0,),), self.run_sql("SELECT COUNT(*) FROM numbers"))
        self.run_sql("DROP TEMPORARY TABLE numbers")
        self.assertEqual(((1,),), self.run_sql(READ))

    def test_a_user_lock_excludes_other_sessions_until_it_is_released(self):
        other = self.connect()
        self.assertEqual(1, self.session.value("SELECT GET_LOCK('e2e', 0)"))
        self.run_sql(READ)
        self.assertEqual(0, other.value("SELECT GET_LOCK('e2e', 0)"))
        self.assertEqual(1, self.session.value("SELECT RELEASE_LOCK('e2e')"))
        self.assertEqual(1, other.value("SELECT GET_LOCK('e2e', 0)"))

    def test_a_user_lock_ends_with_its_session(self):
        self.assertEqual(1, self.session.value("SELECT GET_LOCK('e2e_end', 0)"))
        self.session.close()
        self.assertEqual(1, self.connect().value("SELECT GET_LOCK('e2e_end', 10)"))

    def test_lock_tables_holds_until_unlock(self):
        self.run_sql("LOCK TABLES numbers WRITE")
        self.run_sql("INSERT INTO numbers VALUES (70, 'locked')")
        self.assertEqual(((70,),), self.run_sql("SELECT n FROM numbers WHERE n = 70"))
        done = threading.Event()

        def wait_for_it():
            with self.cluster.connect(database=self.schema) as other:
                other.run("DELETE FROM numbers WHERE n = 70")
            done.set()

        thread = threading.Thread(target=wait_for_it)
        thread.start()
        self.assertFalse(done.wait(0.3))
        self.run_sql("UNLOCK TABLES")
        thread.join(20)
        self.assertTrue(done.is_set())

    # Answers about the statement before.

    def test_last_insert_id_is_that_of_this_session(self):
        self.run_sql("CREATE TABLE IF NOT EXISTS ids (id INT AUTO_INCREMENT PRIMARY KEY, v INT)")
        other = self.connect(database=self.schema)
        self.run_sql("INSERT INTO ids (v) VALUES (1)")
        mine = self.session.insert_id()
        other.run("INSERT INTO ids (v) VALUES (2)")
        self.run_sql(READ)
        self.assertEqual(((mine,),), self.run_sql("SELECT LAST_INSERT_ID()"))
        self.assertEqual(((mine,),), self.run_sql("SELECT LAST_INSERT_ID() AS id"))
        self.assertEqual(((mine,),), self.run_sql("SELECT @@last_insert_id"))
        self.assertEqual(((1,),), self.run_sql("SELECT v FROM ids WHERE id = LAST_INSERT_ID()"))

    def test_found_rows_counts_the_last_read(self):
        self.run_sql("SELECT SQL_CALC_FOUND_ROWS n FROM numbers WHERE n < 4 LIMIT 1")
        self.assertEqual(((3,),), self.run_sql("SELECT FOUND_ROWS()"))
        self.run_sql("SELECT n FROM numbers WHERE n < 3")
        self.assertEqual(((2,),), self.run_sql("SELECT FOUND_ROWS()"))

    def test_row_count_counts_the_last_write(self):
        self.run_sql("UPDATE numbers SET t = CONCAT(t, '!') WHERE n < 4")
        self.assertEqual(((3,),), self.run_sql("SELECT ROW_COUNT()"))
        self.assertEqual(((-1,),), self.run_sql("SELECT ROW_COUNT()"))

    def test_warnings_are_those_of_the_statement_before_wherever_it_ran(self):
        self.run_sql("SELECT n + 'abc' FROM numbers WHERE n = 1")
        self.assertEqual((("Warning", 1292, "Truncated incorrect DOUBLE value: 'abc'"),), self.run_sql("SHOW WARNINGS"))
        self.assertEqual(((1,),), self.run_sql("SHOW COUNT(*) WARNINGS"))
        self.run_sql("INSERT IGNORE INTO numbers VALUES (1, 'again')")
        self.assertEqual(1062, self.run_sql("SHOW WARNINGS")[0][1])
        with self.assertRaises(pymysql.MySQLError):
            self.run_sql("SELECT missing FROM numbers")
        self.assertEqual(1054, self.run_sql("SHOW ERRORS")[0][1])

    # Connections.

    def test_connection_ids_are_unique_and_kill_ends_the_right_session(self):
        victim = self.connect(database=self.schema)
        number = victim.value("SELECT CONNECTION_ID()")
        self.assertEqual(victim.thread_id(), number)
        self.assertNotEqual(self.session.thread_id(), number)
        self.run_sql(f"KILL {number}")
        with self.assertRaises(pymysql.MySQLError):
            victim.run(READ)
            victim.run(READ)
        self.run_sql(READ)

    def test_kill_query_ends_a_statement_and_the_session_goes_on(self):
        victim = self.connect(database=self.schema)
        outcome = []

        def run_long():
            try:
                outcome.append(victim.value("SELECT SLEEP(30) FROM numbers WHERE n = 1"))
            except pymysql.MySQLError as error:
                outcome.append(error.args[0])

        thread = threading.Thread(target=run_long)
        started = time.monotonic()
        thread.start()
        while thread.is_alive() and time.monotonic() < started + 20:
            time.sleep(0.2)
            self.run_sql(f"KILL QUERY {victim.thread_id()}")
        thread.join(30)
        self.assertLess(time.monotonic() - started, 20)
        self.assertIn(outcome[0], (1, 1317))
        self.assertEqual(1, victim.value(READ))

    def test_a_number_from_the_servers_list_of_processes_kills_there(self):
        victim = self.connect(database=self.schema)
        victim.run("BEGIN")
        victim.run("UPDATE numbers SET t = t WHERE n = 1")
        number = self.server_connection(victim)
        server = self.root(self.cluster.primary())
        self.assertIn((number,), server.run("SELECT id FROM performance_schema.processlist"))
        self.run_sql(f"KILL {number}")
        with self.assertRaises(pymysql.MySQLError) as caught:
            victim.run("COMMIT")
        self.assertIn(caught.exception.args[0], (1053, 1213))
        self.assertEqual(1, self.session.value(READ))

    @staticmethod
    def server_connection(session):
        """The number that the server knows the session's connection by."""
        return int(session.value("SELECT (SELECT CONNECTION_ID()) + 0"))

    # Who the client is, to itself and to others.

    def listed(self, session):
        """SHOW PROCESSLIST by the number of each connection."""
        return {row[0]: row for row in session.run("SHOW PROCESSLIST")}

    def make_user(self, grants=""):
        user = "u" + secrets.token_hex(6)
        root = self.root(self.cluster.primary())
        root.run(f"CREATE USER {user} IDENTIFIED BY 'secret'")
        self.addCleanup(root.run, f"DROP USER {user}")
        if grants:
            root.run(f"GRANT {grants} ON *.* TO {user}")
        return user

    def test_the_list_of_processes_has_clients_with_their_own_numbers_and_addresses(self):
        busy, idle = self.connect(database=self.schema), self.connect(database=self.schema)
        busy.run("BEGIN")
        busy.run("UPDATE numbers SET t = t WHERE n = 1")
        listed = self.listed(self.session)
        for session, command, statement in (
            (self.session, "Query", "SHOW PROCESSLIST"), (busy, "Sleep", None), (idle, "Sleep", None),
        ):
            number, (host, port) = session.thread_id(), session._sock.getsockname()
            self.assertIn(number, listed)
            self.assertEqual((number, self.cluster.account()[0], f"{host}:{port}", self.schema, command),
                             listed[number][:5])
            self.assertEqual(statement, listed[number][7])
        self.run_sql(f"KILL {busy.thread_id()}")
        self.run_sql(f"KILL {idle.thread_id()}")
        listed = self.listed(self.session)
        self.assertNotIn(busy.thread_id(), listed)
        self.assertNotIn(idle.thread_id(), listed)

    def test_a_session_that_reads_from_a_replica_is_listed_as_busy(self):
        reader = self.connect(database=self.schema)
        outcome = []

        def run_long():
            try:
                outcome.append(reader.value("SELECT SLEEP(60) FROM numbers WHERE n = 1"))
            except pymysql.MySQLError as error:
                outcome.append(error.args[0])

        thread = threading.Thread(target=run_long)
        thread.start()
        harness.wait_until(
            "it is busy", lambda: self.listed(self.session)[reader.thread_id()][4] == "Query"
        )
        self.run_sql(f"KILL {reader.thread_id()}")
        thread.join(30)
        self.assertFalse(thread.is_alive())
        self.assertNotEqual([0], outcome)

    def test_a_user_without_process_sees_and_ends_its_own_sessions_only(self):
        user, admin = self.make_user(), self.make_user("PROCESS, CONNECTION_ADMIN")
        mine = [self.connect(user=user, password="secret") for _ in range(2)]
        over_all = self.connect(user=admin, password="secret")
        self.assertEqual({one.thread_id() for one in mine}, {
            number for number, row in self.listed(mine[0]).items() if number >= 1 << 30
        })
        self.assertEqual({user}, {row[1] for row in self.listed(mine[0]).values()})
        seen = self.listed(over_all)
        for session in (*mine, self.session, over_all):
            self.assertIn(session.thread_id(), seen)
        for victim in (self.session, over_all):
            with self.assertRaises(pymysql.MySQLError) as refused:
                mine[0].run(f"KILL {victim.thread_id()}")
            self.assertEqual((1095, f"You are not owner of thread {victim.thread_id()}"), refused.exception.args)
            self.assertEqual(1, victim.value("SELECT 1"))
        over_all.run(f"KILL {mine[1].thread_id()}")
        with self.assertRaises(pymysql.MySQLError):
            mine[1].value("SELECT 1")

    def test_user_and_connection_id_are_the_clients_own(self):
        user = self.make_user()
        session = wire.connect(self.cluster.address(), user, "secret", source="127.3.4.5")
        self.addCleanup(session.close)
        direct = wire.connect(self.cluster.direct_address(self.cluster.primary()), user, "secret", source="127.3.4.5")
        self.addCleanup(direct.close)
        for sql in (
            "SELECT USER()", "SELECT SESSION_USER() AS s, SYSTEM_USER()", "SELECT DATABASE(), USER() LIMIT 1",
            "SELECT CONNECTION_ID(), USER(), CONNECTION_ID() AS c, CURRENT_USER()",
            "/* dorsal: primary */ SELECT 1, user()", "SELECT CONNECTION_ID()",
        ):
            with self.subTest(sql=sql):
                answers = []
                for each in (direct, session):
                    result = each.query(sql)
                    rows = [[value and re.sub(rb"(?<![\d.])%d(?![\d.])" % each.connection_id, b"<id>", value) for value in row]
                            for row in result.rows]
                    answers.append(([vars(column) for column in result.columns], rows))
                self.assertEqual(*answers)

    def test_prepared_statements_know_the_client_too(self):
        user = self.make_user()
        session = wire.connect(self.cluster.address(), user, "secret", source="127.3.4.5")
        self.addCleanup(session.close)
        number = b"%d" % session.connection_id
        name = user.encode() + b"@127.3.4.5"
        for sql, expected in (
            ("SELECT CONNECTION_ID(), USER(), 'x'", [int(number), name, b"x"]),
            ("SELECT CONCAT(USER(), '|', CONNECTION_ID()) AS who", [name + b"|" + number]),
            ("SELECT 1 FROM DUAL WHERE CONNECTION_ID() = %d" % session.connection_id, [1]),
        ):
            with self.subTest(sql=sql):
                statement = session.prepare(sql)
                for _ in range(2):
                    self.assertEqual([expected], session.execute(statement).rows)
                    opened = session.open_cursor(statement)
                    self.assertEqual([expected], session.fetch(statement, opened.columns, 10).rows)

    def test_what_is_kept_under_a_clients_number_is_found_again(self):
        self.run_sql("CREATE TABLE work (c BIGINT UNSIGNED, u VARCHAR(100), i INT)")
        self.addCleanup(self.run_sql, "DROP TABLE work")
        clients = [self.connect(database=self.schema) for _ in range(4)]
        for i, client in enumerate(clients):
            client.run(f"INSERT INTO work VALUES (CONNECTION_ID(), USER(), {i})")
        for i, client in reversed(list(enumerate(clients))):
            self.assertEqual(((client.thread_id(), i),),
                             client.run("SELECT c, i FROM work WHERE c = CONNECTION_ID() AND u = USER()"))
            self.assertEqual(client.thread_id() + 1, client.value("SELECT CONNECTION_ID() + 1"))
            self.assertEqual([{"CONNECTION_ID() + 2": client.thread_id() + 2}],
                             client.rows("SELECT CONNECTION_ID() + 2"))
            client.run("SET @mine = CONNECTION_ID()")
            self.assertEqual(client.thread_id(), client.value("SELECT @mine"))
            self.assertEqual(client.thread_id(), client.value("SELECT CONNECTION_ID() UNION SELECT CONNECTION_ID()"))
        for client in clients:
            client.run("DELETE FROM work WHERE c = CONNECTION_ID()")
        self.assertEqual(0, self.session.value("SELECT COUNT(*) FROM work"))

    def test_tables_of_connections_have_clients_with_their_own_numbers_and_addresses(self):
        victim = self.connect(database=self.schema)
        victim.run("BEGIN")
        victim.run("UPDATE numbers SET t = t WHERE n = 1")
        admin = self.connect(user=self.make_user("PROCESS, SELECT"), password="secret")
        host, port = victim._sock.getsockname()
        number = victim.thread_id()
        for sql, expected in (
            ("SELECT id, host FROM performance_schema.processlist", (number, f"{host}:{port}")),
            ("SELECT host, p.id FROM information_schema.processlist AS p", (f"{host}:{port}", number)),
            ("SELECT processlist_id, processlist_host FROM performance_schema.threads", (number, host)),
            ("SELECT trx_mysql_thread_id FROM information_schema.innodb_trx", (number,)),
        ):
            with self.subTest(sql=sql):
                self.assertIn(expected, admin.run(sql))
        own = "SELECT id FROM performance_schema.processlist WHERE id = CONNECTION_ID()"
        self.assertEqual(((admin.thread_id(),),), admin.run(own))
        admin.run("USE performance_schema")
        self.assertEqual(((admin.thread_id(),),), admin.run("SELECT id FROM processlist WHERE id = CONNECTION_ID()"))

    def test_who_has_a_lock_is_a_client(self):
        holder = self.connect(database=self.schema)
        self.assertEqual(1, holder.value("SELECT GET_LOCK('mine', 10)"))
        self.assertEqual(holder.thread_id(), self.session.value("SELECT IS_USED_LOCK('mine')"))
        self.assertEqual(1, holder.value("SELECT IS_USED_LOCK('mine') = CONNECTION_ID()"))
        holder.run("DO RELEASE_LOCK('mine')")

    def test_a_prepared_list_of_processes(self):
        session, idle = self.wire(database=self.schema), self.connect(database=self.schema)
        statement = session.prepare("SHOW PROCESSLIST")
        for cursor in (0, 1):  # none, and one for reading only, which a server need not open
            listed = {row[0] for row in session.execute(statement, cursor=cursor).rows}
            self.assertLessEqual({session.connection_id, idle.thread_id()}, listed)

    def test_ignore_space_of_the_login_outlives_a_reset(self):
        wanted = {"capabilities": wire.MODERN | wire.IGNORE_SPACE, "database": self.schema}
        direct = wire.connect(
            self.cluster.direct_address(self.cluster.primary()), *self.cluster.account(), **wanted
        )
        self.addCleanup(direct.close)
        for session in (direct, self.wire(**wanted)):
            for _ in range(2):
                self.assertIn("IGNORE_SPACE", session.value("SELECT @@sql_mode"))
                self.assertEqual("3", session.value("SELECT COUNT (*) FROM (VALUES ROW(1), ROW(2), ROW(3)) AS v"))
                session.query("SET sql_mode = ''")
                session.reset_connection()

    def test_kill_of_nobody_is_error_1094(self):
        with self.assertRaises(pymysql.MySQLError) as caught:
            self.run_sql("KILL 4000000000")
        self.assertEqual(1094, caught.exception.args[0])

    def test_a_server_connection_killed_behind_the_proxy_costs_at_most_one_error(self):
        self.run_sql(READ)
        for node in self.cluster.api_status()["nodes"]:
            server = self.root(node)
            for (number,) in server.run("SELECT id FROM information_schema.processlist WHERE user = 'app'"):
                with harness.contextlib.suppress(pymysql.MySQLError):
                    server.run(f"KILL {number}")
        errors = 0
        for _ in range(3):
            try:
                self.session.ping(reconnect=True)
                self.assertEqual(1, self.session.value(READ))
            except pymysql.MySQLError:
                errors += 1
        self.assertLessEqual(errors, 1)

    def test_reset_connection_forgets_the_session_and_keeps_the_login(self):
        session = self.wire(database=self.schema)
        session.query("SET @a = 1, time_zone = '+01:00'")
        session.query("BEGIN")
        session.query("INSERT INTO numbers VALUES (80, 'undone')")
        session.query("CREATE TEMPORARY TABLE mine (i INT)")
        statement = session.prepare(READ)
        session.reset_connection()
        self.assertIsNone(session.value("SELECT @a"))
        self.assertEqual("SYSTEM", session.value("SELECT @@time_zone"))
        self.assertEqual([], session.query("SELECT n FROM numbers WHERE n = 80").rows)
        for code, act in (
            (1146, lambda: session.query("SELECT * FROM mine")),
            (1243, lambda: session.execute(statement)),
        ):
            with self.assertRaises(wire.ServerError) as caught:
                act()
            self.assertEqual(code, caught.exception.code)
        self.assertEqual(wire.AUTOCOMMIT, session.ping().status & (wire.AUTOCOMMIT | wire.IN_TRANSACTION))

    def test_a_client_that_is_silent_for_its_wait_timeout_is_told_as_by_a_server(self):
        user, password = self.cluster.account()
        for address in (self.cluster.direct_address(self.cluster.primary()), *map(self.cluster.address, ("split", "primary"))):
            with self.subTest(address=address), wire.connect(address, user, password) as silent:
                silent.query("SET SESSION wait_timeout = 1")
                self.assertEqual("1", silent.value("SELECT @@wait_timeout"))
                payload = silent.receive(in_order=False)
                self.assertEqual(b"\xff\xbf\x0f#HY000", payload[:9])
                self.assertIn(b"because of inactivity. See wait_timeout", payload)
                self.assertRaises(wire.Closed, silent.receive)

    def test_a_session_tells_what_became_of_its_reads(self):
        def status():
            return dict(self.session.run("SHOW STATUS LIKE 'dorsal_session%'"))

        before = status()
        self.session.value(READ)
        self.session.value(READ)
        after = status()
        reads = [name for name in after if "_reads_" in name]
        self.assertEqual(5, len(reads))
        self.assertEqual(2, sum(int(after[name]) - int(before[name]) for name in reads))
        self.assertEqual("global", after["dorsal_session_consistency"])
        self.assertEqual("", after["dorsal_session_tie"])
        self.session.run("BEGIN")
        self.assertEqual("transaction", status()["dorsal_session_tie"])
        self.session.run("ROLLBACK")

    def test_many_sessions_with_different_settings_never_mix(self):
        sessions = [self.connect(database=self.schema) for _ in range(24)]
        for hour, session in enumerate(sessions[:12]):
            session.run(f"SET time_zone = '+{hour:02}:00'")
        for _ in range(3):
            for hour, session in enumerate(sessions[:12]):
                local = session.value("SELECT HOUR(FROM_UNIXTIME(0)) FROM numbers WHERE n = 1")
                self.assertEqual(hour, local)
            for session in sessions[12:]:
                self.assertEqual("SYSTEM", session.value("SELECT @@time_zone FROM numbers WHERE n = 1"))


if __name__ == "__main__":
    harness.main()
