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


def of_diagnostics(values):
    return values.step.kind == "query" and bool(DIAGNOSTICS.search(values.step.get("sql")))


def tells_of_last_statement(values):
    return values.field == "warnings" or of_diagnostics(values)


KNOWN = (
    Known(
        "tracker at log-in", "The OK that ends the log-in, or COM_CHANGE_USER, does not tell the schema, as a server's does.",
        [CONNECT],
        excuse=lambda values: values.step.kind in ("connect", "change user") and (
            "changes" in values.path or values.field == "status" and values.direct ^ values.proxy == wire.SESSION_CHANGED
        ),
    ),
    Known(
        "optional metadata", "The proxy does not offer CLIENT_OPTIONAL_RESULTSET_METADATA.",
        [Step(0, "connect", capabilities=wire.MODERN | wire.OPTIONAL_METADATA, charset=255)],
    ),
    Known(
        "columns of diagnostics", "What the proxy answers about the statement before has its own metadata.",
        [CONNECT, Step(0, "query", sql="SHOW WARNINGS")],
        excuse=lambda values: of_diagnostics(values) and ("columns" in values.path or values.field == "warnings"),
    ),
    Known(
        "warnings of the log-in", "Warnings that a server gives on logging in are not in SHOW WARNINGS.",
        [Step(0, "connect", capabilities=wire.MODERN | wire.NO_SCHEMA, charset=255), Step(0, "query", sql="SHOW WARNINGS")],
        excuse=lambda values: of_diagnostics(values) and "CLIENT_NO_SCHEMA" in repr(values.direct),
    ),
    Known(
        "values of trackers", "A session_track_ variable takes any value, also such as a server refuses.",
        [CONNECT, Step(0, "query", sql="SET session_track_gtids = 'nothing'")],
        avoids="session_track_(gtids|transaction_info.*'X'|system_variables.*NULL|state_change)",
    ),
    Known(
        "status of a ping", "The OK to COM_PING has the status before the last error, which may have ended a transaction.",
        [CONNECT, Step(0, "query", sql="BEGIN"), Step(0, "query", sql="DROP TABLE missing"), Step(0, "ping")],
        excuse=lambda values: values.step.kind == "ping" and values.field == "status",
    ),
    Known(
        "connection id", "CONNECTION_ID() with more around it, or in a prepared statement, is the server's own.",
        [CONNECT, Step(0, "prepare", name="s", sql="SELECT CONNECTION_ID()"), Step(0, "execute", name="s", values=[])],
        avoids=r"connection_id\(|pseudo_thread_id",
    ),
    Known(
        "spaces in the names of variables", "SET of a session_track_ variable is refused if there is `@@session . x` beside it.",
        [CONNECT, Step(0, "query", sql="SET session_track_schema = 1, @@SESSION . time_zone = '+01:00'")],
        avoids=r"session_track.*@@SESSION \.|@@SESSION \..*session_track",
    ),
    Known(
        "several counts of warnings", "SELECT @@error_count, @@warning_count tells of a statement of the proxy's own.",
        [CONNECT, Step(0, "query", sql="SELECT @a := @a * 2"), Step(0, "query", sql="SELECT @@error_count, @@warning_count")],
        avoids="@@(error|warning)_count.*,|,.*@@(error|warning)_count",
    ),
    Known(
        "untracked schema", "With session_track_schema off, a server tells the schemas of procedures all the same.",
        [CONNECT, Step(0, "use", schema="differential_2"), Step(0, "query", sql="SET session_track_schema = 0"),
         Step(0, "query", sql="CALL differential.two_results")],
        avoids="session_track_schema *:?= *(0|OFF)",
    ),
    Known(
        "out parameters without DEPRECATE_EOF", "The EOF behind the columns of OUT parameters does not say what they are.",
        [Step(0, "connect", capabilities=wire.OLD, charset=255, database="differential"),
         Step(0, "prepare", name="s", sql="CALL parameters(?, ?, ?)"), Step(0, "execute", name="s", values=[1, 2, "x"])],
    ),
    Known(
        "kill by expression", "KILL with anything but a number is refused.",
        [CONNECT, Step(0, "query", sql="KILL QUERY CONNECTION_ID()")],
        avoids="KILL.*(CONNECTION_ID|'x')",
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
        avoids="GET .*DIAGNOSTICS",
    ),
    Known(
        "tracked trackers", "Of session_track_ variables themselves, no change is told.",
        [CONNECT, Step(0, "query", sql="SET session_track_system_variables = '*'")],
        avoids=r"session_track_system_variables.*\*|session_track_gtids.*ALL_GTIDS",
    ),
    Known(
        "character set after a reset", "COM_RESET_CONNECTION goes back to the character set of the log-in, not to the server's.",
        [Step(0, "connect", capabilities=wire.MODERN, charset=8), Step(0, "reset connection"),
         Step(0, "query", sql="SELECT @@character_set_client")],
    ),
    Known(
        "warnings of a ping", "The OK to COM_PING does not count the warnings of the statement before.",
        [CONNECT, Step(0, "query", sql="SELECT * FROM missing"), Step(0, "ping")],
        excuse=lambda values: values.step.kind == "ping" and values.field == "warnings",
    ),
    Known(
        "warnings after COM_INIT_DB", "The count in its OK is that of a statement of the proxy's own.",
        [Step(0, "connect", capabilities=wire.MODERN, charset=255), Step(0, "use", schema="differential")],
        excuse=lambda values: values.step.kind == "use" and values.field == "warnings",
    ),
    Known(
        "transaction tracker",
        "A server tells where an explicit transaction begins and ends even if session_track_transaction_info is OFF.",
        [CONNECT, Step(0, "query", sql="BEGIN")],
        excuse=lambda values: "transaction" in values.path or (
            values.field == "status" and values.direct ^ values.proxy == wire.SESSION_CHANGED
        ),
    ),
    Known(
        "unknown statement", "The error for an unknown prepared statement names another function of the server.",
        [CONNECT, Step(0, "execute", name="none", values=[])],
        excuse=lambda values: values.field == "text" and "prepared statement handler" in str(values.direct),
    ),
    Known(
        "errors of the proxy's own",
        "Errors that the proxy itself gives are not in SHOW WARNINGS, nor counted in later packets.",
        [CONNECT, Step(0, "execute", name="none", values=[]), Step(0, "query", sql="SHOW WARNINGS")],
        excuse=lambda values: values.parties[0].last_error in (1243, 1047) and tells_of_last_statement(values),
    ),
    Known(
        "failed preparation", "SHOW WARNINGS after a COM_STMT_PREPARE that failed does not show its error.",
        [CONNECT, Step(0, "prepare", name="s", sql="SELEC ?"), Step(0, "query", sql="SHOW WARNINGS")],
        excuse=lambda values: values.parties[0].last_error == 1064 and tells_of_last_statement(values),
    ),
    Known(
        "kill oneself", "KILL of one's own session or statement gives OK instead of error 1317.",
        [CONNECT, Step(0, "query", sql=f"KILL QUERY {ME}")],
        avoids=f"KILL (QUERY |CONNECTION )?{ME}",
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
