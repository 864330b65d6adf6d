#!/usr/bin/env python3
"""Another node is made the primary while the present one is at work, and nobody notices."""

import json
import threading

import pymysql

import harness
import primary_changes
import processes


class Switchover(primary_changes.PrimaryChanges):
    schema = "e2e_switchover"
    # Nobody is lost here, however slow the machine is.
    environment = {"DORSAL_NODE_LEASE_MS": "10000"}

    def switch(self, *arguments, check=True):
        return self.cluster.run("switchover", "--dir", self.cluster.dir, *arguments, check=check)

    def refused(self, *arguments, command="switchover"):
        done = self.cluster.run(command, "--dir", self.cluster.dir, *arguments, check=False)
        self.assertEqual(1, done.returncode, done.stdout + done.stderr)
        return done.stderr

    def another(self):
        return self.cluster.replicas()[0]["name"]

    def test_under_load_no_client_sees_an_error(self):
        idle = self.cluster.connect(database=self.schema)
        self.addCleanup(harness.close_quietly, idle)
        idle.run("SET @mine = 7, SESSION sort_buffer_size = 300000")
        with self.writing() as writers:
            for _ in range(3):
                target = self.another()
                done = json.loads(self.switch("--to", target, "--json").stdout)
                self.assertEqual(target, done["to"])
                self.assertEqual(target, self.cluster.primary()["name"])
                self.wait_for_all()
        self.assertEqual([[]] * len(writers), [writer.errors for writer in writers])
        self.assert_all_there(writers)
        self.assertEqual(((7, 300000),), idle.run("SELECT @mine, @@sort_buffer_size"))
        idle.run("INSERT INTO t VALUES (-1)")

    def test_a_transaction_that_ends_in_time_notices_nothing(self):
        with self.cluster.connect(database=self.schema) as session:
            session.run("BEGIN")
            session.run("INSERT INTO t VALUES (1)")
            switching = threading.Thread(target=self.switch, args=("--drain", "20000"))
            switching.start()
            self.wait_until_held()
            session.run("INSERT INTO t VALUES (2)")
            session.run("COMMIT")
            switching.join(60)
            self.assertEqual(((1,), (2,)), session.run("SELECT id FROM t ORDER BY id"))
        self.wait_for_all()

    def test_one_that_has_only_begun_begins_again_at_the_next_primary(self):
        with self.cluster.connect(database=self.schema) as session:
            session.run("START TRANSACTION")
            before = self.cluster.primary()["name"]
            self.switch()
            session.run("INSERT INTO t VALUES (1)")
            self.assertNotEqual(before, self.cluster.primary()["name"])
            session.run("ROLLBACK")
            self.assertEqual((), session.run("SELECT id FROM t"))
        self.wait_for_all()

    def test_one_that_does_not_is_told_so_and_its_session_goes_on(self):
        with self.cluster.connect(database=self.schema) as session:
            session.run("SET @mine = 7")
            session.run("BEGIN")
            session.run("INSERT INTO t VALUES (1)")
            self.switch("--drain", "100")
            with self.assertRaises(pymysql.MySQLError) as told:
                session.run("INSERT INTO t VALUES (2)")
            self.assertEqual(1213, told.exception.args[0])
            self.assertEqual((), session.run("SELECT id FROM t"))
            self.assertEqual(7, session.value("SELECT @mine"))
        self.wait_for_all()

    def test_what_was_said_of_the_last_statement_is_still_known(self):
        def switch():
            self.switch()
            self.wait_for_all()

        with self.cluster.connect("primary", database=self.schema) as session:
            session.run("SELECT 1 / 0")
            switch()
            self.assertEqual((("Warning", 1365, "Division by 0"),), session.run("SHOW WARNINGS"))
            session.run("SELECT 1 / 0")
            switch()
            session.run("GET DIAGNOSTICS CONDITION 1 @number = MYSQL_ERRNO, @state = RETURNED_SQLSTATE")
            self.assertEqual(((1365, "22012"),), session.run("SELECT @number, @state"))
            with self.assertRaises(pymysql.MySQLError):
                session.run("SELECT * FROM missing.t")
            switch()
            self.assertEqual(1, session.value("SELECT @@error_count"))

    def test_what_is_held_back_goes_on_when_it_is_given_up(self):
        before = self.cluster.api_status()
        with self.cluster.root(self.cluster.primary()) as blocker:
            blocker.run(f"LOCK TABLES {self.schema}.t WRITE")
            with self.cluster.connect(database=self.schema, read_timeout=30) as session:
                written = threading.Thread(target=session.run, args=("INSERT INTO t VALUES (1)",))
                written.start()
                said = self.refused("--drain", "100")
                self.assertIn("given up: what was being written did not end in time", said)
                blocker.run("UNLOCK TABLES")
                written.join(60)
                self.assertEqual(((1,),), session.run("SELECT id FROM t"))
        after = self.cluster.api_status()
        self.assertEqual((before["primary"], before["term"]), (after["primary"], after["term"]))
        # The next one, a moment later, is another matter.
        self.switch()
        self.wait_for_all()
        self.assertFalse(self.cluster.crashes())

    def test_an_unfit_node_is_refused_and_nothing_changes(self):
        before = self.cluster.api_status()
        events = self.cluster.events()
        for command, arguments in (
            ("switchover", ("--to", "node9")),
            ("failover", ("--to", "node9")),
            ("failover", ("--to", "node9", "--allow-data-loss")),
            ("restart", ("node9",)),
            ("rebuild", ("node9",)),
            ("remove", ("node9",)),
            ("remove", ("node9", "--gone")),
        ):
            with self.subTest(command, arguments=arguments):
                self.assertIn("there is no node node9", self.refused(*arguments, command=command))
        self.assertEqual(events, self.cluster.events())
        self.assertIn("is the primary already", self.refused("--to", before["primary"]))
        node = self.cluster.replicas()[0]
        with processes.frozen(self.cluster.agent_pid(node)):
            harness.wait_until(
                "it counts as down",
                lambda: f"{node['name']} is down" in self.refused("--to", node["name"]),
            )
        self.wait_for_all()
        self.assertIn("use 'dorsal switchover'", self.refused(command="failover"))
        after = self.cluster.api_status()
        self.assertEqual((before["primary"], before["term"]), (after["primary"], after["term"]))

    def test_of_two_at_once_the_second_is_refused(self):
        with self.cluster.connect(database=self.schema) as session:
            session.run("BEGIN")
            session.run("INSERT INTO t VALUES (1)")
            first = threading.Thread(target=self.switch, args=("--drain", "20000"))
            first.start()
            self.wait_until_held()
            self.assertIn("is under way already", self.refused())
            session.run("COMMIT")
            first.join(60)
        self.wait_for_all()

    def test_a_rolling_restart_starts_every_server_anew(self):
        before = {node["name"]: node["pid"] for node in self.cluster.api_status()["nodes"]}
        with self.writing() as writers:
            done = self.cluster.run("rolling-restart", "--dir", self.cluster.dir, "--json", timeout=300)
        self.assertEqual([[]] * len(writers), [writer.errors for writer in writers])
        self.assertEqual(set(before), set(json.loads(done.stdout)["restarted"]))
        after = {node["name"]: node["pid"] for node in self.cluster.api_status()["nodes"]}
        self.assertFalse(set(before.items()) & set(after.items()))
        self.assert_all_there(writers)

    def test_a_replica_is_cloned_anew_on_request(self):
        node = self.cluster.replicas()[0]
        uuid = self.server_uuid(node)
        with self.cluster.connect(database=self.schema) as session:
            session.run("INSERT INTO t VALUES (1)")
        self.cluster.run("rebuild", node["name"], "--dir", self.cluster.dir)
        self.assertNotEqual(uuid, self.server_uuid(node))
        events = [event for event in self.cluster.events() if event["by"] == node["name"]]
        ends = {event["rule"]: event for event in events if event["what"].endswith(": done")}
        self.assertGreater(ends["clone_fresh_node"]["took_ms"], 0)
        self.assertIn(":", next(event["gtids"] for event in events if event["rule"] == "rebuild"))
        self.assertIn("is the primary", self.refused(self.cluster.primary()["name"], command="rebuild"))

    def wait_until_held(self):
        harness.wait_until(
            "statements are held back", lambda: (self.cluster.api_status()["switchover"] or {}).get("holding")
        )

    def server_uuid(self, node):
        with self.cluster.root(self.cluster.node(node["name"])) as server:
            return server.value("SELECT @@server_uuid")


if __name__ == "__main__":
    harness.unittest.main()
