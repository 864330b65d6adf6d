#!/usr/bin/env python3
"""What one command leaves behind shows in the answer to another: each sequence is played against a server, through a
proxy, and through a proxy that swaps the server connection wherever it may, and all three must answer alike."""

import re

import harness
import wire

WITH_EOF = (wire.MODERN | wire.MULTI_STATEMENTS) & ~wire.DEPRECATE_EOF
MODERN = wire.MODERN | wire.MULTI_STATEMENTS
UNSTABLE_STATUS = wire.NO_GOOD_INDEX_USED | wire.NO_INDEX_USED | wire.QUERY_WAS_SLOW
GTIDS = re.compile(rb"^.*[0-9a-f]{12}:", re.DOTALL)


# What the EOF behind columns says too early for the proxy to know it.
UNKNOWN_IN_THE_MIDDLE = wire.MORE_RESULTS


def status(end):
    return end.status & ~UNSTABLE_STATUS


def described(result):
    """A wire.Result as values that are equal when servers say the same. Of GTIDs only how many there are counts."""
    changes = [
        (kind, re.sub(rb"\d+", lambda number: b"%d" % 0, GTIDS.sub(b"", data)) if kind == wire.TRACK_GTIDS else data)
        for kind, data in result.end.changes
    ]
    columns = [(column.name, column.charset, column.type, column.flags) for column in result.columns]
    end = (result.end.affected, status(result.end), result.end.warnings, changes)
    middle = result.middle and status(result.middle) & ~UNKNOWN_IN_THE_MIDDLE
    return columns, middle, result.rows, end


class Player:
    """Plays steps over one connection and keeps their answers."""

    def __init__(self, connection):
        self.connection, self.answers = connection, []

    def note(self, what, act):
        try:
            answer = [described(result) for result in act()]
        except wire.ServerError as error:
            answer = (error.code, error.state, str(error))
        self.answers.append((what, answer))

    def query(self, *texts):
        for sql in texts:
            self.note(sql, lambda: self.connection.query_all(sql))  # pylint: disable=cell-var-from-loop

    def ping(self):
        self.note("ping", lambda: [wire.Result(end=self.connection.ping())])

    def use(self, schema):
        self.note("use", lambda: [wire.Result(end=self.connection.use(schema))])

    def prepare(self, sql):
        return self.connection.prepare(sql)

    def execute(self, statement, *values):
        self.note("execute", lambda: self.connection.execute_all(statement, values))

    def open_cursor(self, statement, *values):
        self.note("open cursor", lambda: [self.connection.open_cursor(statement, values)])


class SameAnswers(harness.ClusterTest):
    schema = "e2e_same_answers"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.cluster.connect("primary", database=cls.schema) as primary:
            primary.run("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(40))")
            primary.run("INSERT INTO t (v) VALUES ('one'), ('two')")
            primary.run(
                "CREATE FUNCTION writes(n INT) RETURNS INT DETERMINISTIC MODIFIES SQL DATA"
                " BEGIN UPDATE t SET v = CONCAT(n, UUID()) WHERE id = 2; RETURN n; END"
            )
            primary.run("CREATE FUNCTION sets(n INT) RETURNS INT DETERMINISTIC NO SQL BEGIN SET @by = n; RETURN n; END")
        harness.wait_for_replicas(cls.cluster)
        cls.proxies = {
            name: cls.enterClassContext(cls.cluster.another_proxy(loops=1, **keys))
            for name, keys in {"usual": {}, "swapping": {"debug_swap_connections": "true"}}.items()
        }

    def same(self, play, capabilities=MODERN, first="DO 0", endpoint="split", **options):
        """Plays on all three, behind `first`, whose answers may differ. Returns what the server answered, so that a test
        can see that it has shown something."""
        options = {"database": self.schema, "capabilities": capabilities, **options}
        user, password = self.cluster.account()
        with wire.connect(self.cluster.direct_address(self.cluster.primary()), user, password, **options) as connection:
            connection.query(first)
            direct = Player(connection)
            play(direct)
        for name, proxy in self.proxies.items():
            with proxy.wire(endpoint, **options) as connection:
                connection.query(first)
                through = Player(connection)
                play(through)
            for expected, found in zip(direct.answers, through.answers, strict=True):
                self.assertEqual(expected, found, name)
        return [answer for _, answer in direct.answers]

    # ---- Changes of a session that an EOF does not tell ----

    def test_changes_at_the_end_of_rows_are_told_with_the_next_ok(self):
        def play(player):
            player.query(
                "BEGIN", "SELECT id FROM t WHERE id = 1 FOR UPDATE", "SELECT * FROM missing", "DO 1", "DO 2",
                "SELECT v FROM t WHERE id = 1", "SELECT sets(1)",
            )
            player.use(self.schema)
            player.query("COMMIT", "BEGIN", "SELECT id FROM t", "ROLLBACK", "SELECT id FROM t")
            player.ping()

        answers = self.same(play, WITH_EOF, first="SET session_track_transaction_info = CHARACTERISTICS")
        self.assertEqual([(wire.TRACK_TRANSACTION, b"\x08T___W_S_")], answers[3][0][3][3])

    def test_a_state_that_was_told_before_is_not_told_again(self):
        def play(player):
            player.query("BEGIN", "DO 1; SELECT v FROM t WHERE id = 1 FOR UPDATE; ROLLBACK; BEGIN; SELECT 1; DO 2", "DO 1")

        answers = self.same(play, WITH_EOF, first="SET session_track_transaction_info = STATE")
        self.assertEqual((0, []), (answers[2][0][3][1] & wire.SESSION_CHANGED, answers[2][0][3][3]))

    def test_gtids_at_the_end_of_rows_are_told_within_their_command_only(self):
        def play(player):
            player.query(
                "SELECT writes(1)", "DO 1", "DO 2",
                "SELECT writes(2); SELECT writes(3); DO 3", "SELECT writes(4)", "SELECT writes(5)",
                "UPDATE t SET v = UUID() WHERE id = 2", "SELECT writes(6)",
            )
            player.ping()

        answers = self.same(play, WITH_EOF, first="SET session_track_gtids = OWN_GTID")
        self.assertEqual([], answers[1][0][3][3])
        self.assertTrue(answers[1][0][3][1] & wire.SESSION_CHANGED)
        self.assertEqual([wire.TRACK_GTIDS], [kind for kind, _ in answers[3][-1][3][3]])

    # ---- Transactions that end with an error ----

    def test_a_transaction_that_a_failed_statement_has_committed_is_told_to_be_over(self):
        def play(player):
            statement = player.prepare("UPDATE t SET v = ? WHERE id = ?")
            for begin in ("START TRANSACTION READ ONLY", "/* dorsal: primary */ START TRANSACTION READ ONLY", "BEGIN"):
                for fails in ("ALTER TABLE missing ADD COLUMN n INT", "LOCK TABLES missing READ"):
                    player.query(begin, fails, "SELECT v FROM t WHERE id = 1", "DO 1", begin, fails, "DO 2", begin, fails)
                    player.execute(statement, "abc", None)

        for capabilities in (WITH_EOF, MODERN):
            answers = self.same(play, capabilities)
            self.assertEqual([(wire.TRACK_TRANSACTION, b"\x08________")], answers[3 if capabilities == WITH_EOF else 2][0][3][3])

    def test_a_transaction_that_goes_on_after_an_error_is_told_to_go_on(self):
        def play(player):
            for begin in ("START TRANSACTION READ ONLY", "BEGIN"):
                player.query(
                    begin, "SELECT * FROM missing", "SELECT v FROM t WHERE id = 1", "SELECT * FROM missing", "SHOW WARNINGS",
                    "SELECT v FROM t WHERE id = 1", "DO 1", "ROLLBACK", "SELECT v FROM t WHERE id = 1",
                )

        answers = self.same(play, WITH_EOF)
        self.assertEqual(1, len(answers[4][0][2]))

    def test_a_write_in_a_read_only_transaction_is_refused_in_the_same_words_by_warnings(self):
        answers = self.same(lambda player: player.query(
            "START TRANSACTION READ ONLY", "SELECT v FROM t WHERE id = 1", "UPDATE t SET v = '' WHERE id = 2", "SHOW WARNINGS",
            "SELECT @@error_count", "SELECT v FROM t WHERE id = 1", "ROLLBACK",
        ))
        self.assertEqual(b"1792", answers[3][0][2][0][1])

    # ---- Names of variables that are written in parts ----

    def test_blanks_and_comments_may_stand_in_names_of_variables(self):
        def play(player):
            player.query(
                "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", "SET @@SESSION . lc_time_names := DEFAULT", "COMMIT",
                "SET session_track_schema = 1, @@SESSION . time_zone = '+01:00'",
                "SELECT LAST_INSERT_ID(17)",
                "SELECT @@session . last_insert_id, @@session/* . */. time_zone, @@local . lc_time_names",
                "SELECT 1 / 0", "SELECT @@session . warning_count", "SET @@session . sql_mode = 'ANSI_QUOTES'",
                'SELECT "v" FROM t WHERE id = 1', "SET @@session /*!80000 . */ time_zone = DEFAULT", "SET @@session . @@x = 1",
            )

        answers = self.same(play)
        self.assertEqual([[b"17", b"+01:00", b"en_US"]], answers[5][0][2])

    # ---- Texts of several statements ----

    def test_a_text_of_several_statements_may_begin_with_questions_about_the_last_one(self):
        questions = (
            "SHOW WARNINGS", "SHOW ERRORS", "SHOW COUNT(*) WARNINGS", "SELECT @@warning_count", "SELECT @@error_count AS n",
            "SELECT ROW_COUNT()", "SELECT FOUND_ROWS()", "SHOW WARNINGS LIMIT 1; SHOW WARNINGS LIMIT 1, 1",
        )
        before = (
            "SELECT * FROM missing", "SELECT 1 / 0, CAST('x' AS SIGNED)", "SELECT CAST(v AS SIGNED) FROM t WHERE id = 1",
            "UPDATE t SET v = UUID() WHERE id = 2", "SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1", "DO 1",
        )
        rest = ("SELECT id FROM t WHERE id = 1", "SELECT 2; SHOW WARNINGS", "SELECT * FROM missing", "no statement", "DO 3")

        def play(player):
            for number, question in enumerate(questions):
                for statement in before:
                    if "FOUND_ROWS" in question and not statement.startswith("SELECT"):
                        continue  # no reply tells what it is behind those
                    player.query(
                        "SELECT id FROM t", statement, f"{question} ;/* c */ {rest[number % len(rest)]}", "SHOW WARNINGS",
                    )

        for capabilities in (MODERN, WITH_EOF):
            answers = self.same(play, capabilities)
            self.assertEqual([b"1146"], [row[1] for row in answers[2][0][2]])

    def test_they_are_answered_within_transactions_too(self):
        def play(player):
            for begin in ("BEGIN", "START TRANSACTION READ ONLY"):
                player.query(begin, "SELECT v FROM t WHERE id = 1", "SELECT * FROM missing", "SHOW WARNINGS; SELECT id FROM t",
                             "SELECT CAST('x' AS SIGNED)", "SELECT @@warning_count; SHOW WARNINGS; SELECT 3", "ROLLBACK")

        self.same(play)
        self.same(play, WITH_EOF)

    def test_several_statements_are_still_refused_to_who_did_not_ask_for_them(self):
        answers = self.same(lambda player: player.query("SELECT 1 / 0", "SHOW WARNINGS; SELECT 1"), wire.MODERN)
        self.assertEqual(1064, answers[1][0])

    # ---- What follows a session to another connection ----

    def test_last_insert_id_in_a_text_of_reads_is_the_sessions_and_stays_so(self):
        def play(player):
            player.query(
                "SELECT LAST_INSERT_ID(23)", "SELECT id FROM t; SELECT v FROM t WHERE id = 1", "SELECT LAST_INSERT_ID()",
                "SELECT id FROM t; SELECT LAST_INSERT_ID()", "SELECT LAST_INSERT_ID(24); SELECT LAST_INSERT_ID() + 1",
                "SELECT v FROM t WHERE id = 1; SELECT id FROM t", "SELECT LAST_INSERT_ID(), @@last_insert_id, @@identity",
            )

        for endpoint in ("split", "primary"):
            answers = self.same(play, endpoint=endpoint)
            self.assertEqual([[b"24", b"24", b"24"]], answers[-1][0][2])

    def test_unset_variables_stay_unset_and_those_that_are_null_keep_their_types(self):
        def play(player):
            player.query(
                "SELECT @never", "SET @text = 'x', @number = 5, @exact = 1.50, @float = 1e0",
                "SET @text = NULL, @number = NULL, @exact = NULL, @float = NULL", "SELECT v FROM t WHERE id = 1",
                "SELECT @text, @number, @exact, @float, @never, COLLATION(@text), COLLATION(@never)",
                "SELECT 5 INTO @assigned FROM missing", "SELECT @assigned, COLLATION(@assigned)",
                "SELECT v INTO @none FROM t WHERE id = 99", "SELECT @none", "SELECT 7 INTO @seven",
                "SELECT v FROM t WHERE id = 1", "SELECT @seven, @none, @never",
            )

        answers = self.same(play)
        self.assertEqual([[b"7", None, None]], answers[-1][0][2])


if __name__ == "__main__":
    harness.main()
