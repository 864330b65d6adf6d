"""What is known to differ between a server and the proxy, and is therefore left out of the search for more.

Each has a name, the reason why it is here, and the shortest run that shows it. A test plays those runs: what differs
no longer must be taken from the list. The generator leaves out statements that match `avoids`, and asks by name,
with may(), whether it may draw other such things. Where a difference cannot be avoided, because every run would meet
it, `excuse` is true of the values that it explains.
"""

import re

import wire
from steps import ME, Step

BOTH = ("split", "primary")


class Known:
    def __init__(self, name, reason, steps, ports=BOTH, avoids=None, excuse=None):
        self.name, self.reason, self.steps, self.ports = name, reason, steps, ports
        self.avoids, self.excuse = avoids and re.compile(avoids, re.IGNORECASE | re.DOTALL), excuse


CONNECT = Step(0, "connect", capabilities=wire.MODERN | wire.MULTI_STATEMENTS, charset=255, database="differential")


DIAGNOSTICS = re.compile(
    r"\bSHOW\b[^']*\b(WARNINGS|ERRORS)\b|\bSELECT\b[^']*(\bFOUND_ROWS\b|\bROW_COUNT\b|@@\S*(warning|error)_count)", re.IGNORECASE
)


OWN_MESSAGES = re.compile(r"Unknown prepared statement handler|The statement \(\d+\) has no open cursor|Unknown thread id|Unknown command"
                          r"|Query execution was interrupted")


def in_another_language(values):
    """A message of the proxy's own, as an error or as SHOW WARNINGS has it, where the server says the same of the same
    numbers in words that are not English."""
    if values.field != "text" and "rows" not in values.path:
        return False
    direct, proxy = (
        one.decode(errors="replace") if isinstance(one, bytes) else str(one) for one in (values.direct, values.proxy)
    )
    direct = re.sub(r"\\[0-9A-F]{4}", "", direct)  # what the client's character set does not have
    return (
        bool(OWN_MESSAGES.match(proxy)) and not OWN_MESSAGES.match(direct)
        and re.findall(r"\d+", direct) == re.findall(r"\d+", proxy)
    )


LOCKED = re.compile(r"was not locked with LOCK TABLES|was locked with a READ lock and can't be updated")


def names_locked_tables(values):
    """As the text of an error, or as SHOW WARNINGS has it."""
    is_message = values.field == "text" or "rows" in values.path
    return is_message and all(LOCKED.search(str(text)) for text in (values.direct, values.proxy))


OF_SCHEMA = re.compile(r"(@@(session\.|local\.)?)?(character_set|collation)_database", re.IGNORECASE)


ENDS_ITS_TRANSACTION = re.compile(
    r"(\s|/\*!\d*|/\*.*?\*/|(--\s|#).*?\n)*(ALTER|CREATE|DROP|RENAME|TRUNCATE|ANALYZE|CHECK|GRANT|SET\s+PASSWORD)\b", re.IGNORECASE | re.DOTALL,
)


def of_diagnostics(values):
    return values.step.kind == "query" and bool(DIAGNOSTICS.search(values.step.get("sql")))


KNOWN = (
    Known(
        "columns of diagnostics",
        "SHOW WARNINGS that the proxy answers itself, about an error of its own, describes text as utf8mb4, not as"
        " character_set_results has it.",
        [CONNECT, Step(0, "query", sql="SET NAMES latin1"), Step(0, "reset statement", name="never prepared"),
         Step(0, "query", sql="SHOW WARNINGS")],
        excuse=lambda values: of_diagnostics(values) and "columns" in values.path and values.field in ("charset", "length"),
    ),
    Known(
        "no schema", "The warning that a server gives to whoever logs in with CLIENT_NO_SCHEMA is not in SHOW WARNINGS.",
        [Step(0, "connect", capabilities=wire.MODERN | wire.NO_SCHEMA, charset=255), Step(0, "query", sql="SHOW WARNINGS")],
    ),
    Known(
        "pseudo thread id", "@@pseudo_thread_id is that of the proxy's own connection.",
        [CONNECT, Step(0, "query", sql="SELECT @@pseudo_thread_id = CONNECTION_ID()")], avoids="pseudo_thread_id",
    ),
    Known(
        "several counts of warnings", "SELECT @@error_count, @@warning_count tells of a statement of the proxy's own.",
        [CONNECT, Step(0, "query", sql="SELECT @a := @a * 2"), Step(0, "query", sql="SELECT @@error_count, @@warning_count")],
        avoids="@@(error|warning)_count.*,|,.*@@(error|warning)_count",
    ),
    Known(
        "out parameters without DEPRECATE_EOF", "The EOF behind the columns of OUT parameters does not say what they are.",
        [Step(0, "connect", capabilities=wire.OLD, charset=255, database="differential"),
         Step(0, "prepare", name="s", sql="CALL parameters(?, ?, ?)"), Step(0, "execute", name="s", values=[1, 2, "x"])],
    ),
    Known(
        "languages of messages", "What the proxy itself refuses it says in English, whatever lc_messages is.",
        [CONNECT, Step(0, "query", sql="SET lc_messages = 'de_DE'"), Step(0, "reset statement", name="never prepared")],
        excuse=in_another_language,
    ),
    Known(
        "kill by expression", "KILL with anything but a number is refused.",
        [CONNECT, Step(0, "query", sql="KILL QUERY CONNECTION_ID()")],
        avoids=r"KILL.*(CONNECTION_ID|'x')|KILL\W*$",
    ),
    Known(
        "trackers of the connection", "SHOW VARIABLES has the session_track_ variables that the proxy sets for itself.",
        [CONNECT, Step(0, "query", sql="SHOW VARIABLES", ordered=False)],
        excuse=lambda values: str(values.column).startswith("session_track_"),
    ),
    Known(
        "transactions of procedures",
        "Where a procedure begins and ends a transaction, a server flags a change of the session without naming one.",
        [CONNECT, Step(0, "query", sql="CALL commits(2)")],
        excuse=lambda values: values.field == "status" and values.direct ^ values.proxy == wire.SESSION_CHANGED
        and bool(re.match(r"[\W\d]*(c\W*)?CALL\b", values.step.get("sql", ""), re.IGNORECASE)),
    ),
    Known(
        "flags of ends of transactions",
        "Where a statement ends a transaction that it has begun itself, a server flags a change of the session to who"
        " tracks transactions, mostly, without naming one. What the proxy asks of servers flags all of those.",
        [CONNECT, Step(0, "query", sql="SET session_track_transaction_info = STATE"),
         Step(0, "query", sql="ALTER TABLE items COMMENT 'changed'")],
        excuse=lambda values: values.field == "status" and values.direct ^ values.proxy == wire.SESSION_CHANGED
        and bool(ENDS_ITS_TRANSACTION.match(values.step.get("sql", ""))),
    ),
    Known(
        "transactions before they are tracked",
        "To who begins to track transactions a server tells of the READ ONLY or READ WRITE of an earlier one, which is over,"
        " as if it were to come.",
        [CONNECT, Step(0, "query", sql="START TRANSACTION READ ONLY"), Step(0, "query", sql="ROLLBACK"),
         Step(0, "query", sql="SET session_track_transaction_info = CHARACTERISTICS"), Step(0, "query", sql="SELECT id FROM items")],
    ),
    Known(
        "row counts of procedures that do nothing",
        "A CALL of a procedure that has run no statement answers with the row count of the statement before on its connection.",
        [CONNECT, Step(0, "query", sql="SELECT id, name INTO @a, @b FROM parents WHERE id = 2"),
         Step(0, "query", sql="INSERT INTO parents VALUES (8, 'new')"), Step(0, "query", sql="CALL loops(0)")],
        avoids=r"CALL\s+loops\(0\)",
    ),
    Known(
        "foreign keys after a reset",
        "After COM_RESET_CONNECTION, COM_CHANGE_USER or SET foreign_key_checks = DEFAULT a server of version 9.7 leaves the"
        " checks of foreign keys to InnoDB, where a refused INSERT uses up a value of AUTO_INCREMENT. Behind the proxy it is"
        " the connection that counts, not the session.",
        [CONNECT, Step(0, "reset connection"),
         Step(0, "query", sql="CREATE TABLE made_0 (id INT AUTO_INCREMENT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parents (id))"),
         Step(0, "query", sql="INSERT INTO made_0 (p) VALUES (99)"), Step(0, "query", sql="INSERT INTO made_0 (p) VALUES (1)")],
    ),
    Known(
        "warnings after commands",
        "The OK to COM_INIT_DB and COM_SET_OPTION counts the warnings of the statement before, as a server's does, only"
        " if it comes from the same connection.",
        [CONNECT, Step(0, "query", sql="SELECT * FROM missing"), Step(0, "use", schema="differential")],
        excuse=lambda values: values.step.kind in ("use", "set option") and values.field == "warnings",
    ),
    Known(
        "unknown names to track", "No warning for names in session_track_system_variables that are no variables.",
        [CONNECT, Step(0, "query", sql="SET session_track_system_variables = 'autocommit,unknown'")],
        avoids="session_track_system_variables.*unknown",
    ),
    Known(
        "types of earlier executions",
        "A server reads parameters as being of the types that the statement was executed with before. Behind the proxy"
        " the next execution may be the first one on its connection.",
        [CONNECT, Step(0, "query", sql="SET @a = 1"), Step(0, "prepare", name="s", sql="SELECT ?"),
         Step(0, "execute", name="s", values=[5]),
         Step(0, "long data", name="s", parameter=0, data=b"text"), Step(0, "execute", name="s", values=[wire.LongData()])],
    ),
    Known(
        "cursors of read-only transactions",
        "Once a READ ONLY transaction has read on a replica, no cursor is opened in it: all rows come at once, as from a server"
        " that does not materialise the result.",
        [CONNECT, Step(0, "query", sql="START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"),
         Step(0, "prepare", name="s", sql="SELECT id FROM parents"), Step(0, "execute", name="s", values=[], cursor=1)],
        ports=("split",),
    ),
    Known(
        "errors about locked tables",
        "Which of two tables a server names that the statement cannot use under LOCK TABLES depends on whether the connection"
        " has opened them before.",
        [CONNECT, Step(0, "query", sql="UPDATE items SET marks = 'abc' WHERE id = 1"), Step(0, "query", sql="LOCK TABLES items READ"),
         Step(0, "query", sql="INSERT INTO items SET name = 'o1'")],
        excuse=lambda values: [values.direct, values.proxy] in ([1099, 1100], [1100, 1099]) or names_locked_tables(values),
    ),
    Known(
        "character set of the schema",
        "@@character_set_database and @@collation_database are those that the schema has now. At a server they are those that"
        " it had when it was selected, and the server's own after COM_RESET_CONNECTION.",
        [CONNECT, Step(0, "query", sql="ALTER DATABASE differential CHARACTER SET latin1"), Step(0, "use", schema="differential"),
         Step(0, "reset connection"), Step(0, "query", sql="SELECT @@character_set_database")],
        excuse=lambda values: "rows" in values.path and bool(OF_SCHEMA.fullmatch(str(values.column))),
    ),
    Known(
        "tracked trackers", "Of session_track_ variables themselves, no change is told.",
        [CONNECT, Step(0, "query", sql="SET session_track_system_variables = '*'")],
        avoids=r"session_track_system_variables.*\*|session_track_gtids.*ALL_GTIDS|session_track_state_change",
        excuse=lambda values: "session_track_transaction_info" in values.step.get("sql", "").lower() and (
            "transaction" in values.path or values.field == "status" and values.direct ^ values.proxy == wire.SESSION_CHANGED
        ),
    ),
    Known(
        "columns of trackers", "What session_track_ variables are set to has the proxy's own metadata.",
        [CONNECT, Step(0, "query", sql="SELECT @@session_track_schema")],
        avoids="(SELECT|SHOW) .*session_track_",
    ),
    Known(
        "found rows at first", "FOUND_ROWS() and ROW_COUNT() of a session that has done nothing are not 0.",
        [CONNECT, Step(0, "query", sql="SELECT found_rows(), ROW_COUNT()")],
        avoids="(found_rows|row_count)",
    ),
)


class Active:
    """Those that count on this port, but for those that are named."""

    def __init__(self, port, but=()):
        known = [one for one in KNOWN if port in one.ports and one.name not in but]
        self.names = frozenset(one.name for one in known)
        self.excuses = [one.excuse for one in known if one.excuse]
        self.patterns = [one.avoids for one in known if one.avoids]

    def avoid(self, sql):
        return any(pattern.search(sql) for pattern in self.patterns)
