"""Clients that write all the time, on a cluster whose primary changes."""

import contextlib
import shutil
import threading
import time

import pymysql

import harness


# What the proxy says of a write whose answer was lost, if it is certain.
IS_THERE, IS_NOT = (1105, "was committed as"), (1213, "try restarting")


class Writer(threading.Thread):
    """Inserts numbers of its own, again and again, and remembers what it was told of them."""

    def __init__(self, cluster, schema, first, step, in_transactions):
        super().__init__()
        self.cluster, self.schema = cluster, schema
        self.next, self.step = first, step
        self.statements = ["INSERT INTO t VALUES ({})"]
        if in_transactions:
            self.statements = ["BEGIN", *self.statements, "COMMIT"]
        self.ended, self.acknowledged, self.moments, self.errors = threading.Event(), [], [], []
        self.denied = []

    def run(self):
        session = None
        while not self.ended.is_set():
            try:
                if session is None:
                    session = self.cluster.connect(database=self.schema, read_timeout=20)
                for statement in self.statements:
                    session.run(statement.format(self.next))
                self.acknowledged.append(self.next)
                self.moments.append(time.monotonic())
            except pymysql.MySQLError as error:
                self.errors.append(str(error))
                self.note(*error.args)
                # Its number is not used again.
                harness.close_quietly(session) if session else None
                session = None
                self.ended.wait(0.02)
            self.next += self.step
        if session:
            harness.close_quietly(session)

    def note(self, code, words):
        if code == IS_THERE[0] and IS_THERE[1] in words:
            self.acknowledged.append(self.next)
        elif code == IS_NOT[0] and IS_NOT[1] in words:
            self.denied.append(self.next)

    def gap(self):
        """The longest time between two acknowledgements."""
        return max((after - before for before, after in zip(self.moments, self.moments[1:])), default=0)


class PrimaryChanges(harness.unittest.TestCase):
    """Tests on a cluster of their own, each with a new table t."""

    schema = "e2e_primary_changes"
    environment = {}
    WRITERS = 4

    @classmethod
    def setUpClass(cls):
        folder = harness.temporary_folder()
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.cluster = harness.Cluster(folder / "cluster", environment=cls.environment)
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.up()

    def run(self, result=None):
        result = result or self.defaultTestResult()
        failed = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > failed:
            print(f"{self.id()} failed; the ends of the logs:\n{self.cluster.log_tails(80)}")
        return result

    def setUp(self):
        self.assertEqual([], self.cluster.crashes())
        with self.cluster.connect() as session:
            session.run(f"DROP DATABASE IF EXISTS {self.schema}")
            session.run(f"CREATE DATABASE {self.schema}")
            session.run(f"CREATE TABLE {self.schema}.t (id BIGINT PRIMARY KEY)")

    @contextlib.contextmanager
    def writing(self):
        writers = [Writer(self.cluster, self.schema, i, self.WRITERS, i % 2 == 1) for i in range(self.WRITERS)]
        for writer in writers:
            writer.start()
        harness.wait_until("all write", lambda: all(len(writer.acknowledged) > 20 for writer in writers))
        try:
            yield writers
        finally:
            for writer in writers:
                writer.ended.set()
            for writer in writers:
                writer.join(60)
        self.assertFalse(any(writer.is_alive() for writer in writers))

    def wait_for_another(self, before, limit=60):
        def another():
            status = self.cluster.api_status()
            primary = next((node for node in status["nodes"] if node["role"] == "primary"), None)
            return status if primary and status["term"] > before["term"] and primary["healthy"] else None

        return harness.wait_until("another node is primary", another, limit)

    def wait_for_all(self):
        self.cluster.wait_until_well()

    def assert_all_there(self, writers):
        print(f"no write for {max(writer.gap() for writer in writers):.2f} s,", [writer.errors for writer in writers])
        acknowledged = {number for writer in writers for number in writer.acknowledged}
        denied = {number for writer in writers for number in writer.denied}
        with self.cluster.connect("primary", database=self.schema) as session:
            there = {row[0] for row in session.run("SELECT id FROM t")}
        self.assertEqual(set(), acknowledged - there)
        self.assertEqual(set(), denied & there)
