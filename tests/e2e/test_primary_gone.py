#!/usr/bin/env python3
"""With the primary gone, a write gets one clear error within two seconds, and reads go on."""

import time

import pymysql

import harness
import processes


class PrimaryGone(harness.ClusterTest):
    schema = "e2e_primary_gone"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.cluster.connect("primary", database=cls.schema) as primary:
            primary.run("CREATE TABLE t (id INT PRIMARY KEY)")
            primary.run("INSERT INTO t VALUES (1)")
        harness.wait_for_replicas(cls.cluster)
        cls.before = cls.session_in_use()
        cls.idle = cls.session_in_use()
        cls.in_transaction = cls.session_in_use()
        cls.in_transaction.run("BEGIN")
        cls.in_transaction.run("INSERT INTO t VALUES (100)")
        # A proxy beside others would need the primary to know what those have told their clients.
        harness.wait_until("the proxy is alone", lambda: cls.cluster.metric("dorsal_proxy_alone") == 1)
        primary = cls.cluster.primary()
        processes.kill(cls.cluster.agent_pid(primary))
        harness.wait_until("the primary is gone", lambda: not processes.is_running(primary["pid"]), 10)
        cls.addClassCleanup(cls.cluster.up)

    @classmethod
    def session_in_use(cls):
        """It has a connection to a replica and one to the primary."""
        session = cls.cluster.connect(database=cls.schema)
        session.run("SELECT * FROM t")
        session.run("/* dorsal: primary */ SELECT 1")
        cls.addClassCleanup(harness.close_quietly, session)
        return session

    def assert_fails_soon(self, session, sql="INSERT INTO t VALUES (2)"):
        started = time.monotonic()
        with self.assertRaises(pymysql.MySQLError) as caught:
            session.run(sql)
        took = time.monotonic() - started
        print(f"{took:.2f} s: {caught.exception.args}")
        self.assertLess(took, 2)
        code, message = caught.exception.args
        self.assertIn("primary", message)
        return code

    def test_a_write_gets_one_clear_error_and_the_session_goes_on(self):
        self.assert_fails_soon(self.before)
        self.assertEqual(((1,),), self.before.run("SELECT id FROM t WHERE id = 1"))
        self.assert_fails_soon(self.before)
        self.assertEqual(((1,),), self.before.run("SELECT id FROM t WHERE id = 1"))

    def test_a_new_connection_reads_and_is_told_about_writes(self):
        started = time.monotonic()
        session = self.connect(database=self.schema)
        self.assertEqual(((1,),), session.run("SELECT id FROM t WHERE id = 1"))
        self.assertLess(time.monotonic() - started, 5)
        self.assert_fails_soon(session)

    def test_the_replicas_port_goes_on(self):
        session = self.connect("replicas", database=self.schema)
        self.assertEqual(((1,),), session.run("SELECT id FROM t WHERE id = 1"))

    def test_reads_go_on_at_every_level_that_needs_no_primary(self):
        for level in ("eventual", "session", "global"):
            session = self.connect(database=self.schema)
            session.run(f"SET @@dorsal_consistency = '{level}'")
            for _ in range(5):
                self.assertEqual(((1,),), session.run("SELECT id FROM t WHERE id = 1"))

    def test_an_open_transaction_is_lost_with_a_clear_error(self):
        with self.assertRaises(pymysql.MySQLError):
            self.in_transaction.run("INSERT INTO t VALUES (101)")

    def test_status_and_health_say_that_the_primary_is_down(self):
        status = harness.wait_until(
            "the primary's role is down",
            lambda: [n for n in self.cluster.api_status()["nodes"] if n["role"] == "down" and not n["healthy"]], 15,
        )
        self.assertEqual(self.cluster.api_status()["primary"], status[0]["name"])
        with self.assertRaises(harness.urllib.error.HTTPError) as caught:
            self.cluster.http("/health/primary")
        self.assertEqual(503, caught.exception.code)
        self.assertTrue(self.cluster.http("/health/ready"))

    def test_z_up_brings_it_back_and_old_connections_write_again(self):
        self.cluster.up()
        for session in (self.idle, self.before):
            session.run("REPLACE INTO t VALUES (3)")
            self.assertEqual(((3,),), session.run("SELECT id FROM t WHERE id = 3"))
        self.assertEqual((), self.before.run("SELECT id FROM t WHERE id >= 100"))


if __name__ == "__main__":
    harness.main()
