#!/usr/bin/env python3
"""Many clients share few server connections, and none of them notices."""

import random
import threading
import time

import harness
import wire

SERVER_CONNECTIONS = "dorsal_proxy_server_connections"


class Sharing(harness.ClusterTest):
    schema = "e2e_sharing"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.cluster.connect("primary", database=cls.schema) as connection:
            connection.run("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(40))")
            connection.run("INSERT INTO t (v) VALUES ('first')")
        harness.wait_for_replicas(cls.cluster)

    def largest_pool(self, proxy):
        """Of the primary's and the replicas' pools, as the proxy counts them."""
        return max(value for key, value in proxy.metrics().items() if key[0] == SERVER_CONNECTIONS)

    def in_threads(self, count, work):
        """Runs work(index) in so many threads and gives back what they raised."""
        failures = []

        def guarded(index):
            try:
                work(index)
            except Exception as error:  # pylint: disable=broad-except
                failures.append(f"{index}: {error!r}")

        threads = [threading.Thread(target=guarded, args=(index,)) for index in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(300)
        return failures

    def test_a_thousand_clients_with_a_statement_a_second_need_few_connections(self):
        with self.cluster.another_proxy() as proxy:
            clients = [proxy.wire(database=self.schema) for _ in range(1000)]
            largest = [self.largest_pool(proxy)]
            is_over = threading.Event()

            def watch():
                while not is_over.wait(0.1):
                    largest.append(self.largest_pool(proxy))

            watcher = threading.Thread(target=watch)
            watcher.start()

            def work(index):
                mine = clients[index::4]
                for round_ in range(3):
                    began = time.monotonic()
                    for number, client in enumerate(mine):
                        time.sleep(max(0, began + number / len(mine) - time.monotonic()))
                        if random.random() < 0.2:
                            client.query(f"INSERT INTO t (v) VALUES ('{index} {round_}')")
                        else:
                            self.assertEqual("first", client.value("SELECT v FROM t WHERE id = 1"))

            failures = self.in_threads(4, work)
            is_over.set()
            watcher.join()
            self.assertEqual([], failures)
            self.assertEqual(1000, proxy.metric("dorsal_proxy_sessions"))
            self.assertLessEqual(max(largest), 20)
            for client in clients:
                client.close()

    def test_what_each_client_set_is_never_seen_by_another(self):
        """Hundreds of clients with settings of their own over three connections."""
        zones = [f"+{hour:02d}:00" for hour in range(10)]
        with self.cluster.another_proxy(pool_max=3) as proxy:
            clients = []
            for index in range(200):
                client = proxy.wire(database=self.schema)
                chosen = random.Random(index)
                zone, limit, text = chosen.choice(zones), chosen.randrange(1, 50), f"text {index}"
                client.query(f"SET time_zone = '{zone}', sql_select_limit = {limit}")
                client.query(f"SET @mine = '{text}', @number = {index}, @float = {index}.5e0, @exact = {index}.50")
                client.query("SET NAMES latin1" if index % 2 else "SET NAMES utf8mb4 COLLATE utf8mb4_bin")
                expected = [zone, str(limit), text, str(index), f"{index}.5", f"{index}.50",
                            "latin1" if index % 2 else "utf8mb4",
                            "latin1_swedish_ci" if index % 2 else "utf8mb4_bin"]
                clients.append((client, [value.encode() for value in expected]))
            asked = ("SELECT @@time_zone, @@sql_select_limit, @mine, @number, @float, @exact,"
                     " @@character_set_client, @@collation_connection")

            def work(index):
                chosen = random.Random(index)
                mine = clients[index::4]
                for _ in range(200):
                    client, expected = chosen.choice(mine)
                    assert [expected] == client.query(asked).rows, (expected, client.query(asked).rows)

            self.assertEqual([], self.in_threads(4, work))
            self.assertLessEqual(self.largest_pool(proxy), 3)

    def test_each_client_is_told_of_its_own_last_statement(self):
        with self.cluster.another_proxy(pool_max=2) as proxy:
            clients = [proxy.wire(database=self.schema) for _ in range(10)]
            ids = {}
            for client in clients:
                ids[client] = client.query("INSERT INTO t (v) VALUES ('x')").end.insert_id
            for client in clients:
                self.assertEqual(str(ids[client]), client.value("SELECT LAST_INSERT_ID()"))
            for client in clients:
                client.query(f"UPDATE t SET v = {ids[client]} WHERE id = LAST_INSERT_ID()")
            for client in clients:
                self.assertEqual("1", client.value("SELECT ROW_COUNT()"))
            for client in clients:
                self.assertEqual([[str(ids[client]).encode()]],
                                 client.query("SELECT v FROM t WHERE id = LAST_INSERT_ID()").rows)
            for number, client in enumerate(clients):
                client.query(f"SELECT 1 / 0, CAST('{number}x' AS SIGNED)")
            for number, client in enumerate(clients):
                told = client.query("SHOW WARNINGS").rows
                self.assertEqual([b"Division by 0", f"Truncated incorrect INTEGER value: '{number}x'".encode()],
                                 [row[2] for row in told])
            for number, client in enumerate(clients):
                client.query(f"SELECT SQL_CALC_FOUND_ROWS id FROM t WHERE id <= {number + 1} LIMIT 1")
            for number, client in enumerate(clients):
                with self.cluster.connect() as other:
                    expected = other.value(f"SELECT COUNT(*) FROM {self.schema}.t WHERE id <= {number + 1}")
                self.assertEqual(str(expected), client.value("SELECT FOUND_ROWS()"))

    def test_each_client_gets_the_diagnostics_of_its_own_last_statement(self):
        # Alike and on one loop, so that they share connections.
        both = {"capabilities": wire.MODERN | wire.MULTI_STATEMENTS, "database": self.schema}
        with self.cluster.another_proxy(pool_max=1, loops=1) as proxy, proxy.wire("primary", **both) as other:
            client = proxy.wire("primary", **both)
            self.addCleanup(client.close)
            about_condition = (
                "GET DIAGNOSTICS CONDITION {} @number = MYSQL_ERRNO, @state = RETURNED_SQLSTATE, @text = MESSAGE_TEXT,"
                " @class = CLASS_ORIGIN, @subclass = SUBCLASS_ORIGIN, @table = TABLE_NAME"
            )
            shown = "SELECT @number, @state, @text, @class, @subclass, @table, COLLATION(@text), COERCIBILITY(@text)"

            def fail(sql):
                with self.assertRaises(wire.ServerError):
                    client.query(sql)

            def diagnose(taken_away):
                """What can be known of the last statement, behind somebody else's on its connection or not."""
                told = []
                for sql in ("GET DIAGNOSTICS @rows = ROW_COUNT, @count = NUMBER", about_condition.format(1),
                            about_condition.format("@count"), about_condition.format(9)):
                    if taken_away:
                        other.query("SELECT 1 / 0")
                    end = client.query(sql).end
                    told.append((end.warnings, end.affected, end.changes))
                if taken_away:
                    other.query("SELECT 1 / 0")
                return [*told, client.query("SHOW WARNINGS").rows,
                        client.query(shown).rows, client.query("SELECT @rows, @count").rows]

            for sql, is_error in (
                ("SELECT 1 / 0, CAST('x' AS SIGNED)", False), ("SELECT * FROM missing.t", True),
                ("INSERT INTO t (v) VALUES ('x'), ('y')", False), ("DROP TABLE IF EXISTS missing", False), ("XA COMMIT 'x'", True),
                ("KILL 4294967295", True),
                ("SIGNAL SQLSTATE '01234' SET TABLE_NAME = 'of a signal', MESSAGE_TEXT = 'mild', MYSQL_ERRNO = 1064", False),
            ):
                with self.subTest(sql=sql):
                    answers = []
                    # What SIGNAL names keeps its connection, which nobody else gets then.
                    for taken_away in (False, not sql.startswith("SIGNAL")):
                        (fail if is_error else client.query)(sql)
                        answers.append(diagnose(taken_away))
                    self.assertEqual(*answers)
            # The same ahead of other statements in the same text.
            fail("SELECT * FROM missing.t")
            other.query("SELECT 1 / 0")
            together = client.query_all("GET DIAGNOSTICS CONDITION 1 @number = MYSQL_ERRNO; SELECT @number")
            self.assertEqual([[], [[b"1049"]]], [one.rows for one in together])

    def test_a_signal_keeps_its_connection_until_the_next_statement(self):
        with self.cluster.another_proxy(debug_swap_connections="true") as proxy, proxy.wire() as client:
            def is_tied(sessions):
                return lambda: proxy.metric("dorsal_proxy_tied_sessions") == sessions

            client.query("SIGNAL SQLSTATE '01234' SET TABLE_NAME = 'of a signal'")
            harness.wait_until("it ties the session", is_tied(1))
            client.query("GET DIAGNOSTICS CONDITION 1 @table = TABLE_NAME, @state = RETURNED_SQLSTATE")
            self.assertEqual([[b"of a signal", b"01234"]], client.query("SELECT @table, @state").rows)
            harness.wait_until("the next one unties it", is_tied(0))

    def test_what_cannot_move_keeps_its_connection_for_as_long_as_it_lasts(self):
        with self.cluster.another_proxy() as proxy, proxy.wire(database=self.schema) as client:
            def tied():
                return proxy.metric("dorsal_proxy_tied_sessions")

            def ties(reason):
                return proxy.metric("dorsal_proxy_ties_total", reason=reason)

            for reason, begin, end in (
                ("transaction", ["BEGIN"], ["COMMIT"]),
                ("transaction", ["SET autocommit = 0", "SELECT * FROM t LIMIT 1"], ["ROLLBACK", "SET autocommit = 1"]),
                ("implicit_transaction", ["SET autocommit = 0", "SHOW VARIABLES LIKE 'autocommit'"], ["ROLLBACK"]),
                ("implicit_transaction", ["SHOW VARIABLES LIKE 'autocommit'"], ["SET autocommit = 1"]),
                ("set_transaction", ["SET TRANSACTION READ ONLY"], ["BEGIN", "COMMIT"]),
                ("table_lock", ["LOCK TABLES t READ"], ["UNLOCK TABLES"]),
                ("user_lock", ["SELECT GET_LOCK('sharing', 1)"], ["SELECT RELEASE_LOCK('sharing')"]),
                ("temporary_table", ["CREATE TEMPORARY TABLE tmp (a INT)"], ["DROP TEMPORARY TABLE tmp"]),
                ("sql_prepare", ["PREPARE p FROM 'SELECT 1'"], ["DEALLOCATE PREPARE p"]),
                ("handler", ["HANDLER t OPEN"], ["HANDLER t CLOSE"]),
            ):
                before = ties(reason)
                for sql in begin:
                    client.query(sql)
                harness.wait_until(f"{begin} ties the session", lambda: tied() == 1)
                self.assertEqual(before + 1, ties(reason), begin)
                for sql in end:
                    client.query(sql)
                harness.wait_until(f"{end} unties it", lambda: tied() == 0)

            cursor = client.prepare("SELECT id FROM t")
            client.open_cursor(cursor)
            harness.wait_until("a cursor ties the session", lambda: tied() == 1)
            client.reset_statement(cursor)
            harness.wait_until("its end unties it", lambda: tied() == 0)

    def test_what_a_failed_statement_has_locked_goes_with_its_session(self):
        tie = "SHOW STATUS LIKE 'dorsal_session_tie'"
        with self.cluster.another_proxy() as proxy, self.cluster.connect("primary", database=self.schema) as other:
            client = proxy.wire(database=self.schema)
            client.query("SET autocommit = 0")
            for ends in ("ROLLBACK", "COMMIT", "BEGIN; COMMIT", "SET autocommit = 1; SET autocommit = 0", "DROP TABLE IF EXISTS none", None):
                self.assertRaises(wire.ServerError, client.query, "INSERT INTO t (v) VALUES (1, 2)")
                self.assertEqual([[b"dorsal_session_tie", b"implicit_transaction"]], client.query(tie).rows)
                if ends is not None:
                    for sql in ends.split("; "):
                        client.query(sql)
                    self.assertEqual([[b"dorsal_session_tie", b""]], client.query(tie).rows, ends)
            client.close()
            other.run("SET lock_wait_timeout = 60")
            other.run("ALTER TABLE t COMMENT = 'nobody holds it'")

    def test_a_statement_that_finds_all_connections_in_use_waits_and_then_is_refused(self):
        with self.cluster.another_proxy(pool_max=1, pool_wait_ms=700) as proxy:
            holder, other = proxy.wire("primary"), proxy.wire("primary")
            holder.query("BEGIN")
            with self.assertRaises(wire.ServerError) as caught:
                other.query("SELECT 1")
            self.assertEqual((1040, "08004"), (caught.exception.code, caught.exception.state))

            waiting = threading.Thread(target=lambda: other.query("SELECT 1"))
            waiting.start()
            holder.query("COMMIT")
            waiting.join(30)
            self.assertFalse(waiting.is_alive())

    def test_the_reserve_serves_who_has_waited_long(self):
        with self.cluster.another_proxy(pool_max=1, pool_reserve=1, pool_wait_ms=2000) as proxy:
            holder, other = proxy.wire("primary"), proxy.wire("primary")
            holder.query("BEGIN")
            self.assertEqual("1", other.value("SELECT 1"))

    def test_a_dropped_schema_does_not_hold_its_users_up(self):
        with self.cluster.another_proxy() as proxy, self.cluster.connect() as admin:
            admin.run(f"CREATE DATABASE {self.schema}_gone")
            client = proxy.wire(database=f"{self.schema}_gone")
            other = proxy.wire(database=self.schema)
            admin.run(f"DROP DATABASE {self.schema}_gone")
            other.query("SELECT 1")
            self.assertEqual("1", client.value("SELECT 1"))
            client.use(self.schema)
            self.assertEqual("first", client.value("SELECT v FROM t WHERE id = 1"))

    def test_the_same_text_prepared_by_many_is_prepared_once_at_the_server(self):
        with self.cluster.another_proxy(pool_max=1) as proxy:
            clients = [proxy.wire("primary", database=self.schema) for _ in range(20)]
            statements = [client.prepare("SELECT v FROM t WHERE id = ?") for client in clients]
            for client, statement in zip(clients, statements):
                self.assertEqual([["first"]], self.texts(client.execute(statement, [1]).rows))
            with self.cluster.root(self.cluster.primary()) as server:
                kept = server.value(
                    "SELECT COUNT(*) FROM performance_schema.prepared_statements_instances"
                    " WHERE sql_text = 'SELECT v FROM t WHERE id = ?'"
                )
            self.assertLessEqual(kept, 1)

    def test_user_variables_come_back_to_a_connection_that_was_reset_for_somebody_else(self):
        with self.cluster.another_proxy(loops=1, pool_max=1) as proxy:
            with proxy.wire("primary") as client, proxy.wire("primary") as other:
                client.query("SET @mine = 'here'")
                for _ in range(3):
                    self.assertEqual([[None]], other.query("SELECT @mine").rows)
                    self.assertEqual("here", client.value("SELECT @mine"))
                    self.assertEqual("1", other.value("SELECT 1"))
                    self.assertEqual("here", client.value("SELECT @mine"))

    def test_who_begins_after_a_change_of_global_variables_has_the_new_values(self):
        """At once, if it came through this proxy; who has made it keeps its own values."""
        question, account = "SELECT @@div_precision_increment", ("e2e_globals", "secret")
        with self.cluster.root(self.cluster.primary()) as server, self.cluster.another_proxy(loops=1) as proxy:
            server.run("CREATE USER %s IDENTIFIED BY %s", *account)
            self.addCleanup(self.drop_user, account[0])
            server.run("GRANT SYSTEM_VARIABLES_ADMIN ON *.* TO %s", account[0])

            def connect():
                return wire.connect(proxy.address("primary"), *account)

            def seen():
                with connect() as client:
                    return client.value(question)

            with connect() as setter, connect() as other:
                self.assertEqual("4", setter.value(question))
                other.query("BEGIN")  # so that there are two connections
                setter.query("DO 0")
                other.query("COMMIT")
                try:
                    setter.query("SET GLOBAL div_precision_increment = 7")
                    self.assertEqual("4", setter.value(question))
                    self.assertEqual("7", seen())
                    server.run("SET GLOBAL div_precision_increment = 8")
                    harness.wait_until("sessions begin with the new value", lambda: seen() == "8", 30)
                finally:
                    server.run("SET GLOBAL div_precision_increment = 4")

    def drop_user(self, user):
        with self.cluster.root(self.cluster.primary()) as server:
            server.run("DROP USER %s", user)

    @staticmethod
    def texts(rows):
        return [[value.decode() if isinstance(value, bytes) else value for value in row] for row in rows]


if __name__ == "__main__":
    harness.main()
