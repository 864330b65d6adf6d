#!/usr/bin/env python3
"""What is lost on the way, or refused for a while: acknowledgements, idle connections, the right to write, room."""

import contextlib
import re
import threading
import time

import harness
import processes
import wire

USER = "e2e_losses"
LOST_WORDS = "it is unknown whether it took effect"


class Losses(harness.ClusterTest):
    schema = "e2e_losses"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root_of_primary = cls.cluster.root(cls.cluster.primary())
        cls.addClassCleanup(cls.root_of_primary.close)
        root = cls.root_of_primary
        root.run(f"DROP USER IF EXISTS {USER}")
        root.run(f"CREATE USER {USER} IDENTIFIED BY '{USER}'")
        cls.addClassCleanup(root.run, f"DROP USER {USER}")
        root.run(f"GRANT ALL ON {cls.schema}.* TO {USER}")
        root.run(f"CREATE TABLE {cls.schema}.t (id INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(60) NOT NULL)")
        harness.wait_for_replicas(cls.cluster)

    def open(self, proxy=None, **options):
        options = {"user": USER, "password": USER, "database": self.schema, **options}
        session = (proxy or self.cluster).wire(**options)
        self.addCleanup(session.close)
        return session

    def rows(self, word):
        return self.root_of_primary.value(f"SELECT COUNT(*) FROM {self.schema}.t WHERE word = %s", word)

    # ---- Acknowledgements ----

    @contextlib.contextmanager
    def no_acknowledgements(self):
        """The replicas stand still, so what is written to the primary is in its binlog, but nobody is told."""
        try:
            with processes.frozen(*(node["pid"] for node in self.cluster.replicas())):
                yield
        finally:
            self.cluster.wait_healthy()

    def working(self, part):
        """The connections of the test's user at the primary that run a statement with that in it."""
        return [
            number for (number,) in self.root_of_primary.run(
                "SELECT processlist_id FROM performance_schema.threads WHERE processlist_user = %s"
                " AND processlist_command <> 'Sleep' AND processlist_info LIKE %s", USER, f"%{part}%",
            )
        ]

    def lose_while(self, session, run, part, then=lambda: None):
        """Cuts the primary's connection while `run` runs there; the error that the client is told, after `then`."""
        told = []

        def client():
            try:
                run()
                told.append(None)
            except wire.ServerError as error:
                told.append(error)

        thread = threading.Thread(target=client)
        thread.start()
        (number,) = harness.wait_until(f"{part} runs", lambda: self.working(part))
        time.sleep(0.3)
        self.root_of_primary.run(f"KILL {number}")
        then()
        thread.join(30)
        self.assertEqual(1, len(told), "the client is told nothing")
        return told[0]

    def assert_unknown(self, error):
        self.assertIsNotNone(error, "the client was told that all is well")
        self.assertEqual((1053, "08007"), (error.code, error.state))
        self.assertIn(LOST_WORDS, error.message)

    def assert_happens_once(self, word):
        """As soon as a replica has it."""
        harness.wait_until("it has happened", lambda: self.rows(word) == 1 and not self.working("t"))
        harness.wait_for_replicas(self.cluster)
        self.assertEqual(1, self.rows(word))

    def test_a_write_whose_acknowledgement_is_lost_happens_once_and_is_told_as_unknown(self):
        session = self.open()
        session.query("DO 0")
        statement = session.prepare("INSERT INTO t (word) VALUES (CONCAT('acknowledged ', ?))")
        session.execute(statement, ["before"])
        ways = {
            "text": lambda: session.query("INSERT INTO t (word) VALUES ('acknowledged text')"),
            "prepared": lambda: session.execute(statement, ["prepared"]),
        }
        for way, run in ways.items():
            with self.subTest(way):
                with self.no_acknowledgements():
                    error = self.lose_while(session, run, "INSERT INTO t")
                self.assert_unknown(error)
                self.assert_happens_once(f"acknowledged {way}")
                self.assertEqual("1", session.value(f"SELECT COUNT(*) FROM t WHERE word = 'acknowledged {way}'"))

    def test_a_commit_whose_acknowledgement_is_lost_is_told_as_unknown(self):
        session = self.open()
        session.query("BEGIN")
        session.query("INSERT INTO t (word) VALUES ('committed')")
        with self.no_acknowledgements():
            error = self.lose_while(session, lambda: session.query("COMMIT"), "COMMIT")
        self.assert_unknown(error)
        self.assert_happens_once("committed")
        self.assertEqual("1", session.value("SELECT COUNT(*) FROM t WHERE word = 'committed'"))

    def patient_session(self):
        """One whose proxy waits long for what becomes of a lost write."""
        proxies = contextlib.ExitStack()
        self.addCleanup(proxies.close)
        return self.open(proxies.enter_context(self.cluster.another_proxy(primary_limit_ms=30000)))

    def test_a_commit_whose_acknowledgement_is_lost_is_told_once_the_replicas_have_it(self):
        session = self.patient_session()
        session.query("SET @mine = 7")
        session.query("BEGIN")
        session.query("INSERT INTO t (word) VALUES ('found')")
        with contextlib.ExitStack() as frozen:
            frozen.enter_context(self.no_acknowledgements())
            error = self.lose_while(session, lambda: session.query("COMMIT"), "COMMIT", frozen.close)
        self.assertIsNone(error)
        self.assertEqual("1", session.value("SELECT COUNT(*) FROM t WHERE word = 'found'"))
        self.assertEqual("7", session.value("SELECT @mine"))

    def test_a_write_whose_acknowledgement_is_lost_is_told_to_have_happened(self):
        session = self.patient_session()
        session.query("DO 0")
        insert = "INSERT INTO t (word) VALUES ('found alone')"
        with contextlib.ExitStack() as frozen:
            frozen.enter_context(self.no_acknowledgements())
            error = self.lose_while(session, lambda: session.query(insert), "INSERT INTO t", frozen.close)
        self.assertIsNotNone(error, "its counts cannot be told")
        self.assertEqual(1105, error.code, error.message)
        (gtid,) = re.findall(r"committed as ([0-9a-f-]{36}:\d+)", error.message)
        with self.cluster.root(self.cluster.replicas()[0]) as replica:
            self.assertEqual(1, replica.value(f"SELECT GTID_SUBSET('{gtid}', @@GLOBAL.gtid_executed)"))
        self.assertEqual("1", session.value("SELECT COUNT(*) FROM t WHERE word = 'found alone'"))

    def test_a_write_that_is_cut_off_before_it_happens_does_not_happen_later(self):
        session = self.patient_session()
        insert = "INSERT INTO t (word) SELECT IF(SLEEP(20), '', 'cut off')"
        error = self.lose_while(session, lambda: session.query(insert), "SLEEP(20)")
        self.assertIsNotNone(error)
        self.assertIn((error.code, error.state), [(1213, "40001"), (1317, "70100")])
        harness.wait_until("nothing of it runs any more", lambda: not self.working("SLEEP(20)"))
        self.assertEqual(0, self.rows("cut off"))
        session.query("INSERT INTO t (word) VALUES ('the next')")
        self.assertEqual((0, 1), (self.rows("cut off"), self.rows("the next")))

    # ---- Idle connections ----

    def connections(self):
        """Of the test's user, at all servers."""
        count = 0
        for node in self.cluster.api_status()["nodes"]:
            with self.cluster.root(node) as server:
                count += server.value(
                    "SELECT COUNT(*) FROM performance_schema.threads WHERE processlist_user = %s", USER
                )
        return count

    def test_server_connections_that_were_idle_too_long_cost_no_error(self):
        with contextlib.ExitStack() as stack:
            for node in self.cluster.api_status()["nodes"]:
                root = stack.enter_context(self.cluster.root(node))
                before = root.value("SELECT @@global.wait_timeout")
                root.run("SET GLOBAL wait_timeout = 1")
                stack.callback(root.run, f"SET GLOBAL wait_timeout = {before}")
            with self.cluster.another_proxy() as proxy:
                session = self.open(proxy)
                session.query("SET SESSION wait_timeout = 600")
                session.query("SET @a = 5, NAMES latin1")
                statement = session.prepare("SELECT ?, @a, @@character_set_client")
                for pause in (0, 2.5, 2.5):
                    time.sleep(pause)
                    self.assertEqual([[1, 5, b"latin1"]], session.execute(statement, [1]).rows)
                    session.query("INSERT INTO t (word) VALUES ('after a pause')")
                    self.assertEqual("5", session.value("SELECT @a FROM t LIMIT 1"))
        self.assertEqual(3, self.rows("after a pause"))

    def test_the_proxys_own_connections_are_replaced_when_they_are_gone(self):
        """Over one of them it learns that a session has given back its lock, and need not keep its connection."""
        with self.cluster.another_proxy(loops=1) as proxy, self.open(proxy) as session:
            for _ in range(3):
                self.assertEqual("1", session.value("SELECT GET_LOCK('losses', 5)"))
                harness.wait_until("the lock ties", lambda: proxy.metric("dorsal_proxy_tied_sessions") == 1)
                self.assertEqual("1", session.value("SELECT RELEASE_LOCK('losses')"))
                harness.wait_until("nothing ties", lambda: proxy.metric("dorsal_proxy_tied_sessions") == 0, 30)
                for (number,) in self.root_of_primary.run(
                    "SELECT processlist_id FROM performance_schema.threads WHERE processlist_user = 'dorsal_monitor'"
                ):
                    with contextlib.suppress(harness.pymysql.Error):
                        self.root_of_primary.run(f"KILL {number}")

    # ---- The right to write ----

    def test_a_primary_that_is_read_only_for_moments_is_waited_for_and_nothing_is_lost(self):
        """It says that it has done nothing, so the statement runs later, there or on its successor."""
        stop, written, complaints = threading.Event(), [], []

        def write(number):
            session = self.open()
            turn = 0
            while not stop.is_set():
                turn += 1
                word = f"flip {number} {turn}"
                try:
                    session.query(f"INSERT INTO t (word) VALUES ('{word}')")
                    written.append(word)
                except wire.ServerError as error:
                    complaints.append(error)
                    return
                if session.value("SELECT 1") != "1":
                    complaints.append("a wrong answer")

        def is_open():
            return self.root_of_primary.value("SELECT @@super_read_only") == 0

        writers = [threading.Thread(target=write, args=[number]) for number in range(4)]
        for writer in writers:
            writer.start()
        try:
            for _ in range(5):
                count = len(written)
                harness.wait_until("rows are written", lambda least=count: len(written) > least + 20 or complaints)
                self.root_of_primary.run("SET GLOBAL super_read_only = ON")
                harness.wait_until("its agent makes it writable again", is_open)
        finally:
            self.root_of_primary.run("SET GLOBAL read_only = OFF")
            stop.set()
            for writer in writers:
                writer.join(30)
        self.assertEqual([], complaints)
        self.cluster.wait_healthy()
        found = [word for (word,) in self.root_of_primary.run(f"SELECT word FROM {self.schema}.t WHERE word LIKE 'flip%%'")]
        self.assertEqual(sorted(written), sorted(found))

    # ---- Room ----

    @contextlib.contextmanager
    def no_room(self, node):
        """That server takes no more clients; those that it has stay."""
        with self.cluster.root(node) as root:
            before = root.value("SELECT @@global.max_connections")
            root.run("SET GLOBAL max_connections = 1")
            try:
                yield
            finally:
                root.run(f"SET GLOBAL max_connections = {before}")

    def test_reads_go_elsewhere_while_a_replica_has_no_room(self):
        with self.cluster.another_proxy() as proxy, self.no_room(self.cluster.replicas()[0]):
            for _ in range(20):
                with self.open(proxy) as session:
                    self.assertEqual("0", session.value("SELECT COUNT(*) FROM t WHERE id < 0"))

    def test_a_primary_without_room_is_waited_for_and_then_the_client_is_told(self):
        with self.cluster.another_proxy(pool_wait_ms=700) as proxy:
            session, *others = [self.open(proxy) for _ in range(8)]
            # A proxy asks the primary once what was committed before its time.
            self.assertEqual("0", session.value("SELECT COUNT(*) FROM t WHERE id < 0"))
            with self.no_room(self.cluster.primary()):
                # What is open already is held by others.
                refusals = [self.begin(other) for other in others]
                self.assertIn(None, refusals)
                self.assertIn(1040, refusals)
                with self.assertRaises(wire.ServerError) as caught:
                    session.query("INSERT INTO t (word) VALUES ('no room')")
                self.assertEqual(1040, caught.exception.code)
                self.assertEqual("0", session.value("SELECT COUNT(*) FROM t WHERE id < 0"))
            session.query("INSERT INTO t (word) VALUES ('room again')")
        self.assertEqual((0, 1), (self.rows("no room"), self.rows("room again")))

    @staticmethod
    def begin(session):
        """Holds a connection to the primary; the number of the error if there is none."""
        try:
            session.query("BEGIN")
            session.query("SELECT COUNT(*) FROM t WHERE id < 0")
            return None
        except wire.ServerError as error:
            return error.code

    # ---- Clients that leave early ----

    def test_who_takes_leave_while_it_is_being_connected_leaves_nothing(self):
        before = self.cluster.metric("dorsal_proxy_clients")
        self.open()  # the password is known from now on, so that the log-in is one packet
        for _ in range(50):
            connection = wire.Wire(self.cluster.address())
            self.addCleanup(connection.close)
            connection.read_greeting()
            connection.capabilities = wire.MODERN | wire.CONNECT_WITH_DB
            login = connection.login_packet(USER, USER, self.schema, connection.plugin)
            packets = [(1, login), (0, bytes([wire.COM_QUIT]))]
            connection.send_raw(b"".join(
                len(payload).to_bytes(3, "little") + bytes([number]) + payload for number, payload in packets
            ))
            connection.socket.settimeout(30)
            with contextlib.suppress(ConnectionError):
                while connection.socket.recv(1000):
                    pass
        harness.wait_until("the proxy has none of them", lambda: self.cluster.metric("dorsal_proxy_clients") <= before + 1)

    # ---- What texts may hold ----

    def test_next_to_nothing_is_answered_as_by_the_server(self):
        def outcome(session, sql):
            try:
                result = session.query(sql)
                return result.columns, result.rows, result.end.status, result.end.warnings
            except wire.ServerError as error:
                return error.code, error.state, error.message

        direct = wire.connect(
            self.cluster.direct_address(self.cluster.primary()), USER, USER, database=self.schema, tls=True
        )
        self.addCleanup(direct.close)
        for sql in ("", ";", " ", " ; ", ";;", "-- only a comment", "/* only a comment */", "/* dorsal: primary */", "/*! */"):
            expected = outcome(direct, sql)
            if sql in ("", ";"):
                self.assertEqual(1065, expected[0])
            for endpoint in ("split", "primary", "replicas"):
                with self.subTest(sql, endpoint=endpoint):
                    session = self.open(endpoint=endpoint)
                    self.assertEqual(expected, outcome(session, sql))
                    self.assertEqual("1", session.value("SELECT 1"))

    def test_hints_inside_prepared_texts_count(self):
        session = self.open()
        chosen = session.prepare("SELECT /* dorsal: primary */ COUNT(*) FROM t")
        free = session.prepare("SELECT COUNT(*) FROM t")
        for statement, places in ((chosen, (10, 0)), (free, (0, 10))):
            with self.cluster.count_statements() as spread:
                for _ in range(10):
                    session.execute(statement)
            self.assertEqual(places, (spread.primary, spread.replicas))
        for hint in ("/*+ SET_VAR(sort_buffer_size = 99328) */", "/* dorsal: primary */ /*+ SET_VAR(sort_buffer_size = 99328) */"):
            sql = f"SELECT {hint} @@sort_buffer_size"
            expected = self.open(endpoint="primary").value(sql)
            session.query(f"PREPARE hinted FROM '{sql}'")
            self.assertEqual(expected, session.query("EXECUTE hinted").rows[0][0].decode())
            self.assertEqual([[int(expected)]], session.execute(session.prepare(sql)).rows)
            session.query("DEALLOCATE PREPARE hinted")


    # ---- Files ----

    def test_a_local_file_is_one_that_only_the_client_has(self):
        """Neither one that is not there for the proxy and the servers, nor one that they have with other content."""
        root = self.root_of_primary
        before = root.value("SELECT @@global.local_infile")
        root.run("SET GLOBAL local_infile = 1")
        self.addCleanup(root.run, f"SET GLOBAL local_infile = {before}")
        with harness.tempfile.TemporaryDirectory() as folder:
            there = harness.Path(folder, "words")
            there.write_text("of the proxy\n", encoding="utf-8")
            session = self.open(capabilities=wire.MODERN | wire.LOCAL_FILES)
            for file in (there, harness.Path(folder, "not there")):
                sql = f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE t (word)"
                self.assertEqual(1, session.query(sql, local_file=[b"of the client\n"]).end.affected)
        self.assertEqual((2, 0), (self.rows("of the client"), self.rows("of the proxy")))


class JustRestarted(harness.ClusterTest):
    """Servers whose caches of passwords are cold since they have just been started."""

    schema = "e2e_just_restarted"

    def test_many_first_log_ins_at_once_find_servers_just_restarted(self):
        users = [f"e2e_first_{number}" for number in range(8)]
        with self.cluster.root(self.cluster.primary()) as root:
            for user in users:
                root.run(f"DROP USER IF EXISTS {user}")
                root.run(f"CREATE USER {user} IDENTIFIED BY '{user}'")
                self.addCleanup(self.drop, user)
        harness.wait_for_replicas(self.cluster)
        # One that the proxy knows before, and seven that it does not.
        with self.cluster.wire(user=users[0], password=users[0], tls=True) as known:
            known.query("SELECT 1")
            self.restart_replicas()
            failures = []

            def log_in(user, tls, endpoint):
                try:
                    with self.cluster.wire(endpoint, user=user, password=user, tls=tls) as session:
                        session.value("SELECT 1")
                except (wire.ServerError, wire.Closed, OSError) as error:
                    failures.append((user, endpoint, error))

            threads = [
                threading.Thread(target=log_in, args=[user, number % 2 == 0, endpoint])
                for number, user in enumerate(users * 2)
                for endpoint in ("split", "replicas")
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual([], failures)
            known.query("SELECT 1")

    def restart_replicas(self):
        """Changes of accounts must wait: without a replica to acknowledge it, one of them would hold up all log-ins at the
        primary, also those of the replicas."""
        before = {node["pid"] for node in self.cluster.replicas()}
        harness.processes.kill(before)
        harness.wait_until(
            "other servers run", lambda: not before & {node["pid"] for node in self.cluster.replicas()}, 60
        )
        self.cluster.wait_healthy()
        harness.wait_for_replicas(self.cluster)

    def drop(self, user):
        with self.cluster.root(self.cluster.primary()) as root:
            root.run(f"DROP USER {user}")


if __name__ == "__main__":
    harness.main()
