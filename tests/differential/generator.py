"""Draws a run: the steps of a few clients, by seed.

The generator keeps a rough idea of what each client is in the middle of. It serves two ends: that likely things
happen in likely places, and that no step has two right answers. The second calls for these rules, which hold as
long as the idea errs on the safe side:

- A transaction that only reads may run on a replica, and its locks on tables hold up nobody on the primary. So
  nothing that needs such locks runs while somebody else may be in one. Nor do LOCK TABLES hold up who reads there.
- What only the primary can do is refused to a transaction that has read on a replica, as docs/consistency.md says.
- Two transactions that write the same rows cost a second of waiting. It is tried now and then, not all the time.
"""

import random
import re
import struct

import wire
from grammar import COLUMNS, TEXT, Grammar
from schema import LOCKS, MAIN, OTHER, TABLE_OPTIONS
from settings import MEANING_OF_TEXT, MODES_OF_TRANSACTIONS, TRACKERS, VARIABLES, set_names, set_variables
from steps import ME, Step, other

CAPABILITIES = (
    ("modern", wire.MODERN),
    ("modern", wire.MODERN | wire.MULTI_STATEMENTS),
    ("several statements", wire.MODERN | wire.MULTI_STATEMENTS | wire.LOCAL_FILES),
    ("old", wire.OLD | wire.MULTI_STATEMENTS),
    ("without trackers", wire.MODERN & ~wire.SESSION_TRACK | wire.MULTI_STATEMENTS),
    ("with EOF", wire.MODERN & ~wire.DEPRECATE_EOF | wire.MULTI_STATEMENTS),
    ("found rows", wire.MODERN | wire.FOUND_ROWS | wire.LONG_FLAG),
    ("no schema", wire.MODERN | wire.NO_SCHEMA),
    ("ignore space", wire.MODERN | wire.IGNORE_SPACE | wire.MULTI_STATEMENTS),
    ("without attributes", wire.MODERN & ~wire.QUERY_ATTRIBUTES | wire.MULTI_STATEMENTS),
    ("interactive", wire.MODERN | wire.INTERACTIVE | wire.ODBC),
    ("without several results", wire.MODERN & ~wire.MULTI_RESULTS & ~wire.PS_MULTI_RESULTS),
    ("optional metadata", wire.MODERN | wire.OPTIONAL_METADATA | wire.MULTI_STATEMENTS),
)
COLLATIONS_AT_LOG_IN = (255, 255, 255, 45, 8, 33, 63, 28, 51, 192)  # utf8mb4, latin1, utf8mb3, binary, gbk, cp1251

PREPARED = (
    # text, how many parameters
    ("SELECT ?", 1), ("SELECT ? + ?, CONCAT(?, 'x')", 3), ("SELECT ?, ?, ? AS named", 3),
    ("SELECT * FROM items WHERE id = ?", 1), ("SELECT id, name FROM items ORDER BY id LIMIT ?", 1),
    ("SELECT id FROM items WHERE name IN (?, ?) ORDER BY id", 2), ("SELECT * FROM kinds ORDER BY id", 0),
    ("SELECT * FROM kinds WHERE id > ? ORDER BY id", 1), ("SELECT id, note FROM items WHERE id <= ? ORDER BY id", 1),
    ("INSERT INTO items (name, quantity) VALUES (?, ?)", 2), ("UPDATE items SET quantity = ? WHERE id = ?", 2),
    ("INSERT INTO logs (what, amount) VALUES (?, ?), ('two', 2)", 2), ("DELETE FROM logs WHERE id = ?", 1),
    ("REPLACE INTO texts (id, plain, bytes) VALUES (?, ?, ?)", 3), ("SELECT ? IS NULL, LENGTH(?)", 2),
    ("CALL parameters(?, ?, ?)", 3), ("CALL two_results()", 0), ("CALL fails_late(?)", 1), ("SELECT @a, ?", 1),
    ("SELECT LAST_INSERT_ID(), ?", 1), ("SET @a = ?", 1), ("SET time_zone = ?", 1), ("SHOW TABLES", 0), ("DO ?", 1),
    ("SELECT DATABASE(), ?", 1), ("COMMIT", 0), ("BEGIN", 0), ("USE differential_2", 0), ("SHOW WARNINGS", 0),
    ("SELECT ROW_COUNT(), ?", 1), ("SELECT 1; SELECT 2", 0), ("SELECT * FROM missing WHERE id = ?", 1), ("SELEC ?", 1),
    ("", 0), ("/* only a comment */", 0), ("SELECT id FROM items WHERE id = ? FOR UPDATE", 1), ("SELECT counts()", 0),
    ("SELECT id, extra FROM items ORDER BY id", 0), ("SELECT * FROM temporary_one ORDER BY id", 0),
    ("INSERT INTO temporary_one VALUES (?, ?)", 2), ("SELECT SQL_CALC_FOUND_ROWS id FROM items ORDER BY id LIMIT 1", 0),
    ("SELECT @a := ?", 1), ("SELECT id INTO @b FROM items WHERE id = ?", 1), ("TABLE parents ORDER BY id", 0),
    ("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n", 1),
    ("SELECT * FROM cheap WHERE id < ? ORDER BY id", 1), ("CREATE TABLE made_0 (id INT PRIMARY KEY)", 0),
    ("SELECT GET_LOCK('differential_a', 0)", 0), ("SELECT connection_id()", 0), ("SELECT '?', `id` FROM parents -- ?", 0),
    ("SELECT ST_AsText(place), j FROM kinds WHERE id = ?", 1), ("KILL QUERY 0", 0), ("SIGNAL SQLSTATE '45000'", 0),
)

TEXTS_FOR_SQL_PREPARE = (
    "'SELECT ?'", "'SELECT id FROM items WHERE id = ? FOR UPDATE'", "'INSERT INTO logs (amount) VALUES (?)'",
    "'SELECT * FROM items ORDER BY id LIMIT ?'", "'SELECT 1'", "'CALL two_results()'", "'SELEC'", "@a", "'SET @b = ?'",
    "'SELECT @a, ?'", "'USE differential_2'", "''", "'SELECT ''quoted'', ?'", "'SELECT * FROM temporary_one ORDER BY id'",
)

DIAGNOSTICS = (
    "SHOW WARNINGS", "SHOW WARNINGS", "SHOW ERRORS", "SHOW COUNT(*) WARNINGS", "SHOW COUNT(*) ERRORS", "SHOW WARNINGS LIMIT 1",
    "SELECT @@warning_count", "SELECT @@error_count, @@warning_count", "SELECT LAST_INSERT_ID()", "SELECT LAST_INSERT_ID() AS id",
    "SELECT @@last_insert_id, @@identity", "SELECT ROW_COUNT()", "SELECT FOUND_ROWS()", "SELECT found_rows(), ROW_COUNT()",
    "GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT", "GET DIAGNOSTICS CONDITION 1 @e = MYSQL_ERRNO, @m = MESSAGE_TEXT",
    "GET CURRENT DIAGNOSTICS CONDITION 1 @e = RETURNED_SQLSTATE", "GET STACKED DIAGNOSTICS @n = NUMBER", "SELECT @n, @r, @e, @m",
    "SELECT id, name FROM items WHERE id = LAST_INSERT_ID()", "SELECT id FROM items WHERE id IS NULL",
    "SELECT LAST_INSERT_ID(5)", "DO LAST_INSERT_ID(33)", "SELECT ROW_COUNT() FROM parents ORDER BY id LIMIT 1",
    "SELECT FOUND_ROWS() AS `rows`", "SHOW STATUS LIKE 'no such status'", "/* c */ SHOW /* c */ WARNINGS",
)

# One that is NULL is, for every statement but this, the same as one that was never set; and that is what servers make
# of those that a statement would have set, had it come so far.
USER_VARIABLES_OF_SESSION = (
    "SELECT variable_name, variable_value FROM performance_schema.user_variables_by_thread"
    " WHERE thread_id = PS_CURRENT_THREAD_ID() AND variable_value IS NOT NULL ORDER BY variable_name"
)

USER_VARIABLES = (
    "SET @a = 1, @b = 'two', @c = NULL", "SET @a := @a + 1", "SET @a = 1.50", "SET @a = 2e0", "SET @a = 'text'",
    "SET @a = _latin1'x' COLLATE latin1_german2_ci", "SET @a = x'00FF'", "SET @a = (SELECT COUNT(*) FROM items)",
    "SET @`odd name` = 'odd', @'quoted' = \"q\"", "SET @a = DATABASE(), @b = @a", "SET @a = CAST(5 AS UNSIGNED)",
    "SET @a = JSON_OBJECT('k', 1), @b = DATE'2024-02-29'", "SELECT @a := 7", "SELECT @a := @a * 2, @b := 'x'",
    "SELECT id, @c := id FROM parents ORDER BY id", "SELECT id, name INTO @a, @b FROM parents WHERE id = 2",
    "SELECT COUNT(*) INTO @a FROM items", "SELECT 1, 2 INTO @a", "SELECT id INTO @a FROM parents", "SELECT 5 INTO @c",
    "SELECT id INTO @b FROM parents WHERE id = 99", "SELECT @a, @b, @c, @never_set", "SELECT @a, COLLATION(@a), CHARSET(@b)",
    "SELECT @a + 0, CONCAT(@b, '!')", "SELECT name FROM parents WHERE id = @a", "SELECT @`odd name`, @'quoted', @\"a\"",
    "SELECT COERCIBILITY(@a), @a = 'text'", "SET @a = @@session.sql_mode, @@session.sql_mode = @a", "SELECT @A, @a",
    "SELECT @by_trigger, @updates, @last_updated, @by_procedure, @by_function", "SET @a = 18446744073709551615",
    "SET @b = REPEAT('long', 2000)", "SELECT LENGTH(@b), HEX(LEFT(@b, 4))", "UPDATE logs SET amount = (@b := 4) WHERE id = 1",
    USER_VARIABLES_OF_SESSION, "SET @a = sets_variable(3)", "SELECT sets_variable(5)", "DO @c := 12",
)

ODD_TEXTS = (
    "", " ", ";", " ; ", ";;", "-- only a comment", "# only a comment\n", "/* only a comment */", "/*! */", "/*!80000 SELECT */ 3",
    "/*!99999 no */ SELECT 4", "/*!50000 SELECT 1 */", "SELECT 1 /*!40000 + 1 */ + 2", "SELECT 1 -- rest", "SELECT 1 --1",
    "SELECT 1 # rest\n + 1", "SELECT/**/1", "SELECT 1;", "SELECT 1; ;", "SELECT 1 ; -- end", "\n\t SELECT\r\n1", "(SELECT 1)",
    "SELECT 'unfinished", "SELECT `unfinished", "SELECT 1 /* unfinished", "SELECT", "SELEC 1", "SELECT FROM", "1", "NULL",
    "SELECT * FROM missing", "SELECT missing FROM items", "SELECT 1 FROM items WHERE", "INSERT INTO missing VALUES (1)",
    "CALL missing()", "SELECT missing()", "SELECT differential.plus_one(1)", "SELECT differential . plus_one (1)", "EXECUTE missing",
    "SAVEPOINT", "COMMIT AND", "SELECT 1 AS `a``b`, 2 AS \"c\"", "SELECT \"name\" FROM items ORDER BY id LIMIT 1", "SELECT 'a' 'b'",
    "SELECT 'it''s', \"say \"\"x\"\"\"", r"SELECT 'a\'b', '\\', '\%'", r"SELECT '\\' /* ' */, 1", "SELECT 1e5, 0x1G",
    "SELECT CAST('x' AS JSON)", "SELECT (SELECT id FROM items)", "SELECT ST_GeomFromText('nonsense')", "SELECT POW(10, 400)",
    "SELECT 9223372036854775807 + 1", "SELECT JSON_EXTRACT('x', '$')", "SELECT REGEXP_LIKE('a', '[')", "SELECT EXTRACTVALUE('<a>', '/')",
    "SELECT /*+ NO_SUCH_HINT() */ 1", "SELECT /*+ SET_VAR(sql_mode='') */ @@sql_mode", "SELECT /*+ BKA(", "/* a */ /* b */ SELECT 6",
    "/*+ not here */ SELECT 1", "SELECT /* ; */ 1", "SELECT ';'", "DELIMITER //", "SELECT @@", "SELECT @", "SET", "SET @a", "SET x y",
    "SELECT 1 INTO OUTFILE '/nowhere/at/all'", "LOAD DATA INFILE '/nowhere' INTO TABLE items", "SELECT LOAD_FILE('/etc/passwd')",
    "CREATE TABLE items (id INT)", "DROP TABLE missing", "DROP TABLE IF EXISTS missing", "CREATE DATABASE IF NOT EXISTS differential",
    "GRANT ALL ON *.* TO nobody", "CREATE USER app2", "FLUSH TABLES", "RESET BINARY LOGS AND GTIDS", "SHUTDOWN", "SET GLOBAL wait_timeout = 5",
    "SET PERSIST sort_buffer_size = 65536", "SET PASSWORD = 'x' REPLACE 'y'", "SET ROLE NONE", "SET ROLE nobody", "SHOW REPLICA STATUS",
    "ALTER INSTANCE ROTATE INNODB MASTER KEY", "INSTALL PLUGIN x SONAME 'y.so'", "BINLOG 'x'", "CHANGE REPLICATION SOURCE TO SOURCE_HOST='x'",
    "LOCK INSTANCE FOR BACKUP", "UNLOCK INSTANCE", "SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'mild'", "RESIGNAL",
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'by hand', MYSQL_ERRNO = 4711", "SELECT REPEAT('x', 70000)", "SELECT SPACE(300000)",
    "SELECT 'a\0b'", "SELECT 1\0", "SELECT /*!80000 1 */ /*!99999 , 2 */", "/*!80000 SET @a = 5 */", "/*!80000 INSERT INTO logs () VALUES () */",
)

ONLY_ON_PRIMARY = re.compile(
    r"FOR\s+SHARE|IN\s+SHARE\s+MODE|\w_LOCKS?\s*\(|HANDLER|LOCK\s+INSTANCE|dorsal:\s*primary"
    r"|^\W*(c\W+)?(ALTER\s+INSTANCE|BINLOG|CHANGE|INSTALL|LOAD|RESET|SHUTDOWN)\b|\bSET\b.*\b(GLOBAL|PERSIST|PASSWORD|ROLE)\b"
    r"|\bSET\b.*\b(insert_id|last_insert_id|identity|timestamp|rand_seed1|sql_auto_is_null|completion_type|gtid_next"
    r"|sql_log_bin|collation_database|character\s+set)\b", re.IGNORECASE | re.DOTALL,
)

UNKNOWN_COMMANDS = (0, 5, 6, 7, 8, 10, 11, 15, 16, 19, 20, 29, 30, 40, 100, 255)


# What parameters are bound to; those in a line are of one type.
TEXT_VALUES = ("text", "", "n0", "ß日", b"bytes\0", "2", "+02:00", None)
VALUES = (
    (1, 2, 3, 0, -1, 1 << 40, None), (1, 2, 3, 4), TEXT_VALUES, TEXT_VALUES, TEXT_VALUES, (1.5, -0.25, None),
    (wire.Typed(wire.TYPE_TINY, b"\x05"), wire.Typed(wire.TYPE_TINY, b"\xff")), (wire.Typed(wire.TYPE_SHORT, b"\x01\x80"),),
    (wire.Typed(wire.TYPE_TINY, b"\xff", True),), (wire.Typed(wire.TYPE_LONG, b"\x02\0\0\0"), None),
    (wire.Typed(wire.TYPE_LONGLONG, b"\xff" * 8, True),), (wire.Typed(wire.TYPE_FLOAT, struct.pack("<f", 2.5)),),
    (wire.Typed(wire.TYPE_NEWDECIMAL, b"\x0512.34"),), (wire.Typed(wire.TYPE_DATE, b"\x04\xe8\x07\x02\x1d"), None),
    (wire.Typed(wire.TYPE_DATETIME, b"\0"), wire.Typed(wire.TYPE_DATETIME, b"\x0b\xe8\x07\x02\x1d\x0a\x0b\x0c\x01\0\0\0")),
    (wire.Typed(wire.TYPE_TIME, b"\x08\x01\x01\0\0\0\x02\x03\x04"),), (wire.Typed(wire.TYPE_STRING, b"\x03abc"),),
)
ANY_VALUE = tuple(value for values in VALUES for value in values)


class Client:
    """What the generator believes about one client."""

    def __init__(self, number):
        self.number = number
        self.forget()
        self.capabilities, self.charset = wire.MODERN, 255

    def forget(self):
        """A new session."""
        self.in_transaction = self.reads_only = self.without_autocommit = self.has_locks = False
        self.next_reads_only = self.always_reads_only = self.may_have_read_on_a_replica = False
        self.has_named_access = False
        self.statements = {}  # name: (text, for each parameter the values to choose from)
        self.sql_statements = set()

    def may_hold_something(self):
        return self.in_transaction or self.without_autocommit or self.has_locks

    def may_read_on_a_replica_in_a_transaction(self):
        return (self.in_transaction or self.without_autocommit) and (self.reads_only or self.always_reads_only)

    def begin(self, reads_only=False):
        self.in_transaction = True
        self.has_named_access = self.has_named_access or self.next_reads_only
        self.reads_only = self.reads_only or reads_only or self.next_reads_only or self.always_reads_only

    def end_transaction(self):
        self.in_transaction = self.reads_only = self.next_reads_only = self.may_have_read_on_a_replica = False


class Generator:
    """`known`: the differences to keep clear of, a known_differences.Active. The same arguments give the same steps."""

    def __init__(self, seed, known):
        self.rng = random.Random(seed)
        self.grammar = Grammar(self.rng)
        self.known = known
        self.clients = [Client(i) for i in range(self.rng.choice((2, 2, 3, 3, 4)))]
        self.steps = []
        self.last_file = 0

    def may(self, feature):
        """Whether something may be done although it is a known difference under that name."""
        return feature not in self.known.names

    def chance(self, probability):
        return self.rng.random() < probability

    def pick(self, *choices):
        return self.rng.choice(choices)

    def generate(self, count):
        for client in self.clients:
            self.connect(client)
        client = self.clients[0]
        while len(self.steps) < count:
            # Clients stay at it for a few steps, so that what belongs together comes together.
            if self.chance(0.45):
                client = self.rng.choice(self.clients)
            self.one(client)
        for client in self.clients:
            self.look(client)
        return self.steps

    def one(self, client):
        names, weights = zip(*WEIGHTS)
        getattr(self, self.rng.choices(names, weights)[0])(client)
        if self.chance(0.25):
            self.diagnose(client)
        if client.in_transaction and self.chance(0.15):
            self.finish_transaction(client)

    # ---- Making steps ----

    def add(self, client, kind, **what):
        """True unless it is a known difference."""
        if self.known.avoid(what.get("sql", "")) or self.is_refused(client, what) or self.is_told_of_the_past(client, what):
            return False
        if client.may_read_on_a_replica_in_a_transaction():
            client.may_have_read_on_a_replica = True
        self.steps.append(Step(client.number, kind, **what))
        return True

    def is_refused(self, client, what):
        """Whether it may be what only the primary can do, in a transaction that has read on a replica."""
        sql, _ = client.statements.get(what.get("name"), ("", ()))
        return client.may_have_read_on_a_replica and bool(ONLY_ON_PRIMARY.search(what.get("sql", sql)))

    def is_told_of_the_past(self, client, what):
        is_tracking = "session_track_transaction_info" in what.get("sql", "").lower()
        return is_tracking and client.has_named_access and not self.may("transactions before they are tracked")

    def query(self, client, sql, ordered=True, **what):
        if not ordered:
            what["ordered"] = False
        if client.capabilities & wire.QUERY_ATTRIBUTES and self.chance(0.03):
            what["attributes"] = {"trace": "on", "n": 5}
        self.add(client, "query", sql=self.dress(sql), **what)

    def dress(self, sql):
        """Sometimes with comments, other white space, or a semicolon."""
        if not self.chance(0.08) or "\n" in sql or not sql:
            return sql
        first, _, rest = sql.partition(" ")
        form = self.pick("/* c */ {} {}", "{} /* c */ {}", "-- c\n{} {}", "# c\n{}\n{}", "{}\t{}", "{}\r\n {}", "{} {};",
                         "{} {} -- c", "{}/**/{}", "/*!80000 {} */ {}", " {} {} ", "{} {} ;", "{} /*!50000 {} */")
        return form.format(first, rest)

    def others(self, client):
        return [one for one in self.clients if one is not client]

    def writes_that_block_nobody(self, client):
        return any(one.may_hold_something() for one in self.others(client)) and not self.chance(0.02)

    def may_lock_tables(self, client):
        """Whether a lock on a whole table neither fails by nature nor, mostly, costs a second of waiting."""
        others = self.others(client)
        if any(one.may_read_on_a_replica_in_a_transaction() or one.has_locks for one in others):
            return False
        return self.chance(0.03) or not any(one.may_hold_something() for one in others)

    def ids(self, client):
        """Rows that this client may write without meeting others."""
        own = [client.number + 1, client.number + 5, client.number + 9]
        return own if self.writes_that_block_nobody(client) else list(range(1, 13))

    def names(self, client):
        return [f"'{name}{client.number}'" for name in ("n", "m", "o", "p")]

    # ---- Connections ----

    def connect(self, client):
        name, capabilities = self.rng.choice(CAPABILITIES)
        if not self.may(name):
            capabilities = wire.MODERN
        what = {"capabilities": capabilities, "charset": self.rng.choice(COLLATIONS_AT_LOG_IN)}
        database = self.pick(MAIN, MAIN, MAIN, MAIN, OTHER, None)
        if database:
            what["database"] = database
        if self.chance(0.1):
            what["tls"] = True
        if self.chance(0.1):
            what["attributes"] = {"program_name": "differential", "_os": "any"}
        client.forget()
        client.capabilities, client.charset = capabilities, what["charset"]
        self.add(client, "connect", **what)
        if capabilities & wire.OPTIONAL_METADATA and self.chance(0.6):
            self.add(client, "query", sql="SET resultset_metadata = NONE")
        if database is None and self.chance(0.7):
            self.add(client, "use", schema=MAIN)

    def reconnect(self, client):
        if self.chance(0.7):
            self.add(client, self.pick("quit", "vanish"))
        self.connect(client)

    def reset_connection(self, client):
        if client.charset != 255 and not self.may("character set after a reset"):
            return
        self.add(client, "reset connection")
        client.forget()
        if self.chance(0.5):
            self.look(client)

    def change_user(self, client):
        what = {"database": self.pick(MAIN, MAIN, OTHER, "", "missing"), "charset": self.rng.choice(COLLATIONS_AT_LOG_IN)}
        if self.chance(0.05):
            what["wrong"] = True
        self.add(client, "change user", **what)
        client.forget()
        client.charset = what["charset"]
        if what.get("wrong") or what["database"] == "missing":
            self.connect(client)

    def look(self, client):
        """At what the session has become."""
        if self.chance(0.5):
            self.query(client, "SHOW WARNINGS")
        self.query(client, USER_VARIABLES_OF_SESSION)
        self.query(client, "SELECT DATABASE(), USER(), CURRENT_USER(), @@warning_count, LAST_INSERT_ID()")
        self.query(client, "SHOW VARIABLES", ordered=False)

    # ---- Statements ----

    def read(self, client):
        sql, ordered = self.grammar.read()
        self.query(client, sql, ordered)

    def locking_read(self, client):
        self.query(client, self.grammar.locking_read(self.ids(client)))

    def write(self, client):
        sql = self.grammar.write(self.ids(client), self.names(client), self.writes_that_block_nobody(client))
        self.query(client, sql)
        if self.chance(0.3):
            self.query(client, self.pick("SELECT LAST_INSERT_ID()", "SELECT ROW_COUNT()", "SHOW WARNINGS",
                                         "SELECT * FROM items ORDER BY id", "SELECT * FROM logs ORDER BY id"))

    def diagnose(self, client):
        """Asks about the statement before, at once or after somebody else's."""
        if self.chance(0.25):
            self.read(self.rng.choice(self.clients))
        for _ in range(self.pick(1, 1, 2)):
            sql = self.rng.choice(DIAGNOSTICS)
            self.query(client, sql, ordered="FROM" not in sql or "ORDER" in sql)

    def odd_text(self, client):
        sql = self.rng.choice(ODD_TEXTS)
        needs_locks = sql.startswith(("DROP TABLE", "LOCK", "FLUSH"))
        if not needs_locks or self.may_lock_tables(client):
            self.add(client, "query", sql=sql)

    def user_variables(self, client):
        self.query(client, self.rng.choice(USER_VARIABLES))

    def settings(self, client):
        draw = self.rng.random()
        if draw < 0.2:
            sql = set_names(self.rng)
        elif draw < 0.45:
            sql = set_variables(self.rng, MEANING_OF_TEXT)
        elif draw < 0.6:
            sql = set_variables(self.rng, TRACKERS)
        else:
            sql = set_variables(self.rng, list(VARIABLES))
        self.query(client, sql)
        if "transaction_read_only" in sql.lower():
            client.always_reads_only = True
        if "completion_type" in sql.lower():
            client.without_autocommit = True  # every transaction may be followed by one
        if self.chance(0.4):
            name = self.rng.choice(list(VARIABLES))
            self.query(client, self.pick(
                f"SELECT @@{name}", f"SHOW VARIABLES LIKE '{name}'", "SELECT 1 / 3, DATE_FORMAT('2024-03-01', '%M')",
                "SELECT GROUP_CONCAT(name ORDER BY id) FROM items", "SELECT 'a' || 'b', \"id\", LENGTH('\\\\')",
                "SELECT * FROM texts ORDER BY id", "SELECT FROM_UNIXTIME(0), NOW()",
            ))

    def several_statements(self, client):
        texts, ordered = [], True
        for _ in range(self.pick(2, 2, 3)):
            kind = self.rng.random()
            if kind < 0.5:
                sql, is_ordered = self.grammar.read()
            elif kind < 0.7:
                sql, is_ordered = self.grammar.write(self.ids(client), self.names(client), True), True
            else:
                sql = self.pick("SET @a = 8", "SHOW WARNINGS", "SELECT @a", "SELECT LAST_INSERT_ID()", "CALL two_results()",
                                "SELECT ROW_COUNT()", "COMMIT", "SELEC", "SET sql_mode = ''", "USE differential_2", "",
                                "SELECT 1", "SET time_zone = '+01:00'", "USE differential", "SELECT id FROM missing")
                is_ordered = True
            texts.append(sql)
            ordered = ordered and is_ordered
        client.in_transaction = client.in_transaction and "COMMIT" not in texts
        self.query(client, self.pick("; ", ";", " ;\n").join(texts), ordered)

    # ---- Transactions ----

    def transaction(self, client):
        if client.in_transaction and self.chance(0.6):
            self.finish_transaction(client)
            return
        draw = self.rng.random()
        if draw < 0.5:
            self.begin(client)
        elif draw < 0.65:
            self.savepoint(client)
        elif draw < 0.8:
            self.set_transaction(client)
        elif draw < 0.95:
            value = self.pick("0", "1", "1", "OFF", "ON", "DEFAULT")
            self.query(client, f"SET {self.pick('', 'SESSION ', '@@')}autocommit = {value}")
            client.without_autocommit = value in ("0", "OFF")
            client.in_transaction = client.in_transaction and client.without_autocommit
        else:
            self.xa(client)

    def begin(self, client):
        sql = self.pick(
            "BEGIN", "BEGIN", "BEGIN WORK", "START TRANSACTION", "START TRANSACTION", "START TRANSACTION READ WRITE",
            "START TRANSACTION READ ONLY", "START TRANSACTION READ ONLY", "START TRANSACTION WITH CONSISTENT SNAPSHOT",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", "START TRANSACTION READ WRITE, READ ONLY",
        )
        client.end_transaction()
        self.query(client, sql)
        client.begin("READ ONLY" in sql)
        client.has_named_access = client.has_named_access or " READ " in sql
        client.may_have_read_on_a_replica = "SNAPSHOT" in sql and client.reads_only
        client.has_locks = False
        for _ in range(self.pick(0, 1, 2, 3)):
            self.pick(self.read, self.write, self.write, self.locking_read)(client)

    def finish_transaction(self, client):
        sql = self.pick(
            "COMMIT", "COMMIT", "COMMIT", "ROLLBACK", "ROLLBACK", "COMMIT WORK", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN",
            "COMMIT AND NO CHAIN NO RELEASE", "ROLLBACK AND NO CHAIN",
        )
        self.query(client, sql)
        if "AND CHAIN" not in sql:
            client.end_transaction()

    def savepoint(self, client):
        self.query(client, self.pick(
            "SAVEPOINT s", "SAVEPOINT `two`", "ROLLBACK TO s", "ROLLBACK TO SAVEPOINT `two`", "RELEASE SAVEPOINT s",
            "ROLLBACK WORK TO missing",
        ))

    def set_transaction(self, client):
        mode = self.rng.choice(MODES_OF_TRANSACTIONS)
        scope = self.pick("", "", "SESSION ", "LOCAL ")
        if self.chance(0.15):
            self.query(client, "SET @@transaction_isolation = 'READ-COMMITTED'")
            return
        self.query(client, f"SET {scope}TRANSACTION {mode}")
        client.has_named_access = client.has_named_access or mode.endswith(("READ ONLY", "READ WRITE"))
        if "READ ONLY" in mode:
            client.next_reads_only = True
            client.always_reads_only = client.always_reads_only or bool(scope)
        if self.chance(0.6):
            self.begin(client)

    def xa(self, client):
        name = f"'x{client.number}'"
        self.query(client, f"XA {self.pick('START', 'BEGIN')} {name}")
        client.begin()
        for _ in range(self.pick(0, 1, 2)):
            self.pick(self.read, self.write)(client)
        self.query(client, f"XA END {name}")
        if self.chance(0.5):
            self.query(client, f"XA PREPARE {name}")
            if self.chance(0.3):
                self.read(client)
            self.query(client, f"XA {self.pick('COMMIT', 'ROLLBACK')} {name}")
        else:
            self.query(client, f"XA {self.pick('COMMIT {} ONE PHASE', 'ROLLBACK {}').format(name)}")
        client.end_transaction()

    # ---- What stays with a session ----

    def temporary_table(self, client):
        name = self.pick("temporary_one", "temporary_one", "temporary_two", "items")
        if name == "items" and not self.chance(0.4):
            name = "temporary_one"
        self.query(client, self.pick(
            f"CREATE TEMPORARY TABLE {name} (id INT PRIMARY KEY, t VARCHAR(30))",
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} (id INT AUTO_INCREMENT PRIMARY KEY, t VARCHAR(30))",
            f"CREATE TEMPORARY TABLE {name} AS SELECT id, name AS t FROM parents", f"DROP TEMPORARY TABLE {name}",
            f"CREATE TEMPORARY TABLE {name} LIKE parents", f"DROP TEMPORARY TABLE IF EXISTS {name}",
            "INSERT INTO temporary_one (id, t) VALUES (1, 'one'), (2, 'two')", "ALTER TABLE temporary_one ADD COLUMN u INT",
            "INSERT INTO temporary_one (id) VALUES (3)", "TRUNCATE temporary_one", "UPDATE temporary_one SET t = 'new'",
        ))
        for _ in range(self.pick(0, 1, 2)):
            self.query(client, self.pick(
                "SELECT * FROM temporary_one ORDER BY id", "SELECT COUNT(*) FROM temporary_one", "SELECT * FROM items ORDER BY id",
                "SELECT t.id, p.name FROM temporary_one t JOIN parents p ON p.id = t.id ORDER BY t.id", "SHOW TABLES",
                "SHOW CREATE TABLE temporary_one", "DESCRIBE temporary_one",
                "INSERT INTO logs (what) SELECT t FROM temporary_one ORDER BY id",
            ))

    def user_lock(self, client):
        lock = self.rng.choice(LOCKS)
        self.query(client, self.pick(
            f"SELECT GET_LOCK('{lock}', 0)", f"SELECT GET_LOCK('{lock}', 0)", f"SELECT RELEASE_LOCK('{lock}')",
            "SELECT RELEASE_ALL_LOCKS()", f"SELECT IS_FREE_LOCK('{lock}')", f"SELECT IS_USED_LOCK('{lock}') IS NULL AS `free`",
            f"DO GET_LOCK('{lock}', 0)", f"DO RELEASE_LOCK('{lock}')", f"SELECT GET_LOCK('{lock}', 0) INTO @a",
            "SELECT GET_LOCK(NULL, 0)", "SELECT GET_LOCK('', 0)", f"SELECT id, GET_LOCK('{lock}', 0) FROM parents ORDER BY id",
            "DO RELEASE_ALL_LOCKS()",
        ))

    def lock_tables(self, client):
        if not self.may_lock_tables(client):
            return
        sql = self.pick(
            "LOCK TABLES items READ", "LOCK TABLES items WRITE, logs WRITE", "LOCK TABLES parents AS p READ, children WRITE",
            "LOCK TABLES missing READ", "LOCK TABLE items READ LOCAL",
        )
        self.query(client, sql)
        client.end_transaction()
        client.has_locks = True
        for _ in range(self.pick(1, 2)):
            self.pick(self.read, self.write)(client)
        if self.chance(0.85) or "WRITE" in sql:
            self.query(client, self.pick("UNLOCK TABLES", "UNLOCK TABLES", "UNLOCK TABLE"))
            client.has_locks = False

    def handler(self, client):
        if self.chance(0.4):
            self.query(client, self.pick("HANDLER parents OPEN", "HANDLER parents OPEN AS h", "HANDLER missing OPEN"))
        for _ in range(self.pick(1, 2)):
            self.query(client, self.pick(
                "HANDLER parents READ FIRST", "HANDLER parents READ NEXT", "HANDLER h READ NEXT LIMIT 2",
                "HANDLER parents READ `PRIMARY` = (2)", "HANDLER h READ `PRIMARY` PREV", "HANDLER parents CLOSE", "HANDLER h CLOSE",
                "SELECT * FROM parents ORDER BY id",
            ))
        self.query(client, self.pick("HANDLER parents CLOSE", "HANDLER h CLOSE"))

    def call(self, client):
        sql = self.pick(
            "CALL two_results()", "CALL no_result(5)", "CALL parameters(2, @b, @a)", "CALL parameters(@a, @b, @c)",
            "CALL fails_late(3)", "CALL handles()", "CALL begins(1)", "CALL commits(2)", "CALL sets_session()",
            "CALL makes_temporary()", "CALL prepares('SELECT 5')", "CALL prepares('SELEC')", "CALL loops(3)", "CALL loops(0)",
            "CALL warns_and_selects()", "CALL cursors()", "CALL two_results(1)", "CALL differential.two_results", "CALL missing()",
            "SELECT plus_one(id) FROM parents ORDER BY id", "SELECT writes(4)", "SELECT * FROM writing ORDER BY id",
            "SELECT warns()", "DO writes(2)", "SELECT counts()", "SET @a = writes(1)", "SELECT sets_variable(6), @by_function",
        )
        self.query(client, sql)
        if sql.startswith("CALL begins"):
            client.begin()
        if sql.startswith("CALL commits"):
            client.end_transaction()

    def sql_prepare(self, client):
        name = self.pick("p", "q", "`odd name`")
        if name not in client.sql_statements or self.chance(0.2):
            self.query(client, f"PREPARE {name} FROM {self.rng.choice(TEXTS_FOR_SQL_PREPARE)}")
            client.sql_statements.add(name)
        for _ in range(self.pick(0, 1, 2)):
            self.query(client, f"EXECUTE {name}{self.pick('', ' USING @a', ' USING @a', ' USING @a, @b')}")
        if self.chance(0.3):
            self.query(client, f"{self.pick('DEALLOCATE', 'DROP')} PREPARE {name}")
            client.sql_statements.discard(name)

    def schema(self, client):
        draw = self.rng.random()
        if draw < 0.35:
            self.add(client, "use", schema=self.pick(MAIN, MAIN, OTHER, "missing", "", "information_schema"))
        elif draw < 0.8 or not self.may_lock_tables(client):
            self.query(client, self.pick(f"USE {MAIN}", f"USE {OTHER}", "USE missing", f"USE `{MAIN}`", f"use {MAIN};",
                                         "USE mysql", f"/* c */ USE {MAIN}"))
        else:
            self.query(client, f"DROP DATABASE {OTHER}")
            client.end_transaction()
            self.query(client, self.pick("SELECT DATABASE()", "SHOW TABLES", "SELECT * FROM items ORDER BY id"))
            self.query(client, f"CREATE DATABASE {OTHER}{self.pick('', ' CHARACTER SET latin1')}")
            self.query(client, f"CREATE TABLE {OTHER}.items (id INT PRIMARY KEY, name VARCHAR(20)) {TABLE_OPTIONS}")
        if self.chance(0.5):
            self.query(client, self.pick("SELECT DATABASE()", "SHOW TABLES", "SELECT * FROM items ORDER BY id",
                                         "SELECT @@character_set_database, DATABASE()"))

    def ddl(self, client):
        if not self.may_lock_tables(client):
            return
        self.query(client, self.pick(
            "ALTER TABLE items ADD COLUMN extra INT DEFAULT 4", "ALTER TABLE items DROP COLUMN extra", "TRUNCATE TABLE logs",
            "ALTER TABLE items MODIFY quantity BIGINT", "ALTER TABLE items MODIFY quantity INT", "ALTER TABLE logs ADD INDEX (amount)",
            f"CREATE TABLE made_{self.pick(0, 1)} (id INT PRIMARY KEY, t TEXT) {TABLE_OPTIONS}",
            f"CREATE TABLE IF NOT EXISTS made_0 (id INT PRIMARY KEY, t TEXT) {TABLE_OPTIONS}", "DROP TABLE made_1",
            f"CREATE TABLE made_1 {TABLE_OPTIONS} AS SELECT id, name FROM parents", "DROP TABLE IF EXISTS made_0, made_1",
            "RENAME TABLE made_0 TO made_1", "CREATE OR REPLACE VIEW cheap AS SELECT id, name, price FROM items WHERE price < 5",
            "CREATE VIEW made_view AS SELECT * FROM parents", "DROP VIEW IF EXISTS made_view", "ALTER TABLE texts RENAME COLUMN plain TO simple",
            "ALTER TABLE texts RENAME COLUMN simple TO plain", "DROP FUNCTION IF EXISTS made_function", "CREATE INDEX by_n ON children (n)",
            "CREATE FUNCTION made_function() RETURNS INT DETERMINISTIC RETURN 3", "DROP TRIGGER IF EXISTS items_update",
            "CREATE TABLE bad (id INT, id INT)", "ALTER TABLE missing ADD x INT", "DROP TABLE parents", "ALTER TABLE items COMMENT 'changed'",
        ))
        client.end_transaction()
        client.in_transaction = client.without_autocommit
        if self.chance(0.4):
            self.query(client, self.pick("SELECT * FROM items ORDER BY id", "SHOW WARNINGS", "SHOW CREATE TABLE items", "SHOW TABLES",
                                         "SELECT * FROM made_1 ORDER BY id", "SELECT made_function()"))

    def load_data(self, client):
        self.last_file += 1
        rows = self.pick((b"901\tloaded\t1\n902\tloaded too\tx\n",), (b"1,a\n",), (), (b"903\tin two", b" pieces\t2\n"))
        sql = self.pick(
            f"LOAD DATA LOCAL INFILE 'file_{self.last_file}' INTO TABLE {OTHER}.items",
            f"LOAD DATA LOCAL INFILE 'file' IGNORE INTO TABLE {OTHER}.items (id, name, @a) SET elsewhere = 1",
            "LOAD DATA LOCAL INFILE 'file' INTO TABLE missing",
        )
        self.query(client, sql, file=rows)

    # ---- Prepared statements of the protocol ----

    def prepared(self, client):
        name = self.pick("s", "t", "u")
        if name not in client.statements or self.chance(0.3):
            sql, parameters = self.rng.choice(PREPARED)
            if sql.startswith("CALL parameters") and not client.capabilities & wire.DEPRECATE_EOF:
                if not self.may("out parameters without DEPRECATE_EOF"):
                    return
            if self.chance(0.15):
                sql, _ = self.grammar.read()
                parameters = 0
            if not self.add(client, "prepare", name=name, sql=sql, ordered=False):
                return
            client.statements[name] = (sql, [self.values_of_parameter() for _ in range(parameters)])
            if sql in ("BEGIN", "COMMIT"):
                client.in_transaction = True
        for _ in range(self.pick(1, 1, 2, 3)):
            self.use_prepared(client, name)

    def use_prepared(self, client, name):
        sql, parameters = client.statements.get(name, ("", [ANY_VALUE]))
        draw = self.rng.random()
        if draw < 0.68:
            self.execute(client, name, parameters, sql)
        elif draw < 0.76 and self.may_open_cursor(client):
            self.add(client, "execute", name=name, values=self.values(parameters, sql), cursor=1, ordered=False)
            for _ in range(self.pick(1, 2, 3)):
                self.add(client, "fetch", name=name, count=self.pick(1, 2, 100, 0))
        elif draw < 0.84 and parameters:
            of_text = [i for i, values in enumerate(parameters) if values in (TEXT_VALUES, ANY_VALUE)]
            if not of_text:
                return
            parameter = len(parameters) if self.chance(0.05) else self.rng.choice(of_text)
            for _ in range(self.pick(1, 2)):
                self.add(client, "long data", name=name, parameter=parameter, data=self.pick(b"long", b"", b"x" * 5000))
            values = self.values(parameters, sql)
            if parameter < len(parameters):
                values[parameter] = wire.LongData(is_text=True)
            self.add(client, "execute", name=name, values=values, ordered=False)
        elif draw < 0.89:
            self.add(client, "reset statement", name=name)
        elif draw < 0.94:
            self.add(client, "close statement", name=name)
            client.statements.pop(name, None)
        elif draw < 0.97:
            # What is left of the statement before would stand in front of the proxy's own error.
            self.query(client, "DO 0")
            self.add(client, "execute", name="never prepared", values=[])
        else:
            self.query(client, "DO 0")
            self.add(client, "fetch", name=name, count=1)

    def may_open_cursor(self, client):
        reads_on_a_replica = client.may_have_read_on_a_replica or client.may_read_on_a_replica_in_a_transaction()
        return not reads_on_a_replica or self.may("cursors of read-only transactions")

    def execute(self, client, name, parameters, sql):
        what = {"values": self.values(parameters, sql)}
        if client.capabilities & wire.QUERY_ATTRIBUTES and self.chance(0.05):
            what["attributes"] = {"trace": "on"}
        self.add(client, "execute", name=name, ordered=False, **what)
        # Once more with the types that were told.
        if self.chance(0.15) and "attributes" not in what and name in client.statements:
            self.add(client, "execute", name=name, ordered=False, with_types=False, **what)

    def values_of_parameter(self):
        return ANY_VALUE if self.may("types of earlier executions") else self.rng.choice(VALUES)

    def values(self, parameters, sql=""):
        """A server shows in columns the type that a parameter was first executed with, also where it is NULL."""
        shows_types = not re.match(r"INSERT|UPDATE|REPLACE|DELETE|DO|SET", sql) and not self.may("types of earlier executions")
        drawn = [(self.rng.choice(values), values) for values in parameters]
        return [self.of_one_type(one, values) if shows_types else one for one, values in drawn]

    @staticmethod
    def of_one_type(value, values):
        if values is TEXT_VALUES:
            return value.decode() if isinstance(value, bytes) else value
        return values[0] if value is None else value

    # ---- Other commands ----

    def command(self, client):
        draw = self.rng.random()
        if draw < 0.3:
            self.add(client, "ping")
        elif draw < 0.45:
            self.add(client, "statistics")
        elif draw < 0.6:
            self.add(client, "field list", table=self.pick("items", "kinds", "missing", "temporary_one", ""), pattern=self.pick("", "%n%"))
        elif draw < 0.7:
            self.query(client, "DO 0")
            self.add(client, "set option", option=self.pick(0, 1, 0, 7))
        elif draw < 0.75:
            self.add(client, "debug")
        elif draw < 0.9:
            self.query(client, "DO 0")
            number = self.rng.choice(UNKNOWN_COMMANDS)
            self.add(client, "command", number=number, shape="RESULTS")
        else:
            self.kill_self(client)

    def kill_self(self, client):
        if self.chance(0.6):
            self.query(client, self.pick(f"KILL QUERY {ME}", "KILL QUERY CONNECTION_ID()", "KILL 0", "KILL", "KILL QUERY 'x'"))
        elif self.chance(0.5):
            self.query(client, self.pick(f"KILL {ME}", f"KILL CONNECTION {ME}"))
            self.connect(client)
        else:
            victim = self.rng.choice(self.others(client))
            self.query(client, f"KILL QUERY {other(victim.number)}")

    def together(self, client):
        """Several commands in one segment."""
        kept, self.steps = self.steps, []
        for _ in range(self.pick(2, 3, 4)):
            self.pick(self.read, self.write, self.prepared, self.diagnose, self.user_variables, self.settings, self.read)(client)
        drawn, self.steps = self.steps, kept
        steps = [step for step in drawn if step.client == client.number][:8]
        if len(steps) > 1:
            self.add(client, "together", steps=steps)
        else:
            self.steps += steps


WEIGHTS = (
    ("read", 24), ("write", 14), ("locking_read", 3), ("transaction", 9), ("settings", 10), ("user_variables", 7),
    ("diagnose", 3), ("several_statements", 4), ("odd_text", 6), ("temporary_table", 3), ("user_lock", 3),
    ("lock_tables", 1), ("handler", 1.5), ("call", 6), ("sql_prepare", 3), ("schema", 3), ("ddl", 2.5), ("load_data", 0.7),
    ("prepared", 10), ("command", 4), ("together", 3), ("reset_connection", 0.8), ("change_user", 0.8), ("reconnect", 0.8),
    ("look", 0.5),
)
