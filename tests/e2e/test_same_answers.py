#!/usr/bin/env python3
"""What one command leaves behind shows in the answer to another: each sequence is played against a server, through a
proxy, and through a proxy that swaps the server connection wherever it may, and all three must answer alike."""

import re

import harness
import wire

WITH_EOF = (wire.MODERN | wire.MULTI_STATEMENTS) & ~wire.DEPRECATE_EOF
MODERN = wire.MODERN | wire.MULTI_STATEMENTS
UNSTABLE_STATUS = wire.NO_GOOD_INDEX_USED | wire.NO_INDEX_USED | wire.QUERY_WAS_SLOW
UNKNOWN_COMMAND = 6
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

    def command(self, number, body=b""):
        self.note(f"command {number}", lambda: [wire.Result(end=self.connection.simple(number, body))])

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
            primary.run("CREATE TABLE triggers (id INT PRIMARY KEY)")
            primary.run("CREATE TRIGGER sets BEFORE INSERT ON triggers FOR EACH ROW SET @by_trigger = 1, @more = NEW.id")
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

    def test_characteristics_of_a_transaction_leave_a_flag_where_states_alone_are_tracked(self):
        def play(player):
            player.query(
                "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "DO 1", "SELECT v FROM t WHERE id = 1", "DO 2",
                "SET TRANSACTION READ ONLY", "SELECT v FROM t WHERE id = 2 FOR UPDATE", "DO 3",
                "SET TRANSACTION READ WRITE", "BEGIN", "DO 4", "COMMIT", "DO 5",
            )

        for capabilities in (MODERN, WITH_EOF):
            answers = self.same(play, capabilities, first="SET session_track_transaction_info = STATE")
            self.assertEqual((wire.SESSION_CHANGED, []), (answers[0][0][3][1] & wire.SESSION_CHANGED, answers[0][0][3][3]))

    def test_statements_about_accounts_leave_a_flag_even_where_they_fail(self):
        statements = (
            "SET PASSWORD = 'x' REPLACE 'y'", "SET DEFAULT ROLE nobody TO CURRENT_USER()", "SET PASSWORD FOR nobody = 'x'",
            "SET ROLE nobody", "CREATE USER nobody", "ALTER USER nobody ACCOUNT LOCK", "RENAME USER nobody TO somebody",
            "DROP ROLE nobody", "GRANT nobody TO CURRENT_USER()", "GRANT SELECT ON missing TO CURRENT_USER()",
            "REVOKE nobody FROM CURRENT_USER()", "INSTALL PLUGIN nothing SONAME 'nothing.so'", "UNINSTALL PLUGIN nothing",
        )

        def play(player):
            for statement in statements:
                player.query(statement, "DO 1", "DO 2")
            player.prepare(statements[0])
            player.query("DO 1")

        for tracked, flags in (("STATE", wire.SESSION_CHANGED), ("CHARACTERISTICS", wire.SESSION_CHANGED), ("OFF", 0)):
            answers = self.same(play, first=f"SET session_track_transaction_info = {tracked}")
            self.assertEqual(flags, answers[1][0][3][1] & wire.SESSION_CHANGED)

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

    def test_variables_of_a_refused_set_have_a_type_from_then_on(self):
        for fails in ("SET @a = @@session.sql_mode, @@session.sql_mode = @a", "SET @a = 5, sql_mode = 'no such mode'"):
            answers = self.same(lambda player, fails=fails: player.query(
                fails, "SHOW WARNINGS", "SELECT v FROM t WHERE id = 1", "SELECT @a, COLLATION(@a), @never",
                "SELECT v FROM t WHERE id = 1", "SELECT @a",
            ))
            self.assertEqual(1231, answers[0][0])

    def test_a_read_that_fails_behind_a_failed_write_is_what_warnings_tell_of(self):
        for with_variables in ("SET @a = 'x', @b = 2", "DO 1"):
            answers = self.same(lambda player, first=with_variables: player.query(
                first, "UPDATE t SET missing = @a", "SELECT gone FROM t", "SHOW WARNINGS", "SELECT @a, @b",
            ))
            self.assertIn(b"gone", answers[3][0][2][0][2])

    def test_a_limit_of_the_sessions_own_is_none_to_what_the_proxy_asks(self):
        for limit in (0, 1):
            answers = self.same(lambda player, limit=limit: player.query(
                f"SET sql_select_limit = {limit}", "INSERT INTO t (v) VALUES ('limited')", "SET @a = JSON_OBJECT('k', 1), @b = 2",
                "SHOW WARNINGS", "SELECT v FROM t WHERE id = 1", "SET sql_select_limit = DEFAULT", "SELECT @a, @b",
                "DELETE FROM t WHERE v = 'limited'",
            ))
            self.assertEqual([[b'{"k": 1}', b"2"]], answers[6][0][2])

    def test_nothing_from_before_a_reset_comes_back(self):
        def play(player):
            for _ in range(2):
                player.query("SELECT LAST_INSERT_ID(5)")
                player.connection.reset_connection()
                player.query("SHOW VARIABLES LIKE 'identity'", "SELECT LAST_INSERT_ID(), @@last_insert_id", "SHOW WARNINGS")

        for endpoint in ("split", "primary"):
            answers = self.same(play, endpoint=endpoint)
            self.assertEqual([[b"0", b"0"]], answers[-2][0][2])

    def test_errors_quote_a_set_as_it_was_written(self):
        answers = self.same(lambda player: player.query(
            "SET SESSION TRANSACTION ISOLATION LEVEL NOTHING -- c", "SET sql_mode = 'x' /* c */", "SET time_zone = # c\n 1 ,",
            "SET /* c */ autocommit = 1 ; SELEKT",
        ))
        self.assertIn("-- c", answers[0][2])

    def test_a_set_that_is_refused_sets_nothing(self):
        begins = ("BEGIN", "SELECT v FROM t WHERE id = 1", "COMMIT", "SET @x = 1", f"USE {self.schema}")
        for refused in ("session_track_gtids = 'nothing'", "sql_mode = 'no such mode'", "session_track_schema = 7"):
            answers = self.same(lambda player, refused=refused: player.query(
                f"SET session_track_transaction_info = STATE, session_track_state_change = ON, {refused}", *begins,
                f"SET session_track_schema = OFF, {refused}", *begins,
            ))
            self.assertEqual(1231, answers[0][0])

    def test_an_execution_that_cannot_be_read_leaves_what_the_last_statement_said(self):
        def play(player):
            def execute(*values):
                player.connection.command(
                    wire.COM_STMT_EXECUTE, player.connection.execute_body(statement.number, values, 0, None, False)
                )
                return player.connection.read_results(True)

            statement = player.prepare("SELECT ?, ?")
            for values in ((1, 2), (1, 2, 3), (1,)):
                player.query("SELECT CAST('x' AS SIGNED)", "SELECT * FROM missing")
                player.note("execute", lambda values=values: execute(*values))
                player.query("SHOW WARNINGS")

        answers = self.same(play, endpoint="primary")
        self.assertEqual([b"1146", b"1210"], [row[1] for row in answers[3][0][2]])
        self.assertEqual([b"1146", b"1835"], [row[1] for row in answers[7][0][2]])

    # ---- Statements that were prepared without a schema ----

    def test_a_statement_prepared_without_a_schema_still_has_none_after_a_use(self):
        other = "information_schema"

        def play(player):
            texts = ("SELECT DATABASE(), ?", f"SELECT v, ? FROM {self.schema}.t WHERE id = 1", "DO ?", f"SELECT ? FROM {self.schema}.t")
            statements = [player.prepare(text) for text in texts]
            player.execute(statements[0], 1)
            for select in (lambda: player.use(self.schema), lambda: player.query(f"USE {other}"),
                           lambda: player.query(f"USE {self.schema}; SELECT 1"), lambda: player.query("BEGIN")):
                select()
                for statement in statements:
                    player.query("SELECT DATABASE()")
                    player.execute(statement, 1)
                player.open_cursor(statements[0], 3)
                player.query("SELECT DATABASE()", "SHOW WARNINGS")

        for endpoint in ("split", "primary"):
            answers = self.same(play, database=None, endpoint=endpoint)
            self.assertEqual([[None, 1]], answers[0][0][2])

    def test_such_a_session_is_tied_until_the_statement_is_closed(self):
        proxy = self.proxies["usual"]
        with proxy.wire("split") as connection:
            statement = connection.prepare("SELECT DATABASE()")
            connection.use(self.schema)
            tie = "SHOW STATUS LIKE 'dorsal_session_tie'"
            self.assertEqual([[b"dorsal_session_tie", b"prepared_without_schema"]], connection.query(tie).rows)
            connection.command(wire.COM_STMT_CLOSE, statement.number.to_bytes(4, "little"))
            self.assertEqual([[b"dorsal_session_tie", b""]], connection.query(tie).rows)

    def test_the_proxys_own_ok_knows_that_a_failed_statement_has_committed(self):
        def play(player):
            for fails in ("TRUNCATE missing", "SELECT * FROM missing", "CREATE TABLE t (id INT)"):
                player.query(
                    "BEGIN", fails, "SET session_track_schema = ON", "DO 1", "SELECT id FROM t WHERE id = 1", "ROLLBACK",
                )

        for capabilities in (MODERN, WITH_EOF):
            answers = self.same(play, capabilities)
            self.assertEqual(0, answers[2][0][3][1] & wire.IN_TRANSACTION)

    # ---- Errors that join what the statement before has left ----

    def test_resignal_adds_its_error_to_what_the_last_statement_has_left(self):
        def play(player):
            for fails in ("SELECT * FROM missing", "SELECT CAST('x' AS SIGNED), 1 / 0", "INSERT INTO t (id, v) VALUES (1, 2)", "DO 0"):
                player.query(fails, "RESIGNAL", "SHOW WARNINGS", "SHOW COUNT(*) ERRORS", "SELECT ROW_COUNT()")
                player.query(fails, "RESIGNAL", "RESIGNAL SET MESSAGE_TEXT = 'new'", "RESIGNA", "SHOW WARNINGS")
                player.query("BEGIN", fails, "RESIGNAL", "SHOW ERRORS", "SHOW WARNINGS LIMI", "SHOW WARNINGS", "ROLLBACK")

        answers = self.same(play)
        self.assertEqual([[b"Error", b"1146"], [b"Error", b"1645"]], [row[:2] for row in answers[2][0][2]])

    def test_what_is_wrong_with_parameters_joins_what_the_last_statement_has_left(self):
        def play(player):
            statement = player.prepare("UPDATE t SET id = ? WHERE v = ?")
            for before in ("SELECT * FROM missing", "SELECT 1 / 0", "DO 0"):
                for parameter in (0, 2):
                    player.query(before)
                    player.connection.send_long_data(statement, parameter, b"x" * 70)
                    player.execute(statement, "n0", "none")
                    player.query("SHOW WARNINGS", "SHOW COUNT(*) ERRORS")

        answers = self.same(play)
        errors = [answer[0] for answer in answers if isinstance(answer, tuple)]
        self.assertIn(1210, errors)

    def test_behind_a_failed_read_found_rows_tells_of_the_statement_before(self):
        def play(player):
            for _ in range(8):  # on one replica or the other
                player.query("SELECT id FROM t WHERE id < 3", "SELECT id FROM t WHERE id = (SELECT id FROM t)", "SELECT FOUND_ROWS()")

        answers = self.same(play)
        self.assertEqual([[b"2"]], answers[2][0][2])

    def test_an_execution_that_never_began_adds_its_error_wherever_it_is_prepared_anew(self):
        def play(player):
            statement = player.prepare("SELECT id, v FROM t ORDER BY id LIMIT ?")
            for value in ("2", 2, ""):
                player.execute(statement, value)
            for before in ("SELECT * FROM missing", "SELECT 1 / 0"):
                player.query(before)
                player.open_cursor(statement)
                player.query("SHOW WARNINGS", "SELECT v FROM t WHERE id = 1", "SET @a = 1", before)
                player.execute(statement)
                player.query("SHOW WARNINGS")

        answers = self.same(play)
        self.assertEqual(1210, answers[4][0])

    def test_nor_does_it_where_the_last_statement_has_failed_on_the_same_replica(self):
        def play(player):
            for i in range(12):  # some of these find both on one
                statement = player.prepare(f"SELECT id, v, {i} FROM t ORDER BY id LIMIT ?")
                player.query("SELECT * FROM missing")
                player.execute(statement)
                player.query("SHOW WARNINGS")

        answers = self.same(play)
        self.assertEqual(1210, answers[1][0])

    def test_commands_that_are_no_statements_leave_the_last_one_what_it_was(self):
        def play(player):
            for last in ("SELECT 1 / 0, id FROM t", "SELECT id FROM t WHERE id = (SELECT id FROM t)", "INSERT INTO t (id) VALUES (1)"):
                player.query(last)
                player.connection.statistics()
                player.query("SHOW COUNT(*) WARNINGS", "SHOW WARNINGS", last)
                player.connection.statistics()
                player.query("SELECT ROW_COUNT()")

        answers = self.same(play)
        self.assertEqual([[b"2"]], answers[1][0][2])

    def test_what_is_wrong_with_a_field_list_joins_what_the_last_statement_has_left(self):
        def play(player):
            for last in ("SELECT * FROM missing", "SELECT 1 / 0", "UPDATE t SET v = v WHERE id = 1"):
                player.query(last)
                player.command(wire.COM_FIELD_LIST, b"missing\0")
                player.query("SHOW WARNINGS")

        answers = self.same(play, first="SET NAMES utf8mb3")
        self.assertEqual([b"1146", b"1287", b"1146"], [row[1] for row in answers[2][0][2]])

    # ---- What the text does not show ----

    def test_variables_that_a_trigger_sets_behind_other_statements_are_the_sessions(self):
        def play(player):
            for text in ("SELECT 1; REPLACE INTO triggers VALUES (1)", "REPLACE INTO triggers VALUES (2)"):
                player.query("SET @by_trigger = 0", text, "SELECT id FROM t WHERE id = 1", "SELECT @by_trigger", "SELECT @more")

        answers = self.same(play)
        self.assertEqual([[b"1"]], answers[3][0][2])

    def test_checks_are_on_again_on_a_connection_that_another_session_had(self):
        def play(player):
            for name in ("unique_checks", "foreign_key_checks"):
                player.query(f"SET {name} = 0", f"SELECT @@{name}")
                player.connection.reset_connection()
                player.query(f"SELECT @@{name}", f"SET {name} = 1")
                player.connection.reset_connection()
                player.query(f"SELECT @@{name}")

        answers = self.same(play, endpoint="primary")
        self.assertEqual([[b"1"]], [list(row) for row in answers[2][0][2]])

    # ---- Commands that are refused ----

    def test_of_several_wrong_values_the_server_names_the_one_that_it_finds_first(self):
        def play(player):
            for trackers in ("session_track_transaction_info = 'X'", "session_track_schema = 7", "@@session_track_gtids = none"):
                for others in ("version = '1'", "default_storage_engine = 'none'", "no_such_variable = 1", "@a = 5", "time_zone = '+01:00'"):
                    player.query(f"SET {trackers}, {others}", "SHOW WARNINGS", f"SET {others}, {trackers}", "SELECT @a, @@time_zone")

        answers = self.same(play)
        self.assertEqual(1238, answers[0][0])

    def test_a_list_of_variables_to_track_is_forgotten_with_null_behind_it(self):
        def play(player):
            tracks = "session_track_system_variables"
            for lists in (f"{tracks} = 'time_zone,sql_mode', {tracks} = NULL", f"{tracks} = NULL, {tracks} = 'sql_mode'", f"{tracks} = NULL"):
                player.query(f"SET {lists}", "SET sql_mode = 'ANSI'", "SET time_zone = '+01:00'", "SET sql_mode = DEFAULT, time_zone = DEFAULT")

        answers = self.same(play)
        self.assertEqual([], answers[1][0][3][3])

    def test_what_a_set_assigns_before_it_names_a_list_is_not_told(self):
        def play(player):
            tracks = "session_track_system_variables"
            for before, behind in (("time_zone = '+01:00'", "sql_notes = 0"), ("sql_mode = 'ANSI'", "time_zone = '+02:00'"), ("NAMES latin1", "@a = 1")):
                player.query(
                    f"SET {before}, {tracks} = DEFAULT, {behind}", f"SET {before}", f"SET {tracks} = 'sql_mode,time_zone'",
                    f"SET {before}, {tracks} = 'sql_notes,time_zone', {behind}, {before}", "SET sql_mode = DEFAULT, time_zone = DEFAULT, sql_notes = DEFAULT",
                    "SET NAMES DEFAULT", f"SET {tracks} = DEFAULT",
                )

        for capabilities in (MODERN, WITH_EOF):
            self.same(play, capabilities)

    def test_columns_of_help_say_nothing_of_a_transaction(self):
        def play(player):
            for begin in ("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", "START TRANSACTION", "DO 0"):
                player.query(begin, "HELP 'nothing of that name'", "HELP 'contents'", "SELECT 1", "ROLLBACK")

        for capabilities in (MODERN, WITH_EOF):
            self.same(play, capabilities)

    def test_a_ping_counts_the_error_of_a_command_that_nobody_knows(self):
        def play(player):
            for begin in ("START TRANSACTION", "DO 0"):
                player.query(begin, "SELECT v FROM t WHERE id = 1 FOR UPDATE")
                for before in ("DO 0", "SELECT * FROM missing", "SELECT 1 / 0"):
                    player.query(before)
                    for _ in range(2):
                        player.command(UNKNOWN_COMMAND)
                        player.ping()
                player.query("ROLLBACK")

        for capabilities in (MODERN, WITH_EOF):
            self.same(play, capabilities)

    def test_what_no_server_knows_is_refused_as_such_on_a_replica_too(self):
        def play(player):
            for first in ("SELECT v FROM t WHERE id = 1", "DO 1"):
                player.query("START TRANSACTION READ ONLY", first, "SET @@local.no_such_variable = 1", "SHOW WARNINGS", "ROLLBACK")
            player.query("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", "DROP TEMPORARY TABLE IF EXISTS none", "ROLLBACK")

        answers = self.same(play)
        self.assertEqual(1193, answers[2][0])

    def test_a_session_goes_on_behind_a_dump_that_was_refused(self):
        def play(player):
            for command in (wire.COM_BINLOG_DUMP, wire.COM_BINLOG_DUMP_GTID):
                for before in ("DO 0", "SELECT * FROM missing", "BEGIN"):
                    player.query(before)
                    player.command(command)
                    player.query(
                        "SHOW WARNINGS", "SET autocommit = 1", "SELECT v FROM t WHERE id = 1", "SET @a = 1", "SELECT @a",
                        "SET time_zone = '+01:00'", "SELECT @@time_zone", "ROLLBACK",
                    )

        for capabilities in (MODERN, WITH_EOF):
            answers = self.same(play, capabilities)
            self.assertEqual(1227, answers[1][0])

    # ---- Who starts to track transactions within one ----

    def test_of_a_transaction_that_goes_on_nothing_is_told_to_who_starts_to_track_them(self):
        def play(player):
            for end in ("COMMIT", "COMMIT AND CHAIN", "BEGIN", "START TRANSACTION WITH CONSISTENT SNAPSHOT"):
                player.query("SET session_track_transaction_info = OFF", "BEGIN")
                player.connection.query("SET session_track_transaction_info = STATE")  # its own OK has another flag
                player.query("SELECT v FROM t WHERE id = 1", "DO 1", end, "SELECT v FROM t WHERE id = 1", "DO 1", "ROLLBACK")

        for capabilities in (MODERN, WITH_EOF):
            answers = self.same(play, capabilities)
            self.assertEqual([], answers[2][0][3][3])

    def test_of_one_that_no_statement_has_begun_is_told_what_happens_from_then_on(self):
        def play(player):
            player.query("SET autocommit = 0")
            for read in ("SELECT v FROM t WHERE id = 1", "SELECT v FROM t WHERE id = 1 FOR UPDATE", "SHOW VARIABLES LIKE 'time_zone'"):
                for then in ("DO 0", "SELECT v INTO @v FROM t WHERE id = 1", "UPDATE t SET v = UUID() WHERE id = 2", "SELECT * FROM missing"):
                    player.query("SET session_track_transaction_info = OFF", read)
                    player.connection.query("SET session_track_transaction_info = STATE")  # its own OK has another flag
                    player.query(then, "SELECT v INTO @v FROM t WHERE id = 1", "SELECT v FROM t WHERE id = 1", "COMMIT", read, "ROLLBACK")

        answers = self.same(play)
        self.assertEqual([(wire.TRACK_TRANSACTION, b"\x08I_R_____")], answers[4][0][3][3])


if __name__ == "__main__":
    harness.main()
