"""Two answers to the same step: where do they differ, and is that a fault?

Everything must be equal but what CLAIMS lists: things that cannot be the same on two servers. For each of those
stands what must hold of both instead.
"""

import re
from collections import namedtuple

import wire

Difference = namedtuple("Difference", "path direct proxy")  # path: such as ("rows", 3, "columns", 0, "length")
Absent = namedtuple("Absent", "")


class Values:
    """One value of each side, and what stands around it."""

    def __init__(self, step, path, column, pair, parties):
        self.step, self.path, self.column = step, path, column
        self.direct, self.proxy = pair
        self.parties = parties  # (direct, proxy): who had the connection

    @property
    def field(self):
        return self.path[-1]

    def each(self, holds):
        return holds(self.direct, self.parties[0]) and holds(self.proxy, self.parties[1])


Claim = namedtuple("Claim", "name applies holds reason")

# Whether an index was of use, and whether a statement was slow, is the server's business on that day.
UNSTABLE_STATUS = wire.NO_GOOD_INDEX_USED | wire.NO_INDEX_USED | wire.QUERY_WAS_SLOW

STATUS_OF_SESSION = wire.AUTOCOMMIT | wire.NO_BACKSLASH_ESCAPES | wire.IN_READ_ONLY_TRANSACTION

# Columns, or variables, that name the server: by the name of the column as the client sees it.
NAMES_OF_SERVER = re.compile(
    r"(@@)?((global|session)\.)?(server_id|server_uuid|port|report_port|socket|pid_file|datadir|log_error|hostname"
    r"|secure_file_priv|general_log_file|slow_query_log_file|log_bin_basename|log_bin_index|relay_log_basename"
    r"|relay_log_index|ssl_c\w+|ssl_key|server_id_bits|innodb_redo_log_encrypt)", re.IGNORECASE,
)
# What depends on how long the server has run, on who else uses it, or on its part in the cluster.
STATE_OF_SERVER = re.compile(
    r"(@@)?((global|session)\.)?(gtid_executed|gtid_purged|gtid_owned|read_only|super_read_only|rpl_\w+|\w*replica\w*"
    r"|statement_id|pseudo_thread_id|timestamp|rand_seed[12]|ssl_session_cache\w*|auto_generate_certs)", re.IGNORECASE,
)
CONNECTION_ID = re.compile(r"connection_id\(\s*\)|@@(session\.)?pseudo_thread_id", re.IGNORECASE)
TIMES = re.compile(
    r"(now|current_timestamp|sysdate|utc_timestamp|localtime|curdate|current_date|curtime|current_time"
    r"|unix_timestamp)\(\d?\)|@@timestamp", re.IGNORECASE,
)
RANDOM = re.compile(r"(uuid|uuid_short|rand|random_bytes)\(\d*\)", re.IGNORECASE)
LISTS_SERVER = re.compile(r"\bSHOW\b|_schema\b|\bEXPLAIN\b|\bDESC", re.IGNORECASE)
LISTS_SESSIONS = re.compile(r"\bSHOW\b.*\bPROCESSLIST\b", re.IGNORECASE | re.DOTALL)

GTIDS = re.compile(rb"\0?.?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9:a-f,\s-]+", re.DOTALL)


def in_rows(values):
    return len(values.path) > 2 and values.path[-3] == "rows"


def named(pattern):
    """In a row, or in the description of the column, of a column (or of a variable) with such a name."""
    return lambda values: values.column is not None and bool(pattern.fullmatch(values.column))


def in_rows_named(pattern):
    return lambda values: in_rows(values) and named(pattern)(values)


def is_own_id(value, party):
    return value in (party.connection_id, str(party.connection_id).encode())


def same_but_digits(values):
    return re.sub(r"\d+", "#", str(values.direct)) == re.sub(r"\d+", "#", str(values.proxy))


def same_kind(values):
    return (values.direct is None) == (values.proxy is None) and type(values.direct) is type(values.proxy)


def same_but_ids(values):
    """Connection ids in both texts are those of the session that runs the statement."""
    texts = [
        re.sub(rf"\b{party.connection_id}\b", "<id>", text)
        for text, party in zip((values.direct, values.proxy), values.parties)
    ]
    return texts[0] == texts[1]


def may_name_the_unequal(values):
    """Values of which no column says what they are, for a client that gets no definitions."""
    sql = str(values.step.get("sql", ""))
    patterns = (TIMES, RANDOM, CONNECTION_ID, NAMES_OF_SERVER, STATE_OF_SERVER, LISTS_SERVER)
    return values.step.kind != "query" or any(pattern.search(sql) for pattern in patterns)


def lists_sessions(step):
    return bool(LISTS_SESSIONS.search(str(step.get("sql", ""))))


def names_own_statement(values):
    return all(
        text == f"The statement ({party.number_of(values.step)}) has no open cursor."
        for text, party in zip((values.direct, values.proxy), values.parties)
    )


def is_gtid_change(values):
    return "changes" in values.path and isinstance(values.direct, tuple) and values.direct[0] == wire.TRACK_GTIDS


def is_statement_id_change(values):
    return (
        "changes" in values.path and isinstance(values.direct, tuple) and values.direct[0] == wire.TRACK_VARIABLE
        and values.direct[1].startswith(b"\x0cstatement_id")
    )


# Flags of columns that tell of keys, and of whether a value must be given. Columns of a temporary table have fewer.
FLAGS_OF_KEYS = 2 | 4 | 8 | 4096 | 16384
MAY_BE_MATERIALIZED = re.compile(r"\b(EXISTS|IN|ANY|ALL|SOME)\s*\(\s*(SELECT|TABLE|VALUES|WITH)\b", re.IGNORECASE)


def depends_on_plan(values):
    return values.field == "flags" and bool(MAY_BE_MATERIALIZED.search(str(values.step.get("sql", ""))))


MAY_BE_SORTED = re.compile(r"\b(JOIN|STRAIGHT_JOIN|GROUP\s+BY|ORDER\s+BY|DISTINCT)\b", re.IGNORECASE)


def is_name_of_a_temporary_table(values):
    return values.field == "original name" and bool(MAY_BE_SORTED.search(str(values.step.get("sql", ""))))


EXPLAINS = re.compile(r"\W*(\w\W+)?EXPLAIN\b", re.IGNORECASE)


def explains(values):
    return "rows" in values.path and bool(EXPLAINS.match(str(values.step.get("sql", ""))))


def cursor_flag(step):
    """Text has no cursors, but servers leave a flag behind from those of a procedure."""
    return wire.CURSOR_EXISTS if step.kind == "execute" else 0


def is_about_a_statement(values):
    """As the text of an error, or as SHOW WARNINGS has it."""
    texts = [text if isinstance(text, bytes) else str(text).encode() for text in (values.direct, values.proxy)]
    return (in_rows(values) or values.field == "text") and all(NAMES_A_STATEMENT.fullmatch(text) for text in texts)


NAMES_A_STATEMENT = re.compile(rb"The statement \(\d+\) has no open cursor\.")

CLAIMS = (
    Claim(
        "keys of materialized tables", depends_on_plan,
        lambda v: v.direct | FLAGS_OF_KEYS == v.proxy | FLAGS_OF_KEYS,
        "whether a subquery is materialized depends on what the server has counted of its tables",
    ),
    Claim(
        "names in temporary tables", is_name_of_a_temporary_table,
        lambda v: b"" in (v.direct, v.proxy) and (v.direct + v.proxy).decode(errors="replace") == v.column,
        "an expression has an original name, its own, where the plan takes the rows through a temporary table",
    ),
    Claim(
        "estimates of plans", explains, lambda v: re.sub(r"\d+(\.\d+)?", "#", str(v.direct)) == re.sub(r"\d+(\.\d+)?", "#", str(v.proxy)),
        "each server counts the rows of its tables now and then",
    ),
    Claim(
        "numbers of statements in messages", is_about_a_statement, lambda v: True,
        "each server counts statements, and those of PREPARE count at the one that runs it",
    ),
    Claim(
        "values without columns", lambda v: in_rows(v) and v.column is None and may_name_the_unequal(v), same_kind,
        "a client that gets no definitions of columns gets no names to judge values by",
    ),
    Claim(
        "end of columns", lambda v: "middle" in v.path and v.field == "status",
        lambda v: not (v.direct ^ v.proxy) & (STATUS_OF_SESSION | cursor_flag(v.step)),
        "servers no longer send this packet to the proxy, which only knows the flags of the statement before",
    ),
    Claim(
        "warnings at the end of columns", lambda v: "middle" in v.path and v.field == "warnings", lambda v: v.proxy == 0,
        "the same; the count is in the packet that ends the rows",
    ),
    Claim(
        "status", lambda v: v.field == "status", lambda v: not (v.direct ^ v.proxy) & ~UNSTABLE_STATUS,
        "all flags are equal, but those that speak of indexes and of slowness",
    ),
    Claim(
        "gtid tracker", is_gtid_change, lambda v: v.direct[0] == v.proxy[0] and v.each(
            lambda change, _: bool(GTIDS.fullmatch(change[1]))
        ),
        "each server counts its own transactions; there must be a GTID where the other has one",
    ),
    Claim(
        "statement id tracker", is_statement_id_change, lambda v: v.direct[0] == v.proxy[0],
        "the server counts all statements that it runs, also those of others",
    ),
    Claim(
        "connection id", in_rows_named(CONNECTION_ID), lambda v: v.each(is_own_id),
        "it is the one that the greeting told",
    ),
    Claim(
        "name of the server", named(NAMES_OF_SERVER), lambda v: v.field == "length" or in_rows(v) and same_kind(v),
        "two servers have two names, and the column is as long as the name",
    ),
    Claim(
        "state of the server", named(STATE_OF_SERVER), lambda v: v.field == "length" or in_rows(v) and same_kind(v),
        "two servers have run for different times and play different parts",
    ),
    Claim(
        "time", in_rows_named(TIMES), same_kind,
        "time passes between the two; statements that need a certain time set it",
    ),
    Claim("random value", in_rows_named(RANDOM), same_kind, "two servers draw two numbers"),
    Claim(
        "list of sessions", lambda v: "rows" in v.path and lists_sessions(v.step), lambda v: True,
        "the server's are those of the proxy, which are other ones and more",
    ),
    Claim(
        "numbers of statements", lambda v: v.field == "text" and "The statement (" in str(v.direct),
        names_own_statement, "it is the one that the answer to COM_STMT_PREPARE told",
    ),
    Claim(
        "connection ids in errors", lambda v: v.field == "text" and isinstance(v.direct, str), same_but_ids,
        "each names its own session",
    ),
    Claim(
        "statistics", lambda v: v.field == "text" and v.step.kind == "statistics",
        lambda v: v.each(lambda text, _: text.startswith(b"Uptime: ") and b"Queries per second avg: " in text),
        "counts of the whole server",
    ),
    Claim(
        "why a connection was closed", lambda v: v.field == "why", lambda v: True,
        "an orderly end and a reset are the same to a client",
    ),
)


class Comparison:
    """Finds the differences between the answers of both sides to one step."""

    def __init__(self, step, parties, excuses=()):
        self.step, self.parties, self.excuses = step, parties, excuses
        self.differences = []

    def pair(self, path, direct, proxy, column=None):
        if isinstance(direct, dict) and isinstance(proxy, dict):
            self.dictionaries(path, direct, proxy, column)
        elif isinstance(direct, list) and isinstance(proxy, list):
            self.lists(path, direct, proxy, column)
        elif direct != proxy or type(direct) is not type(proxy):
            self.differ(path, direct, proxy, column)

    def differ(self, path, direct, proxy, column=None):
        values = Values(self.step, path, column, (direct, proxy), self.parties)
        for claim in CLAIMS:
            if Absent() not in (direct, proxy) and claim.applies(values) and claim.holds(values):
                return
        if not any(excuse(values) for excuse in self.excuses):
            self.differences.append(Difference(path, direct, proxy))

    def dictionaries(self, path, direct, proxy, column):
        if direct.get("part") != proxy.get("part"):
            self.differ((*path, "part"), direct.get("part"), proxy.get("part"))
            return
        if direct.get("part") == "rows":
            self.rows(path, direct, proxy)
            return
        if "original name" in direct:
            column = direct["name"].decode(errors="replace")
        for name in {**direct, **proxy}:
            self.pair((*path, name), direct.get(name, Absent()), proxy.get(name, Absent()), column)

    def lists(self, path, direct, proxy, column):
        for i in range(max(len(direct), len(proxy))):
            pair = [values[i] if i < len(values) else Absent() for values in (direct, proxy)]
            self.pair((*path, i), *pair, column)

    def rows(self, path, direct, proxy):
        for name in ("columns", "middle", "end"):
            self.pair((*path, name), direct[name], proxy[name])
        names = [column["name"].decode(errors="replace") for column in direct["columns"]]
        rows = [direct["rows"], proxy["rows"]]
        if not self.step.get("ordered", True):
            rows = [sorted(side, key=repr) for side in rows]
        if len(rows[0]) != len(rows[1]):
            self.differ((*path, "rows"), *rows)
            return
        for i, (left, right) in enumerate(zip(*rows)):
            for j, pair in enumerate(zip(left, right)):
                self.pair((*path, "rows", i, j), *pair, self.name_of(names, left, j))

    @staticmethod
    def name_of(names, row, j):
        """SHOW VARIABLES has the name in the row, everything else in the column."""
        if j == 1 and len(names) == 2 and names[0].lower() == "variable_name" and isinstance(row[0], bytes):
            return row[0].decode(errors="replace")
        return names[j] if j < len(names) else None


def compare(step, direct, proxy, parties, excuses=()):
    """The differences between two lists of answers; none if they are as they must be, or excused."""
    steps = step.get("steps") if step.kind == "together" else [step]
    differences = []
    for index, one in enumerate(steps):
        pair = [answers[index] if index < len(answers) else Absent() for answers in (direct, proxy)]
        comparison = Comparison(one, parties, excuses)
        comparison.pair((index,), *pair)
        differences += comparison.differences
    return differences


def signature(step, differences):
    """What kind of fault this is, to tell whether a shorter run shows the same one."""
    names = {tuple(part for part in one.path if isinstance(part, str)) for one in differences}
    numbers = {
        (one.direct, one.proxy) for one in differences if one.path and one.path[-1] in ("number", "part")
    }
    return step.kind, frozenset(names), frozenset(numbers)


def render(differences, most=12):
    """The differences as lines of text."""
    lines = []
    for one in differences[:most]:
        place = " / ".join(str(part) for part in one.path)
        for name, value in (("directly", one.direct), ("by proxy", one.proxy)):
            text = repr(value)
            text = text if len(text) < 300 else text[:300] + "…"
            lines.append(f"  {place or 'answer'}, {name}: {text}")
    if len(differences) > most:
        lines.append(f"  and {len(differences) - most} more")
    return lines
