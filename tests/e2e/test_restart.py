#!/usr/bin/env python3
"""Whatever was stopped or killed: `dorsal up` brings it back, and no row that was acknowledged is missing."""

import contextlib
import itertools
import json
import shutil
import sqlite3
import threading
import time

import pymysql

import harness
import processes


class Restart(harness.ClusterTest):
    schema = "e2e_restart"
    keys = itertools.count(1)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.cluster.connect("primary", database=cls.schema) as primary:
            primary.run("CREATE TABLE t (id INT PRIMARY KEY, text VARCHAR(20))")
        cls.told = 0

    def setUp(self):
        self.cluster.up()
        self.write(5)

    def write(self, count=1):
        with self.cluster.connect(database=self.schema) as session:
            for _ in range(count):
                key = next(self.keys)
                session.run(f"INSERT INTO t VALUES ({key}, 'kept')")
                type(self).told += 1

    def comes_back(self):
        """`up` succeeds, all data is on every server, and it all works."""
        started = time.monotonic()
        self.cluster.up()
        print(f"healthy after {time.monotonic() - started:.1f} s")
        harness.wait_for_replicas(self.cluster)
        for node in self.cluster.api_status()["nodes"]:
            with self.cluster.root(node) as server:
                rows = server.value(f"SELECT COUNT(*) FROM {self.schema}.t WHERE text = 'kept'")
                self.assertEqual(self.told, rows, node["name"])
        self.write(3)
        with self.cluster.connect(database=self.schema) as session:
            self.assertEqual(self.told, session.value("SELECT COUNT(*) FROM t"))
        for node in self.cluster.replicas():
            harness.wait_until(f"{node['name']} replicates", lambda: self.threads(node) == ("Yes", "Yes"), 15)

    def threads(self, node):
        with self.cluster.root(node) as server:
            (row,) = server.rows("SHOW REPLICA STATUS")
        return row["Replica_IO_Running"], row["Replica_SQL_Running"]

    def test_down_and_up(self):
        pids = self.cluster.pids()
        self.cluster.down()
        self.assertEqual([], [pid for pid in pids if processes.is_running(pid)])
        self.assertEqual([], self.cluster.pids())
        taken = [port for port in range(self.cluster.base, self.cluster.base + 20) if not processes.is_free(port)]
        self.assertEqual([], taken)
        self.comes_back()

    def test_down_twice_is_fine_and_status_says_that_all_is_down(self):
        self.cluster.down()
        self.cluster.down()
        status = self.cluster.status()
        self.assertEqual({"down"}, {node["role"] for node in status["nodes"]})
        self.assertFalse(any(node["healthy"] for node in status["nodes"]))
        self.comes_back()

    def test_down_stops_nothing_else(self):
        # A process that looks like one of the cluster's, and one that talks to it.
        bystander = harness.subprocess.Popen(["sleep", "600"], cwd=self.cluster.dir)
        self.addCleanup(bystander.wait)
        self.addCleanup(bystander.kill)
        session = self.connect(database=self.schema)
        session.run("SELECT 1")
        self.cluster.down()
        self.assertIsNone(bystander.poll())
        self.comes_back()

    def test_a_second_agent_on_a_folder_in_use_is_refused_and_changes_nothing(self):
        before = self.cluster.api_status()
        node = self.cluster.replicas()[0]
        agent = self.cluster.agent_pid(node)
        _, *arguments = processes.command_line(agent)
        other = harness.temporary_folder()
        self.addCleanup(shutil.rmtree, other, ignore_errors=True)
        elsewhere = [f"run={other}", f"node.agent_address=127.0.0.1:{harness.free_port_base()}"]
        another = f"node.name={self.cluster.replicas()[1]['name']}"
        for sets, words in (
            ([], "runs already"),
            (elsewhere, "this node runs already"),
            ([*elsewhere, another], "this node runs already"),
        ):
            with self.subTest(sets):
                more = [part for key in sets for part in ("--set", key)]
                refused = self.cluster.run(*arguments, *more, check=False, timeout=60)
                self.assertEqual(1, refused.returncode, refused.stderr)
                self.assertIn(words, refused.stderr)
        processes.kill(agent)
        harness.wait_until("its server has ended", lambda: not processes.is_running(node["pid"]))
        more = [part for key in (*elsewhere, another) for part in ("--set", key)]
        refused = self.cluster.run(*arguments, *more, check=False, timeout=60)
        self.assertEqual(1, refused.returncode, refused.stderr)
        self.assertIn(f"belongs to node {node['name']}, not to ", refused.stderr)

        def members(status):
            return [(known["name"], known["address"], known["voter"]) for known in status["nodes"]]

        self.assertEqual(members(before), members(self.cluster.api_status()))
        self.comes_back()

    def test_a_store_of_a_newer_version_is_refused_and_stays_as_it_is(self):
        self.cluster.down()

        def entries():
            with contextlib.closing(sqlite3.connect(self.cluster.dir / "store.db")) as store:
                return store.execute("SELECT key, value FROM entry WHERE key NOT LIKE '~%' ORDER BY key").fetchall()

        def raise_format(by):
            with contextlib.closing(sqlite3.connect(self.cluster.dir / "store.db", isolation_level=None)) as store:
                ((text,),) = store.execute("SELECT value FROM entry WHERE key = 'cluster'").fetchall()
                charter = json.loads(text)
                newer = json.dumps({**charter, "format": charter["format"] + by})
                store.execute("UPDATE entry SET value = ? WHERE key = 'cluster'", (newer,))

        raise_format(1)
        before = entries()
        for command in (("up", "--detach"), ("status",), ("switchover",), ("remove", "node1")):
            with self.subTest(command):
                refused = self.cluster.run(*command, "--dir", self.cluster.dir, check=False)
                self.assertNotEqual(0, refused.returncode)
                self.assertIn("the store is of a newer Dorsal", refused.stderr)
        self.assertEqual(before, entries())
        self.assertEqual([], self.cluster.pids())
        raise_format(-1)
        self.comes_back()

    def test_every_agent_killed(self):
        nodes = self.cluster.api_status()["nodes"]
        agents = [self.cluster.agent_pid(node) for node in nodes]
        processes.kill(agents)
        harness.wait_until(
            "each mysqld is gone with its agent",
            lambda: not any(processes.is_running(node["pid"]) for node in nodes), 10,
        )
        self.comes_back()

    def test_every_mysqld_killed_at_once(self):
        processes.kill([node["pid"] for node in self.cluster.api_status()["nodes"]])
        self.comes_back()

    def test_each_mysqld_killed_alone(self):
        for name in [node["name"] for node in self.cluster.api_status()["nodes"]]:
            with self.subTest(node=name):
                processes.kill(self.cluster.node(name)["pid"])
                self.comes_back()

    def test_the_proxy_killed(self):
        servers = [node["pid"] for node in self.cluster.api_status()["nodes"]]
        processes.kill(self.cluster.proxy_pid())
        self.comes_back()
        self.assertEqual(servers, [node["pid"] for node in self.cluster.api_status()["nodes"]])

    def test_everything_killed_at_once(self):
        self.assertGreaterEqual(processes.kill_marked(self.cluster.mark), 7)
        self.comes_back()

    def test_everything_killed_while_rows_are_written(self):
        stop, written = threading.Event(), []

        def write():
            try:
                with self.cluster.connect(database=self.schema) as session:
                    while not stop.is_set():
                        key = next(self.keys)
                        session.run(f"INSERT INTO t VALUES ({key}, 'in flight')")
                        written.append(key)
            except (pymysql.Error, OSError):
                pass

        writers = [threading.Thread(target=write) for _ in range(4)]
        for writer in writers:
            writer.start()
        harness.wait_until("some rows are acknowledged", lambda: len(written) > 40)
        processes.kill_marked(self.cluster.mark)
        stop.set()
        for writer in writers:
            writer.join()
        self.cluster.up()
        harness.wait_for_replicas(self.cluster)
        for node in self.cluster.api_status()["nodes"]:
            with self.cluster.root(node) as server:
                present = {key for (key,) in server.run(f"SELECT id FROM {self.schema}.t WHERE text = 'in flight'")}
                self.assertEqual(set(), set(written) - present, f"acknowledged rows are missing on {node['name']}")
                # At most one more for each writer: that whose answer never came.
                self.assertLessEqual(len(present - set(written)), 4)
        with self.cluster.connect(database=self.schema) as session:
            session.run("DELETE FROM t WHERE text = 'in flight'")
        self.comes_back()

    def test_up_killed_in_the_middle_of_a_restart(self):
        processes.kill_marked(self.cluster.mark)
        for delay in (0.1, 1.0):
            starting = self.cluster.start_up()
            time.sleep(delay)
            processes.kill_marked(self.cluster.mark)
            starting.wait()
        self.comes_back()


if __name__ == "__main__":
    harness.main()
