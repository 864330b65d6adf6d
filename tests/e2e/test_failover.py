#!/usr/bin/env python3
"""A primary is lost: another node takes over, and nothing that was acknowledged is lost."""

import contextlib
import resource
import shutil
import threading
import time
import uuid

import pymysql

import harness
import primary_changes
import processes
import wire


class Failover(primary_changes.PrimaryChanges):
    schema = "e2e_failover"

    def test_an_idle_cluster_gets_a_primary_again_and_the_old_one_follows(self):
        before = self.cluster.api_status()
        session = self.cluster.connect(database=self.schema)
        self.addCleanup(harness.close_quietly, session)
        session.run("SET @mine = 7")
        session.run("INSERT INTO t VALUES (1)")
        old = self.cluster.primary()
        processes.kill(old["pid"])
        after = self.wait_for_another(before)
        # The old one itself may be back before the others have agreed; it has all that it ever had.
        self.assertEqual(before["term"] + 1, after["term"])
        self.assertEqual(1, session.value("SELECT COUNT(*) FROM t"))
        self.assertEqual(7, session.value("SELECT @mine"))
        session.run("INSERT INTO t VALUES (2)")
        self.wait_for_all()
        status = self.cluster.api_status()
        self.assertEqual(after["primary"], status["primary"])
        self.assertTrue(all(node["voter"] for node in status["nodes"]))
        with self.cluster.root(next(node for node in status["nodes"] if node["name"] == old["name"])) as server:
            harness.wait_until(
                "the old primary follows",
                lambda: server.value(f"SELECT COUNT(*) FROM {self.schema}.t") == 2,
            )

    def test_a_transaction_that_is_open_gets_one_error_to_retry_and_its_session_goes_on(self):
        before = self.cluster.api_status()
        with self.cluster.wire() as session:
            session.use(self.schema)
            session.query("SET @mine = 7, SESSION sort_buffer_size = 300000")
            session.query("BEGIN")
            session.query("INSERT INTO t VALUES (1)")
            processes.kill(self.cluster.primary()["pid"])
            with self.assertRaises(wire.ServerError) as told:
                session.query("INSERT INTO t VALUES (2)")
            self.assertEqual((1213, "40001"), (told.exception.code, told.exception.state))
            for statement in ("BEGIN", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)", "COMMIT"):
                session.query(statement)
            self.assertEqual([[b"1"], [b"2"]], session.query("SELECT id FROM t ORDER BY id").rows)
            self.assertEqual([[b"7", b"300000"]], session.query("SELECT @mine, @@sort_buffer_size").rows)
        self.wait_for_another(before)
        self.wait_for_all()

    def test_a_read_that_runs_on_the_primary_is_repeated_on_the_next(self):
        before = self.cluster.api_status()
        old = self.cluster.primary()
        read = "SELECT id FROM t WHERE SLEEP(2) = 0"
        answers = []
        with contextlib.ExitStack() as stack:
            sessions = {
                "its own port": (stack.enter_context(self.cluster.connect("primary", database=self.schema)), read),
                "a hint": (stack.enter_context(self.cluster.connect(database=self.schema)), "/* dorsal: primary */ " + read),
            }
            sessions["a hint"][0].run("INSERT INTO t VALUES (1)")
            readers = [
                threading.Thread(target=lambda session, sql: answers.append(session.run(sql)), args=session)
                for session in sessions.values()
            ]
            for reader in readers:
                reader.start()
            with self.cluster.root(old) as server:
                harness.wait_until("both run there", lambda: self.running(server, "SLEEP(2)") == len(readers))
            processes.kill(old["pid"])
            for reader in readers:
                reader.join(60)
        self.assertEqual([((1,),)] * len(readers), answers)
        self.wait_for_another(before)
        self.wait_for_all()

    @staticmethod
    def running(server, part):
        """How many connections run a statement with that in it, beside this one."""
        return server.value(
            "SELECT COUNT(*) FROM performance_schema.threads"
            " WHERE processlist_id <> CONNECTION_ID() AND processlist_info LIKE %s", f"%{part}%",
        )

    def test_nothing_that_was_acknowledged_is_lost(self):
        before = self.cluster.api_status()
        with self.writing() as writers:
            processes.kill(self.cluster.primary()["pid"])
            self.wait_for_another(before)
            counts = [len(writer.acknowledged) for writer in writers]
            harness.wait_until(
                "all write again",
                lambda: all(len(writer.acknowledged) > count + 20 for writer, count in zip(writers, counts)),
            )
        self.assert_all_there(writers)

    def test_a_cluster_that_had_many_primaries_splits_reads_and_finds_the_fate_of_writes(self):
        """Each server that is cloned anew is one more source of transactions, for ever."""
        with contextlib.closing(self.cluster.root(self.cluster.primary())) as server:
            # As a binlog that is played back does it.
            for _ in range(100):
                server.run(f"SET gtid_next = '{uuid.uuid4()}:1'")
                server.run("BEGIN")
                server.run("COMMIT")
            server.run("SET gtid_next = 'AUTOMATIC'")
        with self.cluster.connect(database=self.schema) as session:

            def is_read_from_a_replica():
                with self.cluster.count_statements() as spread:
                    session.run("SELECT COUNT(*) FROM t")
                return spread.replicas > 0

            harness.wait_until("a replica serves reads", is_read_from_a_replica)
        before = self.cluster.api_status()
        with self.writing() as writers:
            processes.kill(self.cluster.primary()["pid"])
            self.wait_for_another(before)
        self.assert_all_there(writers)
        self.assertEqual([], [error for writer in writers for error in writer.errors if "unknown" in error])

    def test_a_replica_that_still_demands_acknowledgements_applies_all_the_same(self):
        """As a primary does that was fenced in order, and follows another; its applier would wait for ever."""
        replica = self.cluster.replicas()[0]
        with self.cluster.root(replica) as server:
            server.run("STOP REPLICA")
            server.run("SET GLOBAL rpl_semi_sync_source_enabled = ON")
            harness.wait_until(
                "its agent starts replication", lambda: not server.value("SELECT @@rpl_semi_sync_source_enabled")
            )
        with self.cluster.connect(database=self.schema) as session:
            session.run("INSERT INTO t VALUES (1)")
        self.wait_for_all()
        self.assertEqual([1], self.numbers_on(replica["name"]))

    def test_a_transaction_that_was_cut_off_on_its_way_to_a_replica_holds_nothing_up(self):
        """MySQL waits for a minute for its rest before it stops an applier."""
        with self.cluster.connect("primary") as session:
            session.run(f"CREATE TABLE {self.schema}.large (id INT PRIMARY KEY, value LONGBLOB)")
        before = self.cluster.api_status()
        old = self.cluster.primary()
        writer = threading.Thread(target=self.write_much)
        replicas = self.cluster.replicas()
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(self.cluster.root(node)) for node in replicas]
            # So that the old primary does not come back before anybody else has acted.
            stack.enter_context(processes.frozen(self.cluster.agent_pid(old)))
            with processes.frozen(*map(self.cluster.agent_pid, replicas)):
                writer.start()
                torn = harness.wait_until(
                    "all replicas apply what they are still receiving", lambda: self.long_transaction(servers), every=0
                )
                # Whoever has all of it would take a while to apply that, and rightly so.
                with processes.frozen(old["pid"]):
                    time.sleep(0.5)
                    self.assertEqual([torn] * len(servers), [*map(self.torn_transaction, servers)], "all of it has arrived")
                    processes.kill(old["pid"])
            self.wait_for_another(before, 40)
        writer.join(60)
        self.wait_for_all()

    def long_transaction(self, servers):
        """One of which no server has received everything, and that is no heartbeat, which would be over by now."""
        first = list(map(self.torn_transaction, servers))
        time.sleep(0.05)
        same = [torn for torn, server in zip(first, servers) if torn and torn == self.torn_transaction(server)]
        return same[0] if len(same) == len(servers) else None

    @staticmethod
    def torn_transaction(server):
        """With which the applier has begun, though not everything was received; None if there is none."""
        rows = server.run(
            "SELECT a.PROCESSING_TRANSACTION FROM performance_schema.replication_applier_status_by_coordinator a"
            " JOIN performance_schema.replication_connection_status r USING (CHANNEL_NAME)"
            " WHERE a.PROCESSING_TRANSACTION <> ''"
            " AND NOT GTID_SUBSET(a.PROCESSING_TRANSACTION, r.RECEIVED_TRANSACTION_SET)"
        )
        return rows[0][0] if rows else None

    def write_much(self):
        with contextlib.suppress(pymysql.MySQLError):
            with self.cluster.connect("primary", database=self.schema, read_timeout=60) as session:
                session.run("BEGIN")
                for i in range(24):
                    session.run(f"INSERT INTO large VALUES ({i}, REPEAT('x', 10000000))")
                session.run("COMMIT")

    def test_a_primary_whose_agent_is_frozen_is_replaced_when_its_lease_has_run_out(self):
        before = self.cluster.api_status()
        old = self.cluster.primary()
        agent = self.cluster.agent_pid(old)
        with self.writing() as writers:
            with processes.frozen(agent, old["pid"]):
                self.wait_for_another(before)
                counts = [len(writer.acknowledged) for writer in writers]
                harness.wait_until(
                    "all write again",
                    lambda: all(len(writer.acknowledged) > count + 20 for writer, count in zip(writers, counts)),
                    120,
                )
        self.wait_for_all()
        self.assert_all_there(writers)

    def test_a_primary_that_lets_no_new_connection_in_is_replaced(self):
        """It answers its agent all the while, over a connection that was there before."""
        self.wait_for_all()
        before = self.cluster.api_status()
        old = self.cluster.primary()
        most = resource.prlimit(old["pid"], resource.RLIMIT_NOFILE)
        # It has more, and none below that number is free.
        resource.prlimit(old["pid"], resource.RLIMIT_NOFILE, (16, most[1]))
        self.wait_for_another(before)
        self.wait_for_all()
        self.assertIn((old["name"], "kill_without_door"), [(event["by"], event["rule"]) for event in self.cluster.events()])
        with self.cluster.connect(database=self.schema) as session:
            session.run("INSERT INTO t VALUES (1)")

    def test_a_primary_that_lost_its_data_is_replaced_and_cloned_anew(self):
        before = self.cluster.api_status()
        old = self.cluster.primary()
        with self.cluster.connect(database=self.schema) as session:
            session.run("INSERT INTO t VALUES (1)")
        data = self.cluster.folder_of(old) / "data"
        with processes.frozen(self.cluster.agent_pid(old)):
            processes.kill(old["pid"])
            shutil.rmtree(data)
        self.wait_for_another(before)
        self.wait_for_all()
        self.assertEqual([1], self.numbers_on(old["name"]))

    def test_a_primary_whose_data_is_an_old_copy_is_replaced_and_gets_its_own_writes_back(self):
        """Servers skip what carries their own server_id, so replication alone would never give it those."""
        old = self.cluster.primary()
        data = self.cluster.folder_of(old) / "data"
        copy = data.with_name("copy-of-data")
        self.addCleanup(shutil.rmtree, copy, ignore_errors=True)
        self.cluster.run("pause", "--dir", self.cluster.dir, "--reason", "copying")
        with processes.frozen(old["pid"]):
            shutil.copytree(data, copy)
        self.cluster.run("resume", "--dir", self.cluster.dir)
        self.wait_for_all()
        before = self.cluster.api_status()
        with self.cluster.connect(database=self.schema) as session:
            session.run("INSERT INTO t VALUES (1)")
        with processes.frozen(self.cluster.agent_pid(old)):
            processes.kill(old["pid"])
            shutil.rmtree(data)
            copy.rename(data)
        self.wait_for_another(before)
        with self.cluster.connect(database=self.schema) as session:
            session.run("INSERT INTO t VALUES (2)")
        self.wait_for_all()
        harness.wait_for_replicas(self.cluster)
        self.assertEqual([1, 2], self.numbers_on(old["name"]))

    def test_what_nobody_was_told_of_is_put_aside_and_its_node_cloned_anew(self):
        """A write that no replica received, on a primary that dies: a ghost, which its recovery commits."""
        before = self.cluster.api_status()
        old = self.cluster.primary()
        writer = threading.Thread(target=self.write_directly, args=(old, 4711))
        replicas = self.cluster.replicas()
        kept_before = self.strays_of(old)  # of a test in which this node was the frozen one, say
        with processes.frozen(self.cluster.agent_pid(old)):
            with processes.frozen(*map(self.cluster.agent_pid, replicas)):
                for node in replicas:
                    with self.cluster.root(node) as server:
                        server.run("STOP REPLICA IO_THREAD")
                writer.start()
                with self.cluster.root(old) as server:
                    harness.wait_until(
                        "the write waits for an acknowledgement",
                        lambda: any("semi-sync" in (row["State"] or "") for row in server.rows("SHOW FULL PROCESSLIST")),
                    )
                processes.kill(old["pid"])
            self.wait_for_another(before)
        writer.join(60)
        self.wait_for_all()
        self.assertEqual([], self.numbers_on(old["name"]))
        kept = self.strays_of(old) - kept_before
        self.assertEqual(1, len(kept), kept)
        strays = kept.pop()
        self.assertIn("@1=4711", (strays / "strays.sql").read_text(encoding="utf-8"))
        self.assertIn(":", (strays / "gtids").read_text(encoding="utf-8"))
        self.assertTrue(list(strays.glob("binlog.*")))

    def test_while_the_cluster_is_paused_nobody_takes_over(self):
        before = self.cluster.api_status()
        self.cluster.run("pause", "--dir", self.cluster.dir, "--reason", "test")
        self.addCleanup(self.cluster.run, "resume", "--dir", self.cluster.dir)
        processes.kill(self.cluster.primary()["pid"])
        self.wait_for_all()
        after = self.cluster.api_status()
        self.assertEqual((before["primary"], before["term"]), (after["primary"], after["term"]))
        self.assertTrue(after["paused"])

    def strays_of(self, node):
        return set((self.cluster.folder_of(node) / "strays").glob("*"))

    def write_directly(self, node, number):
        """Not through the proxy, which would repeat it on the new primary."""
        with contextlib.suppress(pymysql.MySQLError):
            with self.cluster.root(node) as server:
                server.run(f"INSERT INTO {self.schema}.t VALUES ({number})")

    def numbers_on(self, name):
        """As soon as it has what the primary has."""
        with self.cluster.connect("primary") as session:
            position = session.value("SELECT @@GLOBAL.gtid_executed")
        with self.cluster.root(self.cluster.node(name)) as server:
            server.value(f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{position}', 30)")
            return [row["id"] for row in server.rows(f"SELECT id FROM {self.schema}.t ORDER BY id")]


if __name__ == "__main__":
    harness.unittest.main()
