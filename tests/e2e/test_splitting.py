#!/usr/bin/env python3
"""Which server answers: reads go to replicas, everything that must not leave the primary does not."""

import contextlib

import pymysql

import harness

PRIMARY, REPLICA = "primary", "replica"

SETUP = [
    "CREATE TABLE t (id INT PRIMARY KEY, n INT, `for` INT, v VARCHAR(50))",
    "INSERT INTO t VALUES (1, 10, 0, 'one'), (2, 20, 0, 'two')",
    "CREATE FUNCTION writes() RETURNS INT DETERMINISTIC MODIFIES SQL DATA"
    " BEGIN UPDATE t SET n = n + 1 WHERE id = 2; RETURN 1; END",
    "CREATE PROCEDURE shows() BEGIN SELECT 1; END",
]

# One statement on a session that has nothing open.
SINGLE = [
    (REPLICA, "SELECT * FROM t"),
    (REPLICA, "select n from t where id = 1"),
    (REPLICA, "/* a comment */ SELECT n FROM t"),
    (REPLICA, "-- a comment\n# another\nSELECT n FROM t"),
    (REPLICA, "(SELECT id FROM t) UNION (SELECT n FROM t) ORDER BY 1"),
    (REPLICA, "WITH x AS (SELECT id FROM t) SELECT * FROM x"),
    (REPLICA, "SELECT 'for update' FROM t"),
    (REPLICA, "SELECT `for` FROM t /* FOR UPDATE */"),
    (REPLICA, "SELECT t.for FROM t"),
    (REPLICA, "SELECT n FROM t -- FOR UPDATE"),
    (REPLICA, "SELECT n FROM t;"),
    (REPLICA, "TABLE t"),
    (PRIMARY, "SELECT n FROM t FOR UPDATE"),
    (PRIMARY, "SELECT n FROM t FOR\nUPDATE"),
    (PRIMARY, "SELECT n FROM t FOR/**/UPDATE"),
    (PRIMARY, "SELECT n FROM t FOR -- read on\n\tupdate"),
    (PRIMARY, "SELECT n FROM t FOR SHARE"),
    (PRIMARY, "SELECT n FROM t LOCK  IN\nSHARE MODE"),
    (PRIMARY, "SELECT n FROM (SELECT n FROM t FOR UPDATE) x"),
    (PRIMARY, "SELECT writes()"),
    (PRIMARY, "SELECT 1 FROM DUAL WHERE 1 = writes()"),
    (PRIMARY, "SELECT GET_LOCK('split', 0)"),
    (PRIMARY, "SELECT RELEASE_LOCK('split')"),
    (PRIMARY, "SELECT n INTO @x FROM t WHERE id = 1"),
    (PRIMARY, "SELECT @y := n FROM t"),
    (PRIMARY, "SELECT @@server_id"),
    (PRIMARY, "SELECT * FROM performance_schema.global_status LIMIT 1"),
    (PRIMARY, "SHOW PROCESSLIST"),
    (PRIMARY, "INSERT INTO t VALUES (3, 30, 0, 'three')"),
    (PRIMARY, "UPDATE t SET n = 31 WHERE id = 3"),
    (PRIMARY, "WITH x AS (SELECT 3 AS i) UPDATE t JOIN x ON i = id SET n = 32"),
    (PRIMARY, "DELETE FROM t WHERE id = 3"),
    (PRIMARY, "/*!80000 DELETE FROM t WHERE id = 3 */"),
    (PRIMARY, "CALL shows()"),
    (PRIMARY, "DO 1"),
    (PRIMARY, "ANALYZE TABLE t"),
    (PRIMARY, "/* dorsal: primary */ SELECT n FROM t"),
    (PRIMARY, "SELECT /* dorsal: primary */ n FROM t"),
    (REPLICA, "/* dorsal: replica */ SELECT n FROM t"),
]


class Splitting(harness.ClusterTest):
    schema = "e2e_splitting"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.cluster.connect("primary", database=cls.schema) as primary:
            for sql in SETUP:
                primary.run(sql)
        harness.wait_for_replicas(cls.cluster)

    def setUp(self):
        # How fresh a read must be is not the question here; with `eventual` a slow replica is no excuse.
        self.session = self.connect(database=self.schema)
        self.session.run("SET @@dorsal_consistency = 'eventual'")

    def place(self, session, *statements):
        """Where all of them ran; a mixture is neither."""
        with self.cluster.count_statements() as spread:
            for sql in statements:
                session.run(sql)
        if spread.primary and not spread.replicas:
            return PRIMARY
        return REPLICA if spread.replicas and not spread.primary else repr(spread)

    def test_each_statement_runs_where_its_rule_says(self):
        for expected, sql in SINGLE:
            with self.subTest(sql=sql):
                session = self.connect(database=self.schema)
                session.run("SET @@dorsal_consistency = 'eventual'")
                self.assertEqual(expected, self.place(session, sql))

    def runs(self, word):
        """How many statements with this word each server says that it has run: {"primary": n, "replica": n}."""
        runs = {PRIMARY: 0, REPLICA: 0}
        for node in self.cluster.api_status()["nodes"]:
            runs[node["role"]] += int(
                self.root(node).value(
                    "SELECT COALESCE(SUM(COUNT_STAR), 0) FROM performance_schema.events_statements_summary_by_digest"
                    f" WHERE DIGEST_TEXT LIKE '%{word}%' AND DIGEST_TEXT NOT LIKE '%COUNT_STAR%'"
                )
            )
        return runs

    def test_the_servers_agree_that_reads_arrive_at_replicas(self):
        word = f"where_do_i_run_{harness.random.randrange(1 << 32)}"
        for i in range(10):
            self.session.run(f"SELECT n AS {word} FROM t WHERE id = {i}")
        self.assertEqual({PRIMARY: 0, REPLICA: 10}, self.runs(word))

    def test_a_transaction_stays_on_the_primary(self):
        self.assertEqual(PRIMARY, self.place(self.session, "BEGIN", "SELECT n FROM t", "SELECT id FROM t", "COMMIT"))
        self.assertEqual(REPLICA, self.place(self.session, "SELECT n FROM t"))

    def test_everything_stays_on_the_primary_without_autocommit(self):
        self.session.run("SET autocommit = 0")
        self.assertEqual(PRIMARY, self.place(self.session, "SELECT n FROM t", "COMMIT", "SELECT n FROM t", "COMMIT"))
        self.session.run("SET autocommit = 1")
        self.assertEqual(REPLICA, self.place(self.session, "SELECT n FROM t"))

    def test_a_temporary_table_keeps_reads_on_the_primary(self):
        self.session.run("CREATE TEMPORARY TABLE tt (i INT)")
        self.assertEqual(PRIMARY, self.place(self.session, "SELECT * FROM tt", "SELECT n FROM t"))

    def test_a_lock_keeps_reads_on_the_primary(self):
        self.session.run("SELECT GET_LOCK('split_reads', 0)")
        self.assertEqual(PRIMARY, self.place(self.session, "SELECT n FROM t"))

    def test_a_user_variable_does_not_keep_other_reads_on_the_primary(self):
        self.session.run("SET @v = 1")
        self.assertEqual(PRIMARY, self.place(self.session, "SELECT n FROM t WHERE id = @v"))
        self.assertEqual(REPLICA, self.place(self.session, "SELECT n FROM t WHERE id = 1"))

    def test_prepared_statements_go_where_text_goes(self):
        session = self.wire(database=self.schema)
        session.query("SET @@dorsal_consistency = 'eventual'")
        read = session.prepare("SELECT n FROM t WHERE id = ?")
        locking = session.prepare("SELECT n FROM t WHERE id = ? FOR\nUPDATE")
        with self.cluster.count_statements() as reads:
            for _ in range(5):
                self.assertEqual([[10]], session.execute(read, [1]).rows)
        self.assertEqual((0, 5), (reads.primary, reads.replicas))
        with self.cluster.count_statements() as locks:
            session.execute(locking, [1])
        self.assertEqual((1, 0), (locks.primary, locks.replicas))
        session.query("BEGIN")
        with self.cluster.count_statements() as inside:
            session.execute(read, [1])
        session.query("ROLLBACK")
        self.assertEqual((1, 0), (inside.primary, inside.replicas))

    def test_both_replicas_take_their_share(self):
        before = self.cluster.statements()

        def both_have_read():
            with contextlib.closing(self.connect(database=self.schema)) as session:
                session.run("SET @@dorsal_consistency = 'eventual'")
                session.run("SELECT n FROM t")
            after = self.cluster.statements()
            return all(after[node["name"]] > before[node["name"]] for node in self.cluster.replicas())

        # One that has just been slow, at a first log-in for instance, is spared until that is past.
        harness.wait_until("both have read", both_have_read)

    def test_the_primary_port_never_uses_a_replica(self):
        session = self.connect("primary", database=self.schema)
        self.assertEqual(PRIMARY, self.place(session, "SELECT n FROM t", "BEGIN", "SELECT n FROM t", "COMMIT"))

    def test_the_replicas_port_never_uses_the_primary(self):
        session = self.connect("replicas", database=self.schema)
        reads = ["SELECT n FROM t", "SELECT @@server_id", "BEGIN", "SELECT n FROM t", "COMMIT", "SET @a = 1"]
        self.assertEqual(REPLICA, self.place(session, *reads))

    def test_the_replicas_port_refuses_writes_as_a_read_only_server_does(self):
        session = self.connect("replicas", database=self.schema)
        with self.assertRaises(pymysql.MySQLError) as caught:
            session.run("INSERT INTO t VALUES (9, 9, 9, '')")
        self.assertEqual(1290, caught.exception.args[0])
        self.assertEqual(((10,),), session.run("SELECT n FROM t WHERE id = 1"))

    def test_the_replicas_port_keeps_a_session_on_one_replica(self):
        session = self.connect("replicas", database=self.schema)
        self.assertEqual(1, len({session.value("SELECT @@server_id") for _ in range(10)}))


if __name__ == "__main__":
    harness.main()
