"""What an application does with any driver that has Python's database interface.

The program of a driver sets `driver` before it calls observe.main(): an object with

    open(**options)     a connection to the schema, in utf8mb4, autocommit on; options as of the driver's connect()
    module              the driver's module, for its exceptions
    streaming_cursor    a cursor that does not hold the whole result
    dictionary_cursor   one whose rows are dictionaries
    result_of(cursor)   what the driver keeps of the last reply beyond the interface, as text
"""

import contextlib
import decimal
import os

import observe
from observe import HARD_TEXTS, SCHEMA, attempt, chapter, claim, in_background, repeat_until_done, say, show, show_outcome

driver = None


# ---- Connections and statements ----


@contextlib.contextmanager
def connection(**options):
    opened = driver.open(**options)
    try:
        yield opened
    finally:
        with contextlib.suppress(driver.module.Error):
            opened.close()


def run(opened, sql, parameters=None):
    """Returns the rows of the statement, and prints nothing."""
    cursor = opened.cursor()
    try:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
    finally:
        cursor.close()


def value(opened, sql, parameters=None):
    return run(opened, sql, parameters)[0][0]


def tell(opened, sql, parameters=None, cursor_class=None):
    """Prints all that the driver shows of a statement's reply, or its error. Returns the cursor, closed."""
    cursor = opened.cursor(cursor_class) if cursor_class else opened.cursor()
    print(f"> {observe.shorten(sql)}{'' if parameters is None else ' with ' + show(parameters)}")
    try:
        cursor.execute(sql, parameters)
        tell_results(cursor)
    except driver.module.Error as error:
        print(f"    error {observe.describe(error)}")
    finally:
        cursor.close()
    return cursor


def tell_results(cursor):
    """The results of an executed cursor, all of them."""
    while True:
        tell_result(cursor)
        if not cursor.nextset():
            return


def tell_result(cursor):
    if cursor.description is not None:
        rows = cursor.fetchall()
        for column in cursor.description:
            print(f"    column {show(column)}")
        for row in rows:
            print(f"    row {show(row)}")
    print(f"    rowcount {cursor.rowcount}, lastrowid {cursor.lastrowid}, {driver.result_of(cursor)}")


def tell_all(opened, *statements):
    for sql in statements:
        tell(opened, sql)


def play(name, **options):
    """Runs scripts/NAME.sql, with its two sessions."""
    with connection(**options) as one, connection() as two:
        for session, sql in observe.script(name):
            print(f"{session} ", end="")
            tell({"one": one, "two": two}[session], sql)


# ---- The scripts that all programs run ----

SCRIPTS = (
    "expressions", "writes", "warnings", "errors", "diagnostics", "privileges", "procedures", "transactions", "isolation", "locks", "session", "sql_modes",
    "character_sets", "metadata", "names_of_clients",
)

for script_name in SCRIPTS:
    chapter(f"script {script_name}")(lambda script_name=script_name: play(script_name))
chapter("script several")(lambda: play("several", **driver.several_statements))


# ---- Types ----


@chapter("every type, as text")
def types():
    with connection() as opened:
        columns = [row[0] for row in run(opened, "SHOW COLUMNS FROM types")]
        cursor = opened.cursor()
        for column in columns:
            cursor.execute(f"SELECT {column} FROM types ORDER BY id")
            print(f"{column}: {show(cursor.description[0])}, {driver.result_of(cursor)}")
            for (found,) in cursor.fetchall():
                print(f"    {type(found).__name__} {show(found)}")
        tell(opened, "SELECT * FROM types WHERE id IN (1, 4)")
        tell(opened, "SELECT id, c_bigint_unsigned, c_varchar FROM types ORDER BY id", cursor_class=driver.dictionary_cursor)
        tell(opened, "SELECT data FROM all_bytes")
        tell(opened, "SELECT ST_AsBinary(c_geometry) FROM types ORDER BY id")
        attempt("a type that the driver may not know", lambda: run(opened, "SELECT * FROM newer_types"))
        for column in ("d", "dt", "ts", "y"):
            attempt(f"zero dates, {column}", lambda column=column: run(opened, f"SELECT {column} FROM zero_dates ORDER BY id"))


# ---- Parameters, quoting and characters ----


@chapter("parameters that the driver escapes")
def parameters():
    with connection() as opened:
        run(opened, "CREATE TABLE texts (id INT PRIMARY KEY, t TEXT, b BLOB)")
        for number, text in enumerate(HARD_TEXTS):
            run(opened, "INSERT INTO texts VALUES (%s, %s, %s)", (number, text, text.encode()))
        for number, text in enumerate(HARD_TEXTS):
            found = run(opened, "SELECT t, b FROM texts WHERE id = %s", (number,))[0]
            claim(f"{text!r} comes back as it went", found[0] == text and bytes(found[1]) == text.encode())
            claim(f"{text!r} is found by its value", value(opened, "SELECT COUNT(*) FROM texts WHERE b = %s", (text.encode(),)) == 1)
        run(opened, "INSERT INTO texts VALUES (1000, '', %s)", (observe.ALL_BYTES,))
        claim("all bytes come back", value(opened, "SELECT b FROM texts WHERE id = 1000") == observe.ALL_BYTES)
        tell(opened, "SELECT %s, %s, %s, %s, %s", (None, 1, -1.5, decimal.Decimal("1.50"), True))
        tell(opened, "SELECT %s + 1, %s", (18446744073709551614, -9223372036854775808))
        tell(opened, "SELECT %(a)s, %(b)s, %(a)s", {"a": "x'y", "b": None})
        tell(opened, "SELECT id FROM texts WHERE id IN %s ORDER BY id", ((1, 2, 3),))
        attempt("too few parameters", lambda: run(opened, "SELECT %s, %s", (1,)))


@chapter("escaping follows sql_mode")
def sql_modes():
    for mode in ("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT", "ANSI", "TRADITIONAL"):
        with connection() as opened:
            say("mode", mode)
            run(opened, f"SET SESSION sql_mode = '{mode}'")
            for text in HARD_TEXTS:
                attempt(f"{text!r} escaped by the driver", lambda text=text: value(opened, "SELECT HEX(%s)", (text,)))


@chapter("character sets of connections")
def character_sets():
    names = "SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection"
    for charset in ("latin1", "ascii", "utf8mb3", "binary", "cp1250", "gbk", "sjis", "big5"):
        attempt(f"connecting in {charset}", lambda charset=charset: in_charset(charset, names))


def in_charset(charset, names):
    with connection(charset=charset) as opened:
        return run(opened, names), run(opened, "SELECT id, HEX(t), LENGTH(t) FROM latin1_text ORDER BY id LIMIT 3")


# ---- Writing ----


@chapter("one statement with many rows of parameters")
def many_rows():
    with connection() as opened:
        cursor = opened.cursor()
        attempt("many at once", lambda: cursor.executemany("INSERT INTO counted (n, note) VALUES (%s, %s)", [(i, f"many {i}") for i in range(10, 3000)]))
        say("and then", cursor.rowcount, cursor.lastrowid, driver.result_of(cursor))
        attempt("one by one", lambda: cursor.executemany("UPDATE counted SET note = %s WHERE n = %s", [("a", 10), ("b", 11), ("c", -1)]))
        say("and then", cursor.rowcount, cursor.lastrowid)
        attempt("many of which one is bad", lambda: cursor.executemany("INSERT INTO counted (n) VALUES (%s)", [(5000,), (5001,), (10,)]))
        tell(opened, "SELECT COUNT(*), SUM(n), MAX(id) FROM counted")


@chapter("procedures as the driver calls them")
def procedures():
    with connection() as opened:
        cursor = opened.cursor()
        attempt("callproc gives", lambda: cursor.callproc("several_results", (3,)))
        tell_results(cursor)
        cursor.close()
        cursor = opened.cursor()
        attempt("callproc with out parameters gives", lambda: cursor.callproc("in_and_out", (3, 4, None, None)))
        while cursor.nextset():
            pass
        tell(opened, "SELECT @_in_and_out_0, @_in_and_out_1, @_in_and_out_2, @_in_and_out_3")


# ---- Reading much ----


MANY = "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < {0}) SELECT n, REPEAT(CHAR(65 + n MOD 26 USING utf8mb4), {1}) AS t FROM c"


@chapter("rows that are streamed")
def streaming():
    with connection() as opened:
        run(opened, "SET cte_max_recursion_depth = 100000")
        cursor = opened.cursor(driver.streaming_cursor)
        cursor.execute(MANY.format(5000, 50))
        say("the first rows", [cursor.fetchone() for _ in range(3)], cursor.fetchmany(2))
        say("the others", sum(1 for _ in cursor), cursor.rowcount)
        cursor.close()
        tell(opened, "SELECT 'after all rows'")
        cursor = opened.cursor(driver.streaming_cursor)
        cursor.execute(MANY.format(50000, 100))
        say("the first row", cursor.fetchone()[0])
        cursor.close()
        tell(opened, "SELECT 'after an early close'")
        cursor = opened.cursor(driver.streaming_cursor)
        cursor.execute("SELECT n, IF(n < 500, n, (SELECT n FROM numbers UNION SELECT 1)) FROM numbers ORDER BY n")
        attempt("an error in the middle", cursor.fetchall)
        attempt("closing after the error", cursor.close)
        tell(opened, "SELECT 'after an error'")
    opened = driver.open()
    cursor = opened.cursor(driver.streaming_cursor)
    cursor.execute(MANY.format(900, 100))
    cursor.fetchone()
    opened.close()
    say("closed in the middle of a result")


@chapter("big results and big statements")
def big():
    with connection() as opened:
        run(opened, "SET cte_max_recursion_depth = 100000")
        rows = run(opened, MANY.format(40000, 90))
        say("many rows", len(rows), sum(row[0] for row in rows), show("".join(row[1] for row in rows)))
        for size in (255, 65535, 65536, 1 << 20, (1 << 20) + 1, (1 << 24) - 12, 17 << 20):
            text = "x" * size
            attempt(f"a text of {size} bytes there and back", lambda text=text: value(opened, "SELECT %s", (text,)) == text)
        data = observe.ALL_BYTES * (1 << 13)
        run(opened, "INSERT INTO blobs VALUES (1, %s)", (data,))
        claim("a blob of 2 MiB comes back", value(opened, "SELECT data FROM blobs WHERE id = 1") == data)
        attempt("its digest at the server", lambda: value(opened, "SELECT SHA2(data, 256) FROM blobs WHERE id = 1"))
        tell(opened, "SELECT " + ", ".join(f"{n} AS c{n}" for n in range(1, 300)) + " FROM numbers WHERE n < 3")
        say("a list of many", value(opened, f"SELECT COUNT(*) FROM numbers WHERE n IN ({', '.join(map(str, range(60000)))})"))


@chapter("files of the client")
def local_files():
    path = os.path.join(observe.FOLDER, "rows.tsv")
    with open(path, "w", encoding="utf-8") as file:
        for n in range(1, 5001):
            file.write(f"{n}\ttext é {n}\t{n}.25\n")
    load = f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE loaded CHARACTER SET utf8mb4"
    with connection(local_infile=True) as opened:
        tell_all(
            opened, load, "SELECT COUNT(*), SUM(id), SUM(d), MAX(t) FROM loaded", load, "SHOW COUNT(*) WARNINGS",
            "DELETE FROM loaded WHERE id > 10",
            f"LOAD DATA LOCAL INFILE '{observe.FOLDER}/missing.tsv' INTO TABLE loaded", "SELECT COUNT(*) FROM loaded",
            f"LOAD DATA LOCAL INFILE '{path}' REPLACE INTO TABLE loaded CHARACTER SET utf8mb4 (id, @t, d) SET t = UPPER(@t)",
            "SELECT * FROM loaded WHERE id = 5000", f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE no_such_table",
            f"LOAD DATA INFILE '{path}' INTO TABLE loaded",
        )
        empty = os.path.join(observe.FOLDER, "empty.tsv")
        with open(empty, "w", encoding="utf-8"):
            pass
        tell(opened, f"LOAD DATA LOCAL INFILE '{empty}' INTO TABLE loaded")
    with connection() as opened:
        run(opened, "DELETE FROM loaded")
        tell(opened, load)
        attempt("after the refusal", lambda: value(opened, "SELECT COUNT(*) FROM loaded"))


# ---- Transactions and locks ----


@chapter("a deadlock")
def deadlock():
    with connection() as light, connection() as heavy:
        # The server gives up the transaction that has changed less, whoever closes the circle.
        tell_all(heavy, "BEGIN", "INSERT INTO written (what) SELECT word FROM numbers WHERE n <= 50", "UPDATE accounts SET balance = 1 WHERE id = 1")
        tell_all(light, "BEGIN", "UPDATE accounts SET balance = 2 WHERE id = 2")
        waiting = in_background(lambda: run(heavy, "UPDATE accounts SET balance = 1 WHERE id = 2"))
        tell(light, "UPDATE accounts SET balance = 2 WHERE id = 1")
        say(f"the other: {show_outcome(waiting(60))}")
        tell_all(light, "SELECT @@autocommit", "SELECT id, owner FROM accounts ORDER BY id LIMIT 1", "COMMIT")
        tell_all(heavy, "COMMIT", "SELECT id, balance FROM accounts WHERE id <= 2 ORDER BY id", "DELETE FROM written")


@chapter("locks that one waits for")
def waiting_for_locks():
    with connection() as one, connection() as two:
        tell_all(one, "BEGIN", "UPDATE accounts SET balance = balance + 1 WHERE id = 1")
        waiting = in_background(lambda: run(two, "UPDATE accounts SET balance = balance + 1 WHERE id = 1"))
        tell_all(one, "UPDATE accounts SET balance = balance + 10 WHERE id = 1", "COMMIT")
        say(f"the one that waited: {show_outcome(waiting(60))}")
        tell_all(one, "SELECT balance FROM accounts WHERE id = 1", "UPDATE accounts SET balance = 100 WHERE id = 1")
        tell(one, f"SELECT GET_LOCK('{SCHEMA}.left', 0)")
    with connection() as three:
        # The server notices after a moment that the one who had it is gone.
        tell(three, f"SELECT GET_LOCK('{SCHEMA}.left', 30)")


# ---- Numbers of connections ----


@chapter("the connection's number and who is there")
def numbers_of_connections():
    with connection() as one, connection() as two:
        number = value(one, "SELECT CONNECTION_ID()")
        claim("the driver's number of the connection is the server's", one.thread_id() == number)
        claim("two connections have two numbers", value(two, "SELECT CONNECTION_ID()") != number)
        claim("it stays the same", value(one, "SELECT CONNECTION_ID()") == number)
        claim("also under an alias", value(one, "SELECT CONNECTION_ID() AS me") == number)
        claim("also beside other columns", run(one, "SELECT 1, CONNECTION_ID()")[0][1] == number)
        claim("also as @@pseudo_thread_id", value(one, "SELECT @@pseudo_thread_id") == number)
        listed = [row[0] for row in run(one, "SHOW PROCESSLIST") if row[1] == observe.USER]
        claim("the list of processes has both numbers", {number, value(two, "SELECT CONNECTION_ID()")} <= set(listed))
        in_schema = run(one, "SELECT id FROM information_schema.processlist WHERE info LIKE '%information_schema.processlist%'")
        claim("the view of processes has it too", (number,) in list(in_schema))


@chapter("killing")
def killing():
    with connection() as victim, connection() as killer:
        number = victim.thread_id()
        waiting = in_background(lambda: run(victim, "SELECT COUNT(*) FROM numbers WHERE SLEEP(60)"))
        # The statement may not have begun yet, and killing what does not run does nothing.
        outcome = repeat_until_done(waiting, lambda: run(killer, f"KILL QUERY {number}"))
        say(f"a read that is killed: {show_outcome(outcome)}")
        tell(victim, "SELECT 'the connection goes on'")
        tell_all(victim, "BEGIN", "INSERT INTO written (what) VALUES ('before the kill')")
        waiting = in_background(lambda: run(victim, "UPDATE numbers SET word = SLEEP(60) WHERE n = 1"))
        outcome = repeat_until_done(waiting, lambda: run(killer, f"KILL QUERY {number}"))
        say(f"a write that is killed: {show_outcome(outcome)}")
        tell_all(victim, "SELECT COUNT(*) FROM written WHERE what = 'before the kill'", "ROLLBACK", "SET @own = CONNECTION_ID()")
        tell(killer, "KILL QUERY 4294967294")
        attempt("killing the connection", lambda: run(killer, f"KILL {number}"))
        outcome = repeat_until_done(
            in_background(lambda: until_error(victim)), lambda: None
        )
        say(f"the killed connection: {describe_lost(outcome)}")
        # A server takes it off its list a moment after the connection was lost.
        attempt("killing it again", lambda: without_number(lambda: until_error(killer, f"KILL {number}"), number))
    with connection() as own:
        attempt("killing oneself", lambda: describe_lost(in_background(lambda: until_error(own, f"KILL {own.thread_id()}"))(60)))


def until_error(opened, sql="SELECT 1"):
    for _ in range(2000):
        run(opened, sql)
    return "it never ended"


def describe_lost(outcome):
    """Whether a dying connection is heard of as an end, a reset, an end without TLS's farewell (2026) or an error of
    the server is a matter of time."""
    kind, what = outcome
    is_lost = kind == "raised" and what.args and what.args[0] in (1053, 1317, 2006, 2013, 2026, 4031)
    return "it is lost" if is_lost else show_outcome(outcome)


def without_number(act, number):
    """The error names the connection; the name is taken out, since it rightly differs."""
    try:
        return act()
    except driver.module.Error as error:
        code, text = error.args
        return code, text.replace(str(number), "NUMBER")
