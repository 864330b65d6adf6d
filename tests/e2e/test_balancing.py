#!/usr/bin/env python3
"""Reads go where they are served best: slow replicas and those that lag are spared."""

import harness

READS = 300


class Balancing(harness.ClusterTest):
    schema = "e2e_balancing"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.cluster.connect("primary", database=cls.schema) as primary:
            primary.run("CREATE TABLE pace (seconds DECIMAL(6, 3))")
            primary.run("INSERT INTO pace VALUES (0)")
        harness.wait_for_replicas(cls.cluster)

    def set_pace(self, node, seconds):
        """The node alone takes so long for a read of the table: its copy says so."""
        with self.cluster.root(node) as server:
            server.run("SET SESSION sql_log_bin = 0")
            server.run("SET GLOBAL super_read_only = OFF")
            try:
                server.run(f"UPDATE {self.schema}.pace SET seconds = {seconds}")
            finally:
                server.run("SET GLOBAL super_read_only = ON")

    def shares(self, session, reads=READS):
        """Which part of so many reads each replica has served."""
        before = self.cluster.statements()
        for _ in range(reads):
            session.value("SELECT SLEEP(seconds) FROM pace")
        after = self.cluster.statements()
        return {node["name"]: (after[node["name"]] - before.get(node["name"], 0)) / reads for node in self.cluster.replicas()}

    def test_equal_replicas_get_equal_shares(self):
        session = self.connect(database=self.schema)
        harness.wait_until("both have about half", lambda: min(self.shares(session).values()) > 0.35, 60)

    def test_a_slow_replica_is_eased_out_and_back_in(self):
        session = self.connect(database=self.schema)
        slow = self.cluster.replicas()[0]
        self.addCleanup(self.set_pace, slow, 0)
        self.set_pace(slow, 0.1)
        # Not at once: a machine that stands still for a moment makes the other replica look as slow for some reads.
        harness.wait_until("it is spared", lambda: self.shares(session)[slow["name"]] < 0.1, 60)
        self.set_pace(slow, 0)
        harness.wait_until("it has its share again", lambda: self.shares(session)[slow["name"]] > 0.35, 60)

    def test_replicas_that_lag_further_than_a_listener_bears_serve_none_of_its_reads(self):
        keys = {"split_consistency": "eventual", "split_max_lag_ms": 400, "replicas_max_lag_ms": 400}
        with self.cluster.another_proxy(**keys) as proxy:
            sessions = [proxy.connect(endpoint, database=self.schema) for endpoint in ("split", "replicas")]

            def read_on_replicas():
                with proxy.count_statements() as spread:
                    for session in sessions:
                        for _ in range(10):
                            session.value("SELECT seconds FROM pace")
                return spread.replicas

            self.assertEqual(20, read_on_replicas())
            with harness.delayed_replication(self.cluster, 3):
                harness.wait_until("the lag is seen and the primary serves", lambda: read_on_replicas() == 0)
            harness.wait_until("the replicas serve again", lambda: read_on_replicas() == 20)
            for session in sessions:
                session.close()


if __name__ == "__main__":
    harness.main()
