#!/usr/bin/env python3
"""What a primary does without its replicas or its store, and how nodes leave."""

import contextlib
import json
import shutil
import sqlite3
import threading
import unittest

import harness
import primary_changes
import processes


class Available(unittest.TestCase):
    """Mode available: writes go on without replicas, and that is said."""

    def test_without_replicas_it_goes_on_and_with_them_it_is_protected_again(self):
        folder = harness.temporary_folder()
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        cluster = harness.Cluster(folder / "cluster", environment={"DORSAL_CLUSTER_MODE": "available"})
        self.addCleanup(cluster.destroy)
        cluster.up()
        status = cluster.api_status()
        self.assertEqual(("available", False), (status["mode"], status["failover"]["may_lose_writes"]))
        with cluster.connect("primary", read_timeout=120) as session:
            session.run("CREATE DATABASE d")
            session.run("CREATE TABLE d.t (id INT PRIMARY KEY)")
            pids = [pid for node in cluster.replicas() for pid in (cluster.agent_pid(node), node["pid"])]
            with processes.frozen(*pids):
                session.run("INSERT INTO d.t VALUES (1)")
                harness.wait_until(
                    "that is said", lambda: cluster.api_status()["failover"]["may_lose_writes"]
                )
                self.assertFalse(cluster.api_status()["failover"]["ready"])
                session.run("INSERT INTO d.t VALUES (2)")
            harness.wait_until(
                "writes are protected again", lambda: not cluster.api_status()["failover"]["may_lose_writes"], 120
            )
            session.run("INSERT INTO d.t VALUES (3)")
        with cluster.root(cluster.primary()) as server:
            self.assertEqual("ON", server.rows("SHOW STATUS LIKE 'Rpl_semi_sync_source_status'")[0]["Value"])
        events = cluster.run("events", "--dir", cluster.dir, "--json", "--limit", "1000").stdout.splitlines()
        rules = [json.loads(line)["rule"] for line in events]
        expected = ["go_unprotected", "stop_acks_unprotected", "require_acks_again", "end_unprotected"]
        self.assertEqual(expected, [rule for rule in dict.fromkeys(rules) if rule in expected])
        self.assertIn("alarm_unprotected", rules)
        self.assertEqual([], cluster.crashes())


class Protection(primary_changes.PrimaryChanges):
    schema = "e2e_protection"

    @contextlib.contextmanager
    def store_without_writes(self):
        """It can be read, as an etcd whose disk is full."""
        store = sqlite3.connect(self.cluster.dir / "store.db", timeout=30, isolation_level=None)
        with contextlib.closing(store):
            store.execute(
                "CREATE TRIGGER full BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            )
            try:
                yield
            finally:
                store.execute("DROP TRIGGER full")

    @contextlib.contextmanager
    def no_store(self):
        store = sqlite3.connect(self.cluster.dir / "store.db", timeout=30, isolation_level=None)
        with contextlib.closing(store):
            store.execute("ALTER TABLE entry RENAME TO away")
            try:
                yield
            finally:
                store.execute("ALTER TABLE away RENAME TO entry")

    def is_writable(self, node):
        with self.cluster.root(node) as server:
            return server.value("SELECT @@super_read_only") == 0

    def test_without_the_store_the_primary_goes_on_while_every_member_agrees(self):
        before = self.cluster.api_status()
        primary = self.cluster.primary()
        for outage in (self.store_without_writes, self.no_store):
            with self.subTest(outage.__name__), self.cluster.root(primary) as server, outage():
                # Several times as long as a lease.
                for _ in range(50):
                    self.assertEqual(0, server.value("SELECT @@super_read_only"))
                    server.value("SELECT SLEEP(0.2)")
        self.wait_for_all()
        after = self.cluster.api_status()
        self.assertEqual((before["primary"], before["term"]), (after["primary"], after["term"]))

    def test_where_one_member_does_not_answer_it_stops_taking_writes(self):
        primary = self.cluster.primary()
        node = self.cluster.replicas()[0]
        with self.store_without_writes():
            with processes.frozen(self.cluster.agent_pid(node)):
                harness.wait_until("it takes no writes", lambda: not self.is_writable(primary))
            harness.wait_until("with all of them back it takes some", lambda: self.is_writable(primary))
        self.wait_for_all()

    def test_a_node_that_is_removed_may_come_back(self):
        node = self.cluster.replicas()[0]
        agent = self.cluster.agent_pid(node)
        self.cluster.run("remove", node["name"], "--dir", self.cluster.dir)
        self.assertEqual(2, len(self.cluster.api_status()["nodes"]))
        with self.cluster.connect(database=self.schema) as session:
            session.run("INSERT INTO t VALUES (1)")
        processes.kill(agent)
        self.cluster.up()
        self.assertEqual(3, len(self.cluster.api_status()["nodes"]))
        self.wait_for_all()

    def test_events_can_be_followed(self):
        heard = []
        command, environment = self.cluster.command("events", "--dir", self.cluster.dir, "--follow", "--json")
        with harness.subprocess.Popen(
            command, env=environment, stdout=harness.subprocess.PIPE, stdin=harness.subprocess.DEVNULL, text=True
        ) as following:
            reader = threading.Thread(target=lambda: heard.extend(following.stdout))
            reader.start()
            self.cluster.run("pause", "--dir", self.cluster.dir, "--reason", "to be heard of")
            harness.wait_until("it is heard of", lambda: any("to be heard of" in line for line in heard))
            following.terminate()
            reader.join(60)
            self.assertEqual(0, following.wait(60))
        self.cluster.run("resume", "--dir", self.cluster.dir)
        self.assertIn("operator", [json.loads(line)["by"] for line in heard])


if __name__ == "__main__":
    harness.unittest.main()
