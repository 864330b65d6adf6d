#!/usr/bin/env python3
"""What a primary does without its replicas or its store, and how nodes leave."""

import contextlib
import http.server
import json
import shutil
import sqlite3
import threading
import time
import unittest

import pymysql

import harness
import primary_changes
import processes


class Changes(harness.ClusterTest):
    """Another mode, or another number of acknowledgements, while clients write."""

    schema = "e2e_protection_changes"

    def protection(self, *arguments, check=True):
        return self.cluster.run("protection", *arguments, "--dir", self.cluster.dir, check=check)

    def at_primary(self, variable):
        with contextlib.closing(self.cluster.root(self.cluster.primary())) as server:
            return server.value(f"SELECT @@GLOBAL.{variable}")

    def assert_protected_by(self, acks):
        status = self.cluster.api_status()
        self.assertEqual(
            ("semi-sync", acks, acks, True),
            (status["mode"], status["acks"], status["acks_in_force"], status["protected"]),
        )
        self.assertEqual(acks, self.at_primary("rpl_semi_sync_source_wait_for_replica_count"))
        self.assertEqual(1, self.at_primary("rpl_semi_sync_source_enabled"))

    def waits_without(self, *replicas):
        """Whether a write waits for these."""
        with self.cluster.connect("primary", read_timeout=60) as session:
            written = threading.Thread(target=session.run, args=[f"INSERT INTO {self.schema}.t VALUES ()"])
            with processes.frozen(*(node["pid"] for node in replicas)):
                written.start()
                written.join(2)
                waits = written.is_alive()
            written.join(60)
            self.assertFalse(written.is_alive())
        return waits

    def setUp(self):
        super().setUp()
        with self.cluster.connect("primary", database=self.schema) as session:
            session.run("CREATE TABLE IF NOT EXISTS t (id INT AUTO_INCREMENT PRIMARY KEY)")
        self.addCleanup(self.protection, "--mode", "semi-sync", "--acks", "1")

    def test_two_acknowledgements_count_until_one_does_again_also_at_the_next_primary(self):
        self.assertIn("semi-sync, acks 1: losing the primary loses no acknowledged write", self.protection().stdout)
        self.assertFalse(self.waits_without(self.cluster.replicas()[0]))
        told = json.loads(self.protection("--acks", "2", "--json").stdout)
        self.assertEqual((2, 2, True, True), tuple(told[name] for name in ("acks", "acks_in_force", "protected", "changed")))
        self.assert_protected_by(2)
        self.assertTrue(self.waits_without(self.cluster.replicas()[0]))
        self.assertIn("semi-sync, acks 2", self.cluster.run("status", "--dir", self.cluster.dir).stdout)

        old = self.cluster.primary()
        processes.kill(old["pid"])
        harness.wait_until("another node leads", lambda: self.cluster.primary()["name"] != old["name"])
        self.cluster.wait_until_well()
        self.assert_protected_by(2)
        self.assertTrue(self.waits_without(self.cluster.replicas()[0]))

        self.assertIn("now semi-sync, acks 1", self.protection("--acks", "1").stdout)
        harness.wait_until("one suffices", lambda: self.at_primary("rpl_semi_sync_source_wait_for_replica_count") == 1)
        self.assert_protected_by(1)
        self.assertFalse(self.waits_without(self.cluster.replicas()[0]))
        said = self.cluster.run("events", "--dir", self.cluster.dir).stdout
        self.assertIn("semi-sync, acks 2 instead of semi-sync, acks 1", said)

    def test_mode_async_and_back(self):
        self.assertIn("now async: losing the primary may lose acknowledged writes", self.protection("--mode", "async").stdout)
        self.assertEqual(0, self.at_primary("rpl_semi_sync_source_enabled"))
        self.assertFalse(self.waits_without(*self.cluster.replicas()))
        self.cluster.wait_until_well()
        # Replicas that lack what was written meanwhile are waited for, and so are writes.
        replicas = self.cluster.replicas()
        with processes.frozen(*(node["pid"] for node in replicas)):
            with self.cluster.connect("primary") as session:
                session.run(f"INSERT INTO {self.schema}.t VALUES ()")
            asked = threading.Thread(target=self.protection, args=["--mode", "semi-sync"])
            asked.start()
            harness.wait_until("writes wait", lambda: self.at_primary("rpl_semi_sync_source_enabled") == 1)
            self.assertFalse(self.cluster.api_status()["protected"])
            self.assertFalse(self.cluster.api_status()["failover"]["ready"])
        asked.join(60)
        self.assertFalse(asked.is_alive())
        self.cluster.wait_until_well()
        self.assert_protected_by(1)

    def test_more_than_there_are_replicas_are_refused_and_nothing_changes(self):
        refused = self.protection("--acks", "3", check=False)
        self.assertEqual(1, refused.returncode)
        self.assertIn("no write could be acknowledged by 3 replicas, as the cluster has 2", refused.stderr)
        self.assertEqual(2, self.protection("--acks", "9", check=False).returncode)
        self.assertEqual(2, self.protection("--mode", "raft", check=False).returncode)
        self.assert_protected_by(1)


class OtherModes(unittest.TestCase):
    def cluster_in(self, mode):
        folder = harness.temporary_folder()
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        cluster = harness.Cluster(folder / "cluster", environment={"DORSAL_CLUSTER_MODE": mode})
        self.addCleanup(cluster.destroy)
        return cluster

    def test_in_mode_async_nobody_waits_and_an_operator_alone_makes_another_the_primary(self):
        cluster = self.cluster_in("async")
        cluster.up(wait=False)
        cluster.wait_until_well()
        before = cluster.api_status()
        self.assertEqual(("async", True), (before["mode"], before["failover"]["may_lose_writes"]))
        self.assertIn("writes may be on the primary alone", cluster.run("status", "--dir", cluster.dir).stdout)
        primary = cluster.primary()
        with cluster.connect("primary", read_timeout=60) as session:
            session.run("CREATE DATABASE d")
            session.run("CREATE TABLE d.t (id INT PRIMARY KEY)")
            with processes.frozen(*(node["pid"] for node in cluster.replicas())):
                session.run("INSERT INTO d.t VALUES (1)")
        cluster.wait_until_well()
        processes.kill(primary["pid"])
        harness.wait_until("its agent starts it again", lambda: cluster.primary()["pid"] not in (None, primary["pid"]))
        cluster.wait_until_well()
        again = cluster.api_status()
        self.assertEqual((before["primary"], before["term"]), (again["primary"], again["term"]))
        with processes.frozen(cluster.agent_pid(cluster.primary()), cluster.primary()["pid"]):
            harness.wait_until("the primary is lost", lambda: cluster.primary()["role"] == "down")
            failover = ("failover", "--dir", cluster.dir)
            refused = cluster.run(*failover, check=False)
            self.assertEqual(1, refused.returncode, refused.stdout)
            self.assertIn("--allow-data-loss", refused.stderr)
            cluster.run(*failover, "--allow-data-loss")
            self.assertNotEqual(before["primary"], cluster.primary()["name"])
            with cluster.connect("primary") as session:
                session.run("INSERT INTO d.t VALUES (2)")
                self.assertEqual(((1,), (2,)), session.run("SELECT id FROM d.t ORDER BY id"))
        cluster.wait_until_well()
        self.assertEqual([], cluster.crashes())

    def test_in_mode_available_writes_go_on_without_replicas_and_with_them_are_protected_again(self):
        cluster = self.cluster_in("available")
        cluster.up()
        status = cluster.api_status()
        self.assertEqual(("available", False), (status["mode"], status["failover"]["may_lose_writes"]))
        # A cluster is founded without protection, and its first replicas end that.
        founding = len(cluster.events())
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
        rules = [event["rule"] for event in cluster.events()[founding:]]
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

    SYNCING = "SELECT @@sync_relay_log, @@rpl_semi_sync_replica_enabled"
    CATCHING_UP = ["stop_syncing", "sync_relay_log", "give_acks_as_voter"]

    def catches_up(self, node, expected, action):
        """While others write and acknowledge it lets a replica fall behind; then that does what is expected, in this order.

        It may fall behind once more before it acknowledges, on a machine that stands still for half a second.
        """
        self.assertEqual(((1, 1),), self.ask(node, self.SYNCING))
        known = len(self.rules_of(node))
        with self.writing():
            action()
            harness.wait_until("it acknowledges again", lambda: expected[-1] in self.rules_of(node)[known:], 60)
            self.cluster.wait_healthy()
        rules = [rule for rule in self.rules_of(node)[known:] if rule in expected]
        self.assertEqual(expected, list(dict.fromkeys(rules)), rules)
        self.assertEqual(1, rules.count(expected[-1]), rules)
        self.assertEqual(((1, 1),), self.ask(node, self.SYNCING))

    def rules_of(self, node):
        return [event["rule"] for event in self.cluster.events() if event["by"] == node["name"]]

    def ask(self, node, statement):
        with contextlib.closing(self.cluster.root(node)) as server:
            return server.run(statement)

    def test_a_replica_that_is_far_behind_acknowledges_nothing_and_catches_up_fast(self):
        node = self.cluster.replicas()[0]

        def fall_far_behind():
            with processes.frozen(node["pid"]):
                time.sleep(12)

        self.catches_up(node, ["stop_acks_far_behind", *self.CATCHING_UP], fall_far_behind)

    def test_a_replica_that_was_restarted_acknowledges_only_when_it_has_caught_up(self):
        node = self.cluster.replicas()[0]

        def be_away_for_a_while():
            with processes.frozen(self.cluster.agent_pid(node)):
                processes.kill(node["pid"])
                time.sleep(2)

        self.catches_up(node, self.CATCHING_UP, be_away_for_a_while)

    def test_an_account_made_while_no_replica_is_there_does_not_keep_them_out(self):
        primary = self.cluster.primary()
        told = []

        def make_account():
            with contextlib.closing(self.cluster.root(primary)) as server:
                try:
                    told.append(server.run("CREATE USER e2e_late IDENTIFIED BY 'Late-1'"))
                except pymysql.MySQLError as error:
                    told.append(error.args[0])

        maker = threading.Thread(target=make_account)
        with self.cluster.root(primary) as server:
            replicas = self.cluster.replicas()
            with processes.frozen(*(self.cluster.agent_pid(node) for node in replicas)):
                for node in replicas:
                    processes.kill(node["pid"])
                maker.start()
                harness.wait_until(
                    "it waits for acknowledgements",
                    lambda: server.value(
                        "SELECT COUNT(*) FROM performance_schema.metadata_locks"
                        " WHERE OBJECT_TYPE = 'ACL CACHE' AND LOCK_TYPE = 'EXCLUSIVE'"
                    ),
                )
        self.addCleanup(self.forget_account)
        maker.join(60)
        self.assertEqual([2013], told)
        self.wait_for_all()

    def forget_account(self):
        with self.cluster.root(self.cluster.primary()) as server:
            server.run("DROP USER IF EXISTS e2e_late")

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

    def test_a_silent_node_is_removed_on_a_persons_word_alone_and_acknowledges_nothing_afterwards(self):
        node = self.cluster.replicas()[0]
        agent = self.cluster.agent_pid(node)
        remove = ("remove", node["name"], "--dir", self.cluster.dir)
        with processes.frozen(agent):
            harness.wait_until("it is silent", lambda: self.cluster.node(node["name"])["role"] == "down")
            refused = self.cluster.run(*remove, check=False)
            self.assertNotEqual(0, refused.returncode)
            self.assertIn(f"dorsal remove {node['name']} --gone", refused.stderr)
            self.assertEqual(3, len(self.cluster.api_status()["nodes"]))
            # The person is wrong: its server runs, and is still connected to the primary.
            self.cluster.run(*remove, "--gone")
            self.assertEqual(2, len(self.cluster.api_status()["nodes"]))
        harness.wait_until("its server is gone", lambda: not processes.is_running(node["pid"]))
        processes.kill(agent)
        self.cluster.up()
        self.wait_for_all()
        self.assertEqual(3, len(self.cluster.api_status()["nodes"]))

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


class Hooks:
    """What agents tell of changes of role: lines that a program writes, and posts to a web server."""

    def __init__(self, folder):
        self.lines, self.posts = folder / "hook.txt", []
        program = folder / "hook"
        program.write_text(f'#!/bin/sh\necho "$DORSAL_NODE $DORSAL_ROLE $DORSAL_TERM" >>{self.lines}\n', encoding="utf-8")
        program.chmod(0o700)
        self.server = http.server.HTTPServer(("127.0.0.1", 0), self.handler())
        self.environment = {
            "DORSAL_NODE_HOOK": str(program),
            "DORSAL_NODE_WEBHOOK": f"http://127.0.0.1:{self.server.server_port}/roles?key=1",
        }
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handler(hooks):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hooks.posts.append((self.path, f"{body['node']} {body['role']} {body['term']}"))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler

    def have_told(self, line):
        return line in self.lines.read_text(encoding="utf-8").splitlines() and ("/roles?key=1", line) in self.posts


class DataLoss(primary_changes.PrimaryChanges):
    schema = "e2e_data_loss"

    @classmethod
    def setUpClass(cls):
        folder = harness.temporary_folder()
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.hooks = Hooks(folder)
        cls.addClassCleanup(cls.hooks.server.shutdown)
        cls.environment = cls.hooks.environment
        super().setUpClass()

    def failover(self, *arguments):
        return self.cluster.run("failover", "--dir", self.cluster.dir, *arguments, check=False)

    def test_only_an_operator_gives_up_what_cannot_be_had(self):
        """A write that is acknowledged, and of which the last node that is left knows nothing."""
        primary = self.cluster.primary()
        ahead, behind = self.cluster.replicas()
        lost = [pid for node in (primary, ahead) for pid in (self.cluster.agent_pid(node), node["pid"])]
        with contextlib.ExitStack() as gone:
            with processes.frozen(self.cluster.agent_pid(behind)):
                with self.cluster.root(behind) as server:
                    server.run("STOP REPLICA IO_THREAD")
                with self.cluster.connect(database=self.schema) as session:
                    session.run("INSERT INTO t VALUES (4711)")
                with self.cluster.root(primary) as server:
                    gtid = server.value("SELECT @@server_uuid") + ":"
                harness.stays("the agents have told of it", lambda: True, 3)
                gone.enter_context(processes.frozen(*lost))
            harness.wait_until("it is refused", lambda: "would be lost" in self.failover().stderr)
            refused = self.failover()
            self.assertEqual(1, refused.returncode)
            for words in (gtid, "--allow-data-loss", primary["name"], ahead["name"], behind["name"]):
                self.assertIn(words, refused.stderr)
            done = self.failover("--allow-data-loss", "--json", "--reason", "test")
            self.assertEqual(0, done.returncode, done.stderr)
            told = json.loads(done.stdout)
            self.assertEqual((behind["name"], True), (told["primary"], told["may_have_lost_writes"]))
            self.assertIn(gtid, told["lost"])
            with self.cluster.connect("primary", database=self.schema) as session:
                self.assertEqual((), session.run("SELECT id FROM t"))
        self.wait_for_all()
        kept = [strays.read_text(encoding="utf-8") for strays in self.cluster.dir.glob("*/strays/*/strays.sql")]
        self.assertTrue(any("@1=4711" in text for text in kept), "what was lost is put aside")
        (record,) = [event for event in self.cluster.events() if event["rule"] == "failover --allow-data-loss"]
        self.assertIn(gtid, record["what"])
        term = self.cluster.api_status()["term"]
        harness.wait_until("the hooks are told", lambda: self.hooks.have_told(f"{behind['name']} primary {term}"))


if __name__ == "__main__":
    harness.unittest.main()
