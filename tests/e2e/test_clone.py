#!/usr/bin/env python3
"""A node that lost everything, or whose data is damaged, is cloned from a live one and serves nothing before."""

import contextlib
import shutil
import threading
import time

import pymysql

import harness
import processes

MEGABYTES = 200
PAGE = 16 << 10


class Clone(harness.ClusterTest):
    schema = "e2e_clone"

    def fill(self):
        with self.cluster.connect("primary", database=self.schema) as session:
            session.run("CREATE TABLE big (id INT AUTO_INCREMENT PRIMARY KEY, data MEDIUMBLOB)")
            session.run("CREATE TABLE grows (id INT PRIMARY KEY)")
            session.run("INSERT INTO grows VALUES (0)")
            for _ in range(MEGABYTES // 4):
                session.run("INSERT INTO big (data) VALUES " + ", ".join(["(REPEAT(RANDOM_BYTES(1000), 1000))"] * 4))

    def test_a_lost_node_is_cloned_under_writes_and_serves_nothing_before(self):
        self.fill()
        lost = self.cluster.replicas()[0]
        folder = self.cluster.folder_of(lost)
        processes.kill(self.cluster.agent_pid(lost))
        harness.wait_until("its mysqld is gone", lambda: not processes.is_running(lost["pid"]), 10)
        shutil.rmtree(folder)

        told, stop, problems, roles = [0], threading.Event(), [], []

        def write():
            with self.cluster.connect(database=self.schema) as session:
                while not stop.is_set():
                    try:
                        session.run(f"INSERT INTO grows VALUES ({told[0] + 1})")
                        told[0] += 1
                    except pymysql.Error as error:
                        problems.append(("a write failed", error))
                        return

        def read(endpoint):
            """Each time over a new connection: that is when a session may land on the new node."""
            while not stop.is_set():
                expected = told[0]
                try:
                    with self.cluster.connect(endpoint, database=self.schema) as session:
                        found = session.value("SELECT MAX(id) FROM grows")
                except (pymysql.Error, OSError) as error:
                    problems.append((f"a read on {endpoint} failed", error))
                    return
                if found < expected:
                    problems.append((endpoint, found, expected))

        limits = set()

        def look_at_limits():
            while not stop.is_set():
                with contextlib.suppress(pymysql.Error, OSError, AttributeError, AssertionError):
                    with contextlib.closing(self.cluster.root(lost)) as server:
                        limits.add(server.run("SELECT @@clone_max_data_bandwidth, @@clone_max_network_bandwidth")[0])
                time.sleep(0.05)

        def watch():
            while not stop.is_set():
                role = self.cluster.node(lost["name"])["role"]
                if not roles or roles[-1] != role:
                    roles.append(role)
                time.sleep(0.05)

        threads = [threading.Thread(target=work) for work in (write, watch, look_at_limits)]
        threads += [threading.Thread(target=read, args=[endpoint]) for endpoint in ("split", "replicas")]
        for thread in threads:
            thread.start()
        try:
            started = time.monotonic()
            self.cluster.up(timeout=300)
            print(f"cloned and caught up after {time.monotonic() - started:.1f} s, {told[0]} rows written meanwhile")
            again = self.cluster.node(lost["name"])
            harness.wait_until("some more is written", lambda: told[0] > 20)
        finally:
            stop.set()
            for thread in threads:
                thread.join()

        self.assertEqual([], problems)
        # Down until its agent says something; joining until it has caught up; then, and only then, a replica.
        self.assertEqual(["joining", "replica"], [role for role in roles if role != "down"][-2:], roles)
        self.assertEqual(1, roles.count("replica") - (roles[0] == "replica"), roles)
        # Its donor is spared: node.clone_limit, in MiB a second; 0 before and after the clone.
        self.assertIn((100, 100), limits)
        self.assertEqual(lost["server_id"], again["server_id"])
        self.assertNotEqual(lost["server_uuid"], again["server_uuid"])
        harness.wait_for_replicas(self.cluster)
        with self.cluster.root(again) as server:
            self.assertEqual(MEGABYTES * 1_000_000, server.value(f"SELECT SUM(LENGTH(data)) FROM {self.schema}.big"))
            self.assertEqual(told[0] + 1, server.value(f"SELECT COUNT(*) FROM {self.schema}.grows"))
            self.assertEqual("Completed", server.value("SELECT STATE FROM performance_schema.clone_status"))

    def test_a_replica_whose_data_is_damaged_is_cloned_anew_and_the_data_kept(self):
        with self.cluster.connect("primary", database=self.schema) as session:
            session.run("CREATE TABLE worn (id INT PRIMARY KEY, word CHAR(200))")
            session.run("INSERT INTO worn VALUES " + ", ".join(f"({i}, 'old')" for i in range(1000)))
        harness.wait_for_replicas(self.cluster)
        node = self.cluster.replicas()[0]
        folder = self.cluster.folder_of(node)
        self.cluster.run("resume", "--dir", self.cluster.dir)  # while paused no data is dropped
        self.addCleanup(self.cluster.run, "pause", "--dir", self.cluster.dir, "--reason", "tests")
        with processes.frozen(self.cluster.agent_pid(node)):
            with self.cluster.root(node) as server:
                server.run("SHUTDOWN")
            harness.wait_until("it has left all its data behind", lambda: not processes.is_running(node["pid"]))
            file = next((folder / "data").rglob("worn.ibd"))
            # Behind the tablespace's own pages and the root of its tree: the pages that hold rows.
            file.write_bytes(file.read_bytes()[:5 * PAGE].ljust(file.stat().st_size, b"x"))
        with self.cluster.connect("primary", database=self.schema) as session:
            session.run("UPDATE worn SET word = 'new'")
        harness.wait_until("it was cloned anew", lambda: self.server_uuid(node) != node["server_uuid"], 120)
        self.cluster.wait_until_well()
        harness.wait_for_replicas(self.cluster)
        with self.cluster.root(self.cluster.node(node["name"])) as server:
            self.assertEqual(1000, server.value(f"SELECT COUNT(*) FROM {self.schema}.worn WHERE word = 'new'"))
        self.assertTrue((folder / "damaged" / "ibdata1").exists())
        rules = [event["rule"] for event in self.cluster.events() if event["by"] == node["name"]]
        self.assertIn("set_damaged_data_aside", rules)

    def server_uuid(self, node):
        """Of the data that it has now; once it has some."""
        now = self.cluster.node(node["name"])
        return now["server_uuid"] if now["joined"] and now["healthy"] else node["server_uuid"]


if __name__ == "__main__":
    harness.main()
