#!/usr/bin/env python3
"""Several proxies before one cluster: what one of them told its clients, reads through the others see."""

import itertools
import threading

import harness

ROUNDS = 40


class SeveralProxies(harness.ClusterTest):
    schema = "e2e_several_proxies"
    keys = itertools.count(1)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.cluster.connect("primary", database=cls.schema) as primary:
            primary.run("CREATE TABLE t (id INT PRIMARY KEY)")
        harness.wait_for_replicas(cls.cluster)

    def session(self, proxy, level=None):
        """One that has read on a replica: it would miss there, once it lags, what it does not know of."""
        connection = proxy.connect(database=self.schema)
        self.addCleanup(connection.close)
        if level:
            connection.run(f"SET @@dorsal_consistency = '{level}'")

        def reads_on_replicas():
            rows = connection.rows("SHOW STATUS LIKE 'dorsal_session_reads_replica%'")
            return sum(int(row["Value"]) for row in rows)

        def reads_on_another():
            before = reads_on_replicas()
            connection.value("SELECT COUNT(*) FROM t")
            return reads_on_replicas() > before

        harness.wait_until("the session reads on a replica", reads_on_another)
        return connection

    def stale_reads(self, writer, reader, rounds=ROUNDS):
        """Writes a row through one and looks for it through the other, again and again: how often it is missing."""
        stale = 0
        for _ in range(rounds):
            key = next(self.keys)
            writer.run(f"INSERT INTO t VALUES ({key})")
            stale += reader.value(f"SELECT COUNT(*) FROM t WHERE id = {key}") == 0
        return stale

    def wait_until_alone(self, proxy):
        harness.wait_until("the proxy is alone", lambda: proxy.metric("dorsal_proxy_alone") == 1)

    def test_a_read_sees_what_another_proxy_told_its_clients(self):
        with self.cluster.another_proxy() as other:
            here, there, careless = self.session(self.cluster), self.session(other), self.session(other, "session")
            with harness.delayed_replication(self.cluster):
                self.assertGreater(self.stale_reads(here, careless), 0)
                self.assertEqual(0, self.stale_reads(here, there))
                self.assertEqual(0, self.stale_reads(there, here))

    def test_the_first_write_through_a_new_proxy_is_seen_through_one_that_was_alone(self):
        reader = self.session(self.cluster)
        self.wait_until_alone(self.cluster)
        with harness.delayed_replication(self.cluster), self.cluster.another_proxy() as other:
            writer = other.connect(database=self.schema)
            self.addCleanup(writer.close)
            self.assertEqual(0, self.stale_reads(writer, reader, 10))

    def test_also_through_one_that_is_back_after_its_connections_broke(self):
        with self.cluster.another_proxy() as other:
            here, there = self.session(self.cluster), self.session(other)
            # Long enough to be settled there.
            harness.stays("they know of each other", lambda: other.metric("dorsal_proxy_alone") == 0, 5)
            with self.cluster.root(self.cluster.primary()) as root:
                rows = root.rows(
                    "SELECT processlist_id FROM performance_schema.session_connect_attrs WHERE attr_name = 'dorsal_proxy'"
                )
                for row in rows:
                    root.run("KILL %s", *row.values())
            with harness.delayed_replication(self.cluster):
                harness.wait_until("both have their server again", lambda: self.can_write(here) and self.can_write(there))
                self.assertEqual(0, self.stale_reads(there, here))
                self.assertEqual(0, self.stale_reads(here, there))

    def can_write(self, session):
        try:
            session.ping(reconnect=True)
            session.run(f"INSERT INTO t VALUES ({next(self.keys)})")
        except harness.pymysql.Error:
            return False
        return True

    def test_what_it_costs_is_shared_and_shown(self):
        def cost(level):
            """Questions to the primary for so many reads of several clients at a time."""
            sessions = [self.session(self.cluster, level) for _ in range(8)]
            before = self.cluster.metric("dorsal_proxy_position_probes_total")
            threads = [
                threading.Thread(target=lambda s=s: [s.value("SELECT COUNT(*) FROM t") for _ in range(ROUNDS)])
                for s in sessions
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return self.cluster.metric("dorsal_proxy_position_probes_total") - before

        self.wait_until_alone(self.cluster)
        # On a busy machine a look at the servers may be late, and then reads ask for once.
        harness.wait_until("reads ask nothing while the proxy is alone", lambda: cost("global") == 0)
        primary = self.cluster.primary()["name"]
        with self.cluster.another_proxy():
            harness.wait_until(
                "they know of each other",
                lambda: self.cluster.metric("dorsal_proxy_server_other_proxies", server=primary) == 1,
            )
            asked = cost("global")
            self.assertGreater(asked, 0)
            self.assertLess(asked, 8 * ROUNDS, "each read has asked for itself")
            self.assertEqual(0, cost("session"))
            self.assertEqual(0, cost("eventual"))
            rows = self.session(self.cluster).rows("SHOW STATUS LIKE 'dorsal_proxy_alone'")
            self.assertEqual(["0"], [row["Value"] for row in rows])


if __name__ == "__main__":
    harness.main()
