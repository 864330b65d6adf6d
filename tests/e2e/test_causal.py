#!/usr/bin/env python3
"""A read sees what its application was told of, although replication lags a second behind."""

import itertools
import queue
import threading
import time

import harness
import wire

ROUNDS = 60


class Causal(harness.ClusterTest):
    """Replicas apply everything one second late."""

    schema = "e2e_causal"
    keys = itertools.count(1)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.cluster.connect("primary", database=cls.schema) as primary:
            primary.run("CREATE TABLE t (id INT PRIMARY KEY)")
        harness.wait_for_replicas(cls.cluster)
        delay = harness.delayed_replication(cls.cluster)
        delay.__enter__()
        cls.addClassCleanup(delay.__exit__, None, None, None)

    def at(self, level, endpoint="split"):
        session = self.connect(endpoint, database=self.schema)
        if level:
            session.run(f"SET @@dorsal_consistency = '{level}'")
        return session

    def stale_reads(self, writer, reader, rounds=ROUNDS, sql="SELECT COUNT(*) FROM t WHERE id = {}"):
        """Writes a row and reads it back at once, again and again: how often it is not there."""
        stale = 0
        for _ in range(rounds):
            key = next(self.keys)
            writer.run(f"INSERT INTO t VALUES ({key})")
            stale += reader.value(sql.format(key)) == 0
        return stale

    def test_the_default_is_global(self):
        self.assertEqual("global", self.connect().value("SELECT @@dorsal_consistency"))

    def test_eventual_reads_are_stale_so_the_delay_is_real(self):
        session = self.at("eventual")
        self.assertGreater(self.stale_reads(session, session), ROUNDS // 2)

    def test_one_session_never_reads_stale_at_any_other_level(self):
        for level in (None, "session", "global", "strong"):
            with self.subTest(level=level):
                session = self.at(level)
                self.assertEqual(0, self.stale_reads(session, session))

    def test_another_connection_of_the_pool_never_reads_stale(self):
        for level in (None, "global", "strong"):
            with self.subTest(level=level):
                self.assertEqual(0, self.stale_reads(self.at(level), self.at(level)))

    def test_a_write_through_the_primary_port_is_seen_on_the_splitting_port(self):
        self.assertEqual(0, self.stale_reads(self.connect("primary", database=self.schema), self.at(None)))

    def test_the_replicas_port_never_reads_stale(self):
        self.assertEqual(0, self.stale_reads(self.at(None), self.at(None, "replicas"), 5))

    def test_a_transaction_of_the_replicas_port_sees_what_was_told_before_its_first_read(self):
        writer, reader = self.at(None), self.at(None, "replicas")
        for begin in ("BEGIN", "START TRANSACTION READ ONLY"):
            for _ in range(3):
                key = next(self.keys)
                reader.run(begin)
                writer.run(f"INSERT INTO t VALUES ({key})")
                self.assertEqual(1, reader.value(f"SELECT COUNT(*) FROM t WHERE id = {key}"))
                reader.run("COMMIT")

    def test_a_session_on_its_own_may_miss_what_another_wrote(self):
        self.assertGreater(self.stale_reads(self.at("session"), self.at("session")), 0)

    def test_strong_sees_a_write_that_passed_the_proxy_by(self):
        with self.cluster.root(self.cluster.primary()) as behind:
            behind.select_db(self.schema)
            self.assertEqual(0, self.stale_reads(behind, self.at("strong"), 20))

    def test_prepared_reads_never_read_stale(self):
        writer, reader = self.at(None), self.wire(database=self.schema)
        statement = reader.prepare("SELECT COUNT(*) FROM t WHERE id = ?")
        for _ in range(ROUNDS):
            key = next(self.keys)
            writer.run(f"INSERT INTO t VALUES ({key})")
            self.assertEqual([[1]], reader.execute(statement, [key]).rows)

    def test_the_first_read_of_a_read_only_transaction_is_not_stale(self):
        writer, reader = self.at(None), self.at(None)
        for begin in ("START TRANSACTION READ ONLY", "START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT"):
            for _ in range(5):
                key = next(self.keys)
                writer.run(f"INSERT INTO t VALUES ({key})")
                reader.run(begin)
                self.assertEqual(1, reader.value(f"SELECT COUNT(*) FROM t WHERE id = {key}"))
                reader.run("COMMIT")

    def test_a_commit_counts_as_the_write(self):
        writer, reader = self.at(None), self.at(None)
        for _ in range(10):
            key = next(self.keys)
            writer.run("BEGIN")
            writer.run(f"INSERT INTO t VALUES ({key})")
            self.assertEqual(0, reader.value(f"SELECT COUNT(*) FROM t WHERE id = {key}"))
            writer.run("COMMIT")
            self.assertEqual(1, reader.value(f"SELECT COUNT(*) FROM t WHERE id = {key}"))

    def test_what_a_failed_procedure_committed_is_seen(self):
        writer, reader = self.at(None), self.at(None)
        writer.run("DROP PROCEDURE IF EXISTS half")
        writer.run(
            "CREATE PROCEDURE half(k INT) BEGIN INSERT INTO t VALUES (k); COMMIT;"
            " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END"
        )
        for _ in range(5):
            key = next(self.keys)
            with self.assertRaises(harness.pymysql.MySQLError):
                writer.run(f"CALL half({key})")
            self.assertEqual(1, reader.value(f"SELECT COUNT(*) FROM t WHERE id = {key}"))

    def test_ddl_is_seen_at_once(self):
        writer, reader = self.at(None), self.at(None)
        for i in range(5):
            writer.run(f"CREATE TABLE made_{i} (n INT)")
            self.assertEqual((), reader.run(f"SELECT * FROM made_{i}"))
            writer.run(f"DROP TABLE made_{i}")

    def test_a_pool_of_workers_never_reads_stale(self):
        pool, stale, failures = queue.Queue(), [], []
        for _ in range(6):
            pool.put(self.at(None))

        def on_any_connection(act):
            session = pool.get()
            try:
                return act(session)
            finally:
                pool.put(session)

        def work():
            try:
                for _ in range(25):
                    key = next(self.keys)
                    on_any_connection(lambda session: session.run(f"INSERT INTO t VALUES ({key})"))
                    if not on_any_connection(lambda session: session.run(f"SELECT id FROM t WHERE id = {key}")):
                        stale.append(key)
            except harness.pymysql.Error as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(([], []), (stale, failures))

    def test_a_read_waits_for_a_bounded_time_and_then_runs_on_the_primary(self):
        session = self.at(None)
        waits = []
        with self.cluster.count_statements() as spread:
            for _ in range(ROUNDS):
                key = next(self.keys)
                session.run(f"INSERT INTO t VALUES ({key})")
                started = time.monotonic()
                session.run(f"SELECT * FROM t WHERE id = {key}")
                waits.append(time.monotonic() - started)
        waits.sort()
        print(f"reads take {waits[len(waits) // 2] * 1000:.1f} ms (median), {waits[-1] * 1000:.1f} ms (longest)")
        self.assertLess(waits[len(waits) * 9 // 10], 0.2)
        self.assertLess(waits[-1], 0.9)
        self.assertGreaterEqual(spread.primary, 2 * ROUNDS)

    def test_an_old_row_is_still_read_from_a_replica_at_eventual(self):
        session = self.at("eventual")
        with self.cluster.count_statements() as spread:
            for _ in range(10):
                session.run("SELECT * FROM t WHERE id = 1")
        self.assertEqual((0, 10), (spread.primary, spread.replicas))

    # Ways to ask for a level.

    def test_a_comment_chooses_the_level_of_one_statement(self):
        session = self.at(None)
        hint = "/* dorsal: consistency=eventual */ SELECT COUNT(*) FROM t WHERE id = {}"
        self.assertGreater(self.stale_reads(session, session, sql=hint), ROUNDS // 2)
        self.assertEqual("global", session.value("SELECT @@dorsal_consistency"))
        session = self.at("eventual")
        hint = "/* dorsal: consistency=global */ SELECT COUNT(*) FROM t WHERE id = {}"
        self.assertEqual(0, self.stale_reads(session, session, sql=hint))

    def test_a_query_attribute_chooses_the_level_of_one_statement(self):
        session = self.wire(database=self.schema)
        stale = {"eventual": 0, "global": 0}
        for level in stale:
            for _ in range(20):
                key = next(self.keys)
                session.query(f"INSERT INTO t VALUES ({key})")
                read = f"SELECT COUNT(*) FROM t WHERE id = {key}"
                stale[level] += session.value(read, {"dorsal_consistency": level}) == "0"
        self.assertGreater(stale["eventual"], 10)
        self.assertEqual(0, stale["global"])

    def test_the_level_of_a_session_is_set_and_read_back(self):
        session = self.connect()
        for sql, level in (
            ("SET @@dorsal_consistency = 'session'", "session"),
            ("SET dorsal_consistency = STRONG", "strong"),
            ("SET SESSION dorsal_consistency = \"eventual\", @x = 4", "eventual"),
            ("SET @@session.dorsal_consistency = 'Global'", "global"),
        ):
            session.run(sql)
            self.assertEqual(level, session.value("SELECT @@dorsal_consistency"))
        self.assertEqual(4, session.value("SELECT @x"))
        self.assertIn(("dorsal_consistency", "global"), session.run("SHOW VARIABLES LIKE 'dorsal%'"))

    def test_an_unknown_level_is_refused_and_changes_nothing(self):
        session = self.at("session")
        with self.assertRaises(harness.pymysql.MySQLError) as caught:
            session.run("SET @@dorsal_consistency = 'sometimes'")
        self.assertEqual(1231, caught.exception.args[0])
        self.assertEqual("session", session.value("SELECT @@dorsal_consistency"))

    def test_resetting_the_connection_restores_the_default_level(self):
        session = self.wire()
        session.query("SET @@dorsal_consistency = 'eventual'")
        session.reset_connection()
        self.assertEqual("global", session.value("SELECT @@dorsal_consistency"))


class WithoutDelay(harness.ClusterTest):
    schema = "e2e_causal_now"

    def test_most_reads_after_a_write_still_run_on_replicas(self):
        session = self.connect(database=self.schema)
        session.run("CREATE TABLE t (id INT PRIMARY KEY)")
        harness.wait_for_replicas(self.cluster)
        reads = 0
        with self.cluster.count_statements() as spread:
            for key in range(100):
                session.run(f"INSERT INTO t VALUES ({key})")
                for _ in range(4):
                    self.assertEqual(1, session.value(f"SELECT COUNT(*) FROM t WHERE id = {key}"))
                    reads += 1
        on_replicas = reads - (spread.primary - 100)
        print(f"{on_replicas} of {reads} reads ran on replicas")
        self.assertGreaterEqual(on_replicas / reads, 0.6 if harness.IS_SANITIZED else 0.9)

    def test_reads_alone_run_on_replicas(self):
        session = self.connect(database="mysql")
        with self.cluster.connect("primary", database=self.schema) as primary:
            primary.run("CREATE TABLE IF NOT EXISTS quiet (id INT)")
        harness.wait_for_replicas(self.cluster)
        session.select_db(self.schema)
        with self.cluster.count_statements() as spread:
            for _ in range(200):
                session.run("SELECT * FROM quiet")
        self.assertGreaterEqual(spread.replicas, 190)

    def test_no_row_is_missed_while_others_write(self):
        """Whichever session asks and whichever server answers, it has what the writer was told."""
        writer = self.connect(database=self.schema)
        writer.run("CREATE TABLE IF NOT EXISTS grows (id INT PRIMARY KEY)")
        told, problems, stop = [0], [], threading.Event()

        def read():
            sessions = itertools.cycle([self.cluster.wire(database=self.schema) for _ in range(3)])
            while not stop.is_set():
                expected = told[0]
                try:
                    seen = int(next(sessions).value("SELECT COALESCE(MAX(id), 0) FROM grows"))
                except (wire.ServerError, wire.Closed, OSError) as error:
                    problems.append(error)
                    return
                if seen < expected:
                    problems.append(f"{seen} after {expected}")

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for key in range(1, 201):
            writer.run(f"INSERT INTO grows VALUES ({key})")
            told[0] = key
        stop.set()
        for reader in readers:
            reader.join()
        self.assertEqual([], problems)


if __name__ == "__main__":
    harness.main()
