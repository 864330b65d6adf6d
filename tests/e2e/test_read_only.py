#!/usr/bin/env python3
"""Read-only transactions run on replicas, and nobody can tell except from the load of the primary."""

import contextlib
import itertools

import harness
import wire

REFUSED = 1792  # ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION


class ReadOnly(harness.ClusterTest):
    schema = "e2e_read_only"
    keys = itertools.count(1)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.cluster.connect("primary", database=cls.schema) as primary:
            primary.run("CREATE TABLE t (id INT PRIMARY KEY, data VARCHAR(100))")
            primary.run("CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC NO SQL RETURN 2 * n")
            primary.run("CREATE PROCEDURE count_rows() READS SQL DATA SELECT COUNT(*) FROM t WHERE id = 0")
            primary.run("INSERT INTO t VALUES (0, 'zero')")
        harness.wait_for_replicas(cls.cluster)

    def setUp(self):
        self.session = self.connect(database=self.schema)

    def moved(self):
        return self.cluster.metric("dorsal_proxy_read_only_transactions_moved_total")

    def wait_for_a_fit_replica(self):
        """Until the proxy knows one that has all that its clients were told of: until then a transaction may as well
        begin on the primary."""
        def serves_at_once():
            with self.connect(database=self.schema) as probe:
                self.count(probe, id=0)
                return probe.run("SHOW STATUS LIKE 'dorsal_session_reads_replica'")[0][1] == "1"

        harness.wait_until("a replica serves a read at once", serves_at_once)

    def begin_on_a_replica(self):
        self.wait_for_a_fit_replica()
        self.session.run("START TRANSACTION READ ONLY")

    @contextlib.contextmanager
    def on_replicas(self, least=1):
        """All of the block's statements run on replicas."""
        self.wait_for_a_fit_replica()
        with self.cluster.count_statements() as spread:
            yield
        self.assertEqual(0, spread.primary, spread)
        self.assertGreaterEqual(spread.replicas, least, spread)

    def count(self, session=None, **where):
        return (session or self.session).value(f"SELECT COUNT(*) FROM t WHERE id = {where['id']}")

    def assert_refused(self, sql, code=REFUSED):
        with self.assertRaises(harness.pymysql.MySQLError) as caught:
            self.session.run(sql)
        self.assertEqual(code, caught.exception.args[0], caught.exception)

    def test_every_way_to_begin_one(self):
        for begin, end in (
            (["START TRANSACTION READ ONLY"], []),
            (["START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT"], []),
            (["SET SESSION TRANSACTION READ ONLY", "BEGIN"], ["SET SESSION TRANSACTION READ WRITE"]),
            (["SET SESSION TRANSACTION READ ONLY", "SET autocommit = 0"],
             ["SET autocommit = 1", "SET SESSION TRANSACTION READ WRITE"]),
        ):
            for finish in ("COMMIT", "ROLLBACK"):
                with self.subTest(begin=begin, finish=finish):
                    for sql in begin[:-1]:
                        self.session.run(sql)
                    if begin[-1].startswith("SET"):
                        self.session.run(begin[-1])
                    with self.on_replicas(3):
                        if not begin[-1].startswith("SET"):
                            self.session.run(begin[-1])
                        self.assertEqual(1, self.count(id=0))
                        self.assertEqual("zero", self.session.value("SELECT data FROM t"))
                        self.session.run(finish)
                    for sql in end:
                        self.session.run(sql)
                    self.session.run(f"INSERT INTO t VALUES ({next(self.keys)}, '')")

    def test_prepared_statements_run_in_it(self):
        with self.wire(database=self.schema) as session:
            read = session.prepare("SELECT data FROM t WHERE id = ?")
            commit = session.prepare("COMMIT")
            with self.on_replicas(6):
                for _ in range(2):
                    session.query("START TRANSACTION READ ONLY")
                    self.assertEqual([[b"zero"]], session.execute(read, [0]).rows)
                    session.execute(commit)

    def test_what_was_prepared_without_autocommit_does_not_end_it(self):
        with self.wire(database=self.schema) as session:
            session.query("SET autocommit = 0")
            read = session.prepare("SELECT COUNT(*) FROM t WHERE id = ?")
            session.query("COMMIT")
            session.query("SET autocommit = 1")
            session.query("START TRANSACTION READ ONLY")
            self.assertTrue(session.execute(read, [0]).end.status & wire.IN_TRANSACTION)
            with self.assertRaises(wire.ServerError) as caught:
                session.query("DELETE FROM t")
            self.assertEqual(REFUSED, caught.exception.code)
            session.query("COMMIT")

    def test_it_sees_one_snapshot(self):
        key = next(self.keys)
        self.session.run("START TRANSACTION READ ONLY")
        self.assertEqual(0, self.count(id=key))
        with self.connect("primary", database=self.schema) as writer:
            writer.run(f"INSERT INTO t VALUES ({key}, '')")
        harness.wait_for_replicas(self.cluster)
        self.assertEqual(0, self.count(id=key))
        self.session.run("COMMIT")
        self.assertEqual(1, self.count(id=key))

    def test_read_committed_sees_each_write_at_once(self):
        self.session.run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        writer = self.connect(database=self.schema)
        with harness.delayed_replication(self.cluster):
            self.session.run("START TRANSACTION READ ONLY")
            for _ in range(3):
                key = next(self.keys)
                writer.run(f"INSERT INTO t VALUES ({key}, '')")
                self.assertEqual(1, self.count(id=key))
            self.session.run("COMMIT")

    def test_no_later_read_shows_less(self):
        """Two replicas, one of which lags: what a transaction has seen on the other is not seen undone."""
        writer = self.connect(database=self.schema)
        self.session.run("SET @@dorsal_consistency = 'session'")
        slow = self.cluster.replicas()[0]
        harness.set_delay(self.cluster, slow, 2)
        try:
            for _ in range(20):
                key = next(self.keys)
                writer.run(f"INSERT INTO t VALUES ({key}, '')")
                self.session.run("START TRANSACTION READ ONLY")
                seen = self.session.value("SELECT MAX(id) FROM t")
                self.session.run("COMMIT")
                self.assertGreaterEqual(self.session.value("SELECT MAX(id) FROM t"), seen)
        finally:
            harness.set_delay(self.cluster, slow, 0)
            harness.wait_for_replicas(self.cluster)

    def test_when_no_replica_is_fresh_it_moves_before_its_first_read(self):
        writer = self.connect(database=self.schema)
        with harness.delayed_replication(self.cluster):
            for begin in ("START TRANSACTION READ ONLY", "START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT"):
                key = next(self.keys)
                before = self.moved()
                writer.run(f"INSERT INTO t VALUES ({key}, '')")
                self.session.run(begin)
                self.session.value("SELECT 1")
                self.assertEqual(1, self.count(id=key))
                self.assertGreaterEqual(self.moved(), before)
                self.assert_refused("DELETE FROM t WHERE id = 0")
                self.session.run("COMMIT")

    def test_what_needs_the_primary_takes_it_there_before_it_has_read(self):
        for sql in ("SELECT data FROM t WHERE id = 0 FOR SHARE", "SELECT GET_LOCK('e2e_read_only', 0)",
                    "/* dorsal: primary */ SELECT data FROM t WHERE id = 0"):
            with self.subTest(sql=sql):
                before = self.moved()
                self.begin_on_a_replica()
                with self.cluster.count_statements() as spread:
                    self.session.value(sql)
                self.assertEqual(0, spread.replicas, spread)
                self.assertEqual(before + 1, self.moved())
                self.assert_refused("INSERT INTO t VALUES (-1, '')")
                self.session.run("COMMIT")
                self.session.run("DO RELEASE_ALL_LOCKS()")

    def test_what_needs_the_primary_is_refused_once_it_has_read(self):
        for sql in ("SELECT data FROM t WHERE id = 0 FOR SHARE", "SELECT GET_LOCK('e2e_read_only', 0)",
                    "SELECT data FROM t WHERE id = 0 LOCK IN SHARE MODE"):
            self.begin_on_a_replica()
            self.count(id=0)
            self.assert_refused(sql)
            self.assertEqual(1, self.count(id=0), "the transaction goes on")
            self.session.run("COMMIT")

    def test_a_write_behind_a_read_in_the_same_text_is_refused_as_by_a_server(self):
        with self.wire(database=self.schema, capabilities=wire.MODERN | wire.MULTI_STATEMENTS) as session:
            session.query("START TRANSACTION READ ONLY")
            session.query("SELECT COUNT(*) FROM t WHERE id = 0")
            with self.assertRaises(wire.ServerError) as caught:
                session.query_all("SELECT 1; DELETE FROM t")
            self.assertEqual((REFUSED, "25006"), (caught.exception.code, caught.exception.state))
            self.assertEqual([str(REFUSED).encode()], [row[1] for row in session.query("SHOW WARNINGS").rows])
            # What a server finds wrong when it runs a SET, and not when it prepares it.
            with self.assertRaises(wire.ServerError) as caught:
                session.query("SET LOCAL version = '1'")
            self.assertEqual(1238, caught.exception.code)
            self.assertEqual("1", session.value("SELECT COUNT(*) FROM t WHERE id = 0"), "the transaction goes on")

    def test_errors_are_those_of_a_server(self):
        for sql, code in (
            ("INSERT INTO t VALUES (-1, '')", REFUSED), ("UPDATE t SET id = 1", REFUSED), ("SELEKT", 1064),
            ("SELECT * FROM t FOR UPDATE", REFUSED), ("CREATE TEMPORARY TABLE x (a INT)", REFUSED),
            ("INSERT INTO no_such_table VALUES (1)", None), ("SELECT no_such_column FROM t", 1054),
        ):
            for reads_first in (False, True):
                with self.subTest(sql=sql, reads_first=reads_first):
                    self.session.run("START TRANSACTION READ ONLY")
                    if reads_first:
                        self.count(id=0)
                    if code:
                        self.assert_refused(sql, code)
                    else:
                        self.assertRaises(harness.pymysql.MySQLError, self.session.run, sql)
                    self.assertEqual(1, self.count(id=0))
                    self.session.run("COMMIT")

    def test_what_commits_on_a_server_ends_it(self):
        for sql in ("BEGIN", "START TRANSACTION", "LOCK TABLES t WRITE", "CREATE TABLE IF NOT EXISTS x (a INT)"):
            with self.subTest(sql=sql):
                key = next(self.keys)
                self.session.run("START TRANSACTION READ ONLY")
                self.count(id=0)
                self.session.run(sql)
                self.session.run(f"INSERT INTO t VALUES ({key}, '')")
                self.session.run("COMMIT")
                self.session.run("UNLOCK TABLES")
                self.assertEqual(1, self.count(id=key))

    def test_a_chain_goes_on_and_savepoints_work(self):
        self.begin_on_a_replica()
        with self.on_replicas():
            self.session.run("SAVEPOINT a")
            self.count(id=0)
            self.session.run("ROLLBACK TO a")
            self.session.run("COMMIT AND CHAIN")
            self.count(id=0)
        self.assert_refused("INSERT INTO t VALUES (-1, '')")
        self.session.run("ROLLBACK")
        self.session.run(f"INSERT INTO t VALUES ({next(self.keys)}, '')")

    def test_the_sessions_state_goes_along_both_ways(self):
        self.session.run("SET @before = 'b', time_zone = '+03:00'")
        self.session.run("START TRANSACTION READ ONLY")
        self.assertEqual(
            ("b", "+03:00", "zero"), self.session.run("SELECT @before, @@time_zone, data FROM t WHERE id = 0")[0]
        )
        self.session.run("SELECT @within := data, @twice := twice(21) FROM t WHERE id = 0")
        self.session.run("SET @set = 1 + 1, lc_time_names = 'de_DE'")
        self.session.run("COMMIT")
        self.session.run(f"INSERT INTO t VALUES ({next(self.keys)}, @within)")
        self.assertEqual(
            ("b", "zero", 42, 2, "de_DE"), self.session.run("SELECT @before, @within, @twice, @set, @@lc_time_names")[0]
        )

    def test_last_insert_id_goes_along_both_ways(self):
        self.session.value("SELECT LAST_INSERT_ID(5)")
        self.session.run("START TRANSACTION READ ONLY")
        self.count(id=0)
        self.assertEqual(5, self.session.value("SELECT LAST_INSERT_ID() FROM t WHERE id = 0"))
        self.session.value("SELECT LAST_INSERT_ID(7) FROM t WHERE id = 0")
        self.session.run("COMMIT")
        self.assertEqual(7, self.session.value("SELECT LAST_INSERT_ID()"))

    def test_functions_and_procedures_that_only_read_run_in_it(self):
        self.session.run("START TRANSACTION READ ONLY")
        self.count(id=0)
        self.assertEqual(4, self.session.value("SELECT twice(2)"))
        self.assertEqual(1, self.session.value("CALL count_rows()"))
        self.session.run("COMMIT")
        self.session.run(f"INSERT INTO t VALUES ({next(self.keys)}, '')")

    def test_warnings_of_its_last_statement_are_still_there(self):
        self.session.run("START TRANSACTION READ ONLY")
        self.session.run("SELECT CAST('12x' AS SIGNED) FROM t WHERE id = 0")
        self.assertEqual(1292, self.session.run("SHOW WARNINGS")[0][1])
        self.session.run("COMMIT")

    def test_cursors_and_long_data_in_it(self):
        key = next(self.keys)
        self.session.run(f"INSERT INTO t VALUES ({key}, 'cursor')")
        with self.wire(database=self.schema) as session:
            read = session.prepare("SELECT id FROM t WHERE id IN (0, ?) AND data <> ? ORDER BY id")
            for reads_first in (False, True):
                session.query("START TRANSACTION READ ONLY")
                if reads_first:
                    session.query("SELECT COUNT(*) FROM t")
                session.send_long_data(read, 1, b"no such text")
                self.assertEqual([[0], [key]], session.execute(read, [key, wire.LongData()]).rows)
                session.query("COMMIT")
                session.query("START TRANSACTION READ ONLY")
                if reads_first:
                    session.query("SELECT COUNT(*) FROM t")
                    # All rows at once, as a server does where a cursor is of no use.
                    self.assertEqual([[0], [key]], session.execute_all(read, [key, "x"], cursor=1)[-1].rows)
                else:
                    opened = session.open_cursor(read, [key, "x"])
                    self.assertEqual([[0], [key]], session.fetch(read, opened.columns, 10).rows)
                session.query("COMMIT")
                session.query(f"INSERT INTO t VALUES ({next(self.keys)}, '')")

    def test_a_replica_that_dies_is_not_noticed_before_the_first_read(self):
        for reads_first in (False, True):
            with self.subTest(reads_first=reads_first):
                self.begin_on_a_replica()
                if reads_first:
                    self.count(id=0)
                for node in self.cluster.replicas():
                    with self.cluster.root(node) as server:
                        user = self.cluster.account()[0]
                        for (number,) in server.run(
                            "SELECT id FROM information_schema.processlist WHERE user = %s", user
                        ):
                            with contextlib.suppress(harness.pymysql.MySQLError):
                                server.run(f"KILL {number}")
                if reads_first:
                    with self.assertRaises(harness.pymysql.MySQLError) as caught:
                        self.count(id=0)
                    self.assertEqual(1213, caught.exception.args[0], "one that can be tried again")
                else:
                    self.assertEqual(1, self.count(id=0))
                    self.session.run("COMMIT")
                self.assertEqual(1, self.count(id=0))

    def test_it_is_as_before_on_the_other_ports(self):
        for endpoint in ("primary", "replicas"):
            with self.connect(endpoint, database=self.schema) as session:
                session.run("START TRANSACTION READ ONLY")
                self.assertEqual(1, self.count(session, id=0))
                session.run("COMMIT")

    def test_serializable_ones_stay_on_the_primary(self):
        self.session.run("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        with self.cluster.count_statements() as spread:
            self.session.run("START TRANSACTION READ ONLY")
            self.count(id=0)
            self.session.run("COMMIT")
        self.assertEqual(0, spread.replicas, spread)


if __name__ == "__main__":
    harness.main()
