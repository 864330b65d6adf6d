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


OWN_MESSAGES = re.compile(r"Unknown prepared statement handler|The statement \(\d+\) has no open cursor|Unknown thread id|Unknown command")


def in_another_language(values):
    """A message of the proxy's own, as an error or as SHOW WARNINGS has it, where the server says the same of the same
    numbers in words that are not English."""
    if values.field != "text" and "rows" not in values.path:
        return False
    direct, proxy = (
        one.decode(errors="replace") if isinstance(one, bytes) else str(one) for one in (values.direct, values.proxy)
    )
    return (
        bool(OWN_MESSAGES.match(proxy)) and not OWN_MESSAGES.match(direct)
        and re.findall(r"\d+", direct) == re.findall(r"\d+", proxy)
    )


def of_diagnostics(values):
    return values.step.kind == "query" and bool(DIAGNOSTICS.search(values.step.get("sql")))


KNOWN = (
    Known(
        "columns of diagnostics",
        "SHOW WARNINGS that the proxy answers itself, with nothing to show, describes text as utf8mb4, not as"
        " character_set_results has it.",
        [CONNECT, Step(0, "query", sql="SET NAMES latin1"), Step(0, "query", sql="SET session_track_schema = 1"),
         Step(0, "query", sql="SHOW WARNINGS")],
        excuse=lambda values: of_diagnostics(values) and "columns" in values.path and values.field in ("charset", "length"),
    ),
    Known(
        "no schema", "The warning that a server gives to whoever logs in with CLIENT_NO_SCHEMA is not in SHOW WARNINGS.",
        [Step(0, "connect", capabilities=wire.MODERN | wire.NO_SCHEMA, charset=255), Step(0, "query", sql="SHOW WARNINGS")],
    ),
    Known(
        "connection id", "CONNECTION_ID() with more around it, or in a prepared statement, is the server's own.",
        [CONNECT, Step(0, "prepare", name="s", sql="SELECT CONNECTION_ID()"), Step(0, "execute", name="s", values=[])],
        avoids=r"connection_id\(|pseudo_thread_id",
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
        "get diagnostics", "GET DIAGNOSTICS sees what a statement of the proxy's own left behind.",
        [CONNECT, Step(0, "query", sql="GET DIAGNOSTICS CONDITION 1 @e = MYSQL_ERRNO"),
         Step(0, "query", sql="GET DIAGNOSTICS CONDITION 1 @e = MYSQL_ERRNO")],
        avoids=r"\bGET\b.*DIAGNOSTICS",
    ),
    Known(
        "transactions of procedures",
        "Where a procedure begins and ends a transaction, a server flags a change of the session without naming one.",
        [CONNECT, Step(0, "query", sql="CALL commits(2)")],
        excuse=lambda values: values.field == "status" and values.direct ^ values.proxy == wire.SESSION_CHANGED
        and bool(re.match(r"\W*(c\W*)?CALL\b", values.step.get("sql", ""), re.IGNORECASE)),
    ),
    Known(
        "warnings after commands",
        "The OK to COM_INIT_DB and COM_SET_OPTION counts the warnings of the statement before, as a server's does, only"
        " if it comes from the same connection.",
        [CONNECT, Step(0, "query", sql="SELECT * FROM missing"), Step(0, "use", schema="differential")],
        excuse=lambda values: values.step.kind in ("use", "set option") and values.field == "warnings",
    ),
    Known(
        "binary log", "COM_BINLOG_DUMP_GTID is an unknown command to the proxy.",
        [CONNECT, Step(0, "command", number=30, shape="RESULTS")],
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
