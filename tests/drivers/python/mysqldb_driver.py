"""mysqlclient, that is MySQLdb, on top of MariaDB's C connector: text protocol, with the C functions laid open."""

import re

import MySQLdb
import MySQLdb.cursors
from MySQLdb.constants import CLIENT

import dbapi
import observe
from dbapi import connection, run, tell, tell_all, value
from observe import SCHEMA, attempt, chapter, claim, say, show

TLS = {"ca": observe.CA}


class Driver:
    module = MySQLdb
    streaming_cursor = MySQLdb.cursors.SSCursor
    dictionary_cursor = MySQLdb.cursors.DictCursor
    several_statements = {"client_flag": CLIENT.MULTI_STATEMENTS}

    @staticmethod
    def open(**options):
        """The C connector sends a password that no cache knows over TLS alone; `connecting` shows it without."""
        autocommit = options.pop("autocommit", True)
        options = {
            "host": observe.HOST, "port": observe.PORT, "user": observe.USER, "passwd": observe.PASSWORD, "db": SCHEMA,
            "charset": "utf8mb4", "connect_timeout": 30, "read_timeout": 120, "ssl": TLS, **options,
        }
        if options.pop("local_infile", False):
            options["local_infile"] = 1
        opened = MySQLdb.connect(**{key: value for key, value in options.items() if value is not None})
        if autocommit is not None:
            opened.autocommit(autocommit)
        return opened

    @staticmethod
    def result_of(cursor):
        opened = cursor.connection
        flags = f" flags {cursor.description_flags}" if cursor.description else ""
        return f"info {show(opened.info())} warnings {opened.warning_count()} fields {opened.field_count()}{flags}"


dbapi.driver = Driver


@chapter("connecting")
def connecting():
    for user in (observe.USER, observe.OTHER_USER):
        for again in range(2):
            with connection(user=user) as opened:
                tell(opened, "SELECT DATABASE(), CURRENT_USER(), @@autocommit")
                say("server", opened.get_server_info(), opened.get_proto_info(), opened.character_set_name(), opened.get_character_set_info())
                claim("the server's version is @@version", value(opened, "SELECT @@version") == opened.get_server_info())
    with connection(ssl=None) as opened:
        tell(opened, "SELECT 'without TLS', CURRENT_USER()")
    with connection(db=None) as opened:
        tell_all(opened, "SELECT DATABASE()", "SELECT * FROM numbers LIMIT 1", f"SELECT COUNT(*) FROM {SCHEMA}.numbers")
        opened.select_db(SCHEMA)
        tell_all(opened, "SELECT DATABASE()", "SELECT COUNT(*) FROM numbers")
        attempt("an unknown schema", lambda: opened.select_db(f"{SCHEMA}_none"))
        attempt("a schema without rights", lambda: opened.select_db("mysql"))
        tell(opened, "SELECT DATABASE()")
    with connection(init_command="SET SESSION group_concat_max_len = 1234", sql_mode="ANSI_QUOTES") as opened:
        tell(opened, 'SELECT @@group_concat_max_len, @@sql_mode, "n" FROM numbers LIMIT 1')
    for autocommit in (None, False):
        with connection(autocommit=autocommit) as opened:
            tell(opened, "SELECT @@autocommit")
            say("as the driver has it", opened.get_autocommit())
    with connection(client_flag=CLIENT.FOUND_ROWS) as opened:
        tell(opened, "UPDATE accounts SET owner = owner WHERE id <= 3")
    with connection(client_flag=CLIENT.IGNORE_SPACE) as opened:
        tell_all(opened, "SELECT COUNT (*) FROM numbers", "SELECT @@sql_mode")
    with connection(client_flag=CLIENT.INTERACTIVE) as opened:
        tell(opened, "SELECT @@wait_timeout = @@interactive_timeout")
    attempt("a wrong password", lambda: Driver.open(passwd="wrong"))
    attempt("a wrong password without TLS", lambda: Driver.open(passwd="wrong", ssl=None))
    attempt("no password", lambda: Driver.open(passwd=""))
    attempt("an unknown user", lambda: Driver.open(user="nobody_at_all"))
    attempt("an unknown schema", lambda: Driver.open(db=f"{SCHEMA}_none"))
    attempt("a schema without rights", lambda: Driver.open(db="mysql"))
    claim("the right password still opens", value(Driver.open(), "SELECT 1") == 1)


@chapter("commands of the protocol")
def commands():
    with connection() as opened:
        attempt("ping", opened.ping)
        claim("stat speaks of threads and questions", re.match(r"Uptime: \d+  Threads: \d+  Questions: \d+ .*Queries per second", opened.stat()) is not None)
        attempt("dump_debug_info", opened.dump_debug_info)
        tell_all(opened, "BEGIN", "INSERT INTO written (what) VALUES ('before change_user')", "CREATE TEMPORARY TABLE mine (i INT)",
                 "SET @v = 1, SESSION group_concat_max_len = 99, time_zone = '+03:00'")
        opened.change_user(observe.OTHER_USER, observe.PASSWORD, SCHEMA)
        tell_all(opened, "SELECT CURRENT_USER(), DATABASE(), @v, @@group_concat_max_len, @@time_zone, @@autocommit", "SELECT COUNT(*) FROM written WHERE what LIKE 'before%'",
                 "SELECT * FROM mine")
        say("character set after it", opened.character_set_name(), value(opened, "SELECT @@character_set_client"), value(opened, "SELECT 'é'"))
        opened.change_user(observe.USER, observe.PASSWORD, "")
        tell(opened, "SELECT CURRENT_USER(), DATABASE()")
        opened.change_user(observe.USER, observe.PASSWORD, SCHEMA)
        attempt("change_user to a schema that is not there", lambda: opened.change_user(observe.USER, observe.PASSWORD, f"{SCHEMA}_none"))
        outcome = observe.in_background(lambda: dbapi.until_error(opened))(60)
        say(f"and then: {dbapi.describe_lost(outcome)}")
    with connection() as opened:
        attempt("change_user with a wrong password", lambda: opened.change_user(observe.OTHER_USER, "wrong", SCHEMA))
        outcome = observe.in_background(lambda: dbapi.until_error(opened))(60)
        say(f"and then: {dbapi.describe_lost(outcome)}")
    with connection() as opened:
        attempt("several statements while they are off", lambda: run(opened, "SELECT 1; SELECT 2"))
        opened.set_server_option(0)
        tell(opened, "SELECT 1; SELECT 2")
        opened.set_server_option(1)
        tell(opened, "SELECT 1; SELECT 2")
        opened.set_character_set("latin1")
        tell(opened, "SELECT @@character_set_client, @@character_set_results, 'é'")
        opened.set_character_set("utf8mb4")
        attempt("literals", lambda: [opened.literal(text) for text in observe.HARD_TEXTS])
        run(opened, "SET sql_mode = 'NO_BACKSLASH_ESCAPES'")
        attempt("literals without backslashes", lambda: [opened.literal(text) for text in observe.HARD_TEXTS])
        attempt("shutdown is refused", opened.shutdown)


@chapter("a query sent ahead of reading its result")
def sent_ahead():
    with connection() as opened:
        for number in range(3):
            opened.send_query(f"SELECT {number}, SLEEP(0)".encode())
            opened.read_query_result()
            result = opened.store_result()
            say("rows", result.fetch_row(maxrows=0), result.num_fields(), result.describe())
        opened.query(b"INSERT INTO counted (n) VALUES (4242)")
        claim("insert_id and affected_rows are what SQL says", (opened.insert_id(), opened.affected_rows()) == (value(opened, "SELECT LAST_INSERT_ID()"), 1))
        attempt("an error", lambda: opened.query(b"SELECT * FROM no_such_table"))
        say("errno, error", opened.errno(), opened.error())


@chapter("compression")
def compression():
    if not observe.COMPRESSION:
        say("one of the two does not offer it")
        return
    for options in ({}, {"ssl": None}):
        with connection(compress=True, **options) as opened:
            say("compression is used")
            tell_all(opened, "SELECT 1", "SELECT n, word FROM numbers ORDER BY n", "SELECT * FROM no_such_table", "CALL several_results(2)")
            for size in (40, 60, 255, 65535, 1 << 20, (1 << 24) - 12, 17 << 20):
                text = "compress " * (size // 9)
                attempt(f"a text of {size} bytes there and back", lambda text=text: value(opened, "SELECT %s", (text,)) == text)
            data = observe.ALL_BYTES * (1 << 12)
            run(opened, "REPLACE INTO blobs VALUES (9, %s)", (data,))
            claim("a blob of 1 MiB comes back", value(opened, "SELECT data FROM blobs WHERE id = 9") == data)
            opened.change_user(observe.USER, observe.PASSWORD, SCHEMA)
            tell(opened, "SELECT 'after change_user'")


if __name__ == "__main__":
    observe.main()
