"""The `mysql` command line, and mysqldump and mysqladmin where they stand beside it: what they print."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import observe
from observe import CA, COMPRESSION, FOLDER, OTHER_USER, PASSWORD, SCHEMA, USER, chapter, claim, say

MYSQL = os.environ["DRIVERS_MYSQL"]
NO_TLS = ("--ssl-mode=DISABLED", "--get-server-public-key")
VERIFIED = ("--ssl-mode=VERIFY_IDENTITY", f"--ssl-ca={CA}")
# From version 9 on the client's own commands must be asked for; older ones do not know the option.
COMMANDS = "--loose-commands"
ALL_SHOWN = ("-vvv", "--force", "--comments", "--column-type-info", "--binary-as-hex", "--unbuffered", "--delimiter=//")


def option_file(user=USER, password=PASSWORD):
    """Passwords are never put on a command line, where everybody can read them."""
    path = Path(FOLDER, f"{user}-{len(password)}.cnf")
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(
            f"[client]\nuser={user}\npassword={password}\nhost={observe.HOST}\nport={observe.PORT}\nprotocol=tcp\n",
            encoding="utf-8",
        )
    return path


def command(*options, tool=MYSQL, user=USER, password=PASSWORD):
    return [tool, f"--defaults-file={option_file(user, password)}", *options]


def run(*options, sql="", database=SCHEMA, tool=MYSQL, **account):
    """The exit code and everything that is printed, in the order in which it is."""
    done = subprocess.run(
        [*command(*options, tool=tool, **account), *([database] if database else [])], input=sql.encode(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=120, check=False,
    )
    return done.returncode, done.stdout.decode(errors="backslashreplace")


def tell(label, *options, **more):
    code, text = run(*options, **more)
    print(f"> {label}")
    for line in text.splitlines():
        print(f"    {normal(line)}")
    print(f"    ends with {code}")


def normal(line):
    """Without the time that a statement took, which rightly differs."""
    line = re.sub(r"\((?:\d+ min )?\d+\.\d+ sec\)", "(time)", line).rstrip()
    line = "".join(character if character.isprintable() or character == "\t" else ascii(character)[1:-1] for character in line)
    return line if len(line) <= 2000 else f"{line[:200]} ... {observe.show_text(line)}"


def beside(name):
    tool = Path(MYSQL).with_name(name)
    return str(tool) if tool.exists() else None


@chapter("connecting")
def connecting():
    # Once with a password that the server has not in its cache, and once with one that it has; then over TLS.
    for user, options in ((USER, NO_TLS), (OTHER_USER, VERIFIED)):
        for _ in range(2):
            tell(f"as {user}", *options, sql="SELECT CURRENT_USER(), DATABASE(), @@character_set_client, @@collation_connection", user=user)
    tell("without a schema", sql="SELECT DATABASE(); SELECT * FROM numbers", database=None)
    tell("with an initial command", "--init-command=SET @v = 7", sql="SELECT @v")
    tell("with safe updates", "--safe-updates", sql="SELECT @@sql_safe_updates, @@sql_select_limit, @@max_join_size; UPDATE accounts SET balance = 0")
    tell("in latin1", "--default-character-set=latin1", sql="SELECT HEX('\u00e9'), @@character_set_client; SELECT t FROM latin1_text WHERE id = 2")
    tell("a wrong password", user=USER, password="wrong")
    tell("a wrong password without TLS", *NO_TLS, user=USER, password="wrong")
    tell("an unknown user", user="nobody_at_all", password="some")
    tell("an unknown schema", database=f"{SCHEMA}_none")
    tell("a schema without rights", database="mysql")
    # Servers and the proxy may forget a password at any time; after a log-in that brought it they know it.
    tell("as the user who is known then", *VERIFIED, sql="SELECT CURRENT_USER()")
    tell("no TLS and no key", "--ssl-mode=DISABLED", sql="SELECT 'the password is known by now'")


@chapter("status")
def status():
    _, text = run(COMMANDS, sql="\\s")
    for line in text.splitlines():
        name, _, value = line.partition(":")
        value = value.strip()
        if name == "Connection id":
            claim("the connection's id is a number", value.isdigit())
        elif name == "TCP port":
            claim("the port is the one that was asked for", int(value) == observe.PORT)
        elif name == "SSL":
            # The two sides prefer different ciphers.
            claim("a cipher is in use", value.startswith("Cipher in use is TLS_AES_"))
        elif name == "Uptime":
            claim("there is an uptime", value != "")
        elif name == "Threads":
            claim("threads and questions are counted", re.fullmatch(r"\d+  Questions: \d+  Slow queries: \d+  Opens: \d+ .*", value) is not None)
        else:
            print(f"    {line}")
    tell("the number", sql="SELECT CONNECTION_ID() > 0")


# What follows needs one session only.
for script_name in (
    "expressions", "writes", "warnings", "errors", "diagnostics", "privileges", "procedures", "session", "sql_modes", "character_sets", "metadata", "several",
):

    @chapter(f"script {script_name}")
    def play(script_name=script_name):
        statements = [sql for session, sql in observe.script(script_name) if session == "one" and sql.strip() not in ("", ";", "-- nothing")]
        # These two would eat everything up to the next quote or the end of a comment.
        statements = [sql for sql in statements if "unfinished" not in sql]
        tell(script_name, *ALL_SHOWN, sql="//\n".join(statements) + "//\n")


@chapter("formats")
def formats():
    query = "SELECT id, c_bigint_unsigned, c_decimal, c_datetime6, c_char, c_varchar, c_json, c_year, c_bit64 FROM types WHERE id <> 2 ORDER BY id"
    for option in ("--table", "--vertical", "--xml", "--html", "--batch", "--raw", "--skip-column-names"):
        tell(option, option, sql=query)
    tell("every type", "--batch", "--column-type-info", "--binary-as-hex", sql="SELECT * FROM types ORDER BY id; SELECT * FROM newer_types; SELECT * FROM zero_dates")
    tell("all bytes", "--batch", "--raw", sql="SELECT HEX(data) FROM all_bytes")
    tell("names are completed", "--auto-rehash", sql="SELECT COUNT(*) FROM numbers")


def tell_reconnected():
    _, text = run(COMMANDS, sql=f"SET @v = 1;\nconnect {SCHEMA}\nSELECT @v, DATABASE();", database=None)
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "Connection id":
            claim("there is a number after reconnecting", value.strip().isdigit())
        else:
            print(f"    {line}")


@chapter("commands of the client")
def commands():
    tell("reset", COMMANDS, sql="SET @v = 1, time_zone = '+02:00'; CREATE TEMPORARY TABLE mine (i INT);\nresetconnection\nSELECT @v, @@time_zone, DATABASE(); SELECT * FROM mine")
    tell_reconnected()
    tell("use", COMMANDS, sql=f"use {SCHEMA}_none\nuse {SCHEMA}\nSELECT DATABASE();", database=None)
    tell("warnings", COMMANDS, sql="\\W\nSELECT 1 / 0;\n\\w\nSELECT 1 / 0;")
    tell("query attributes", COMMANDS, sql="query_attributes trace abc number 7\nSELECT 'with attributes';")
    tell("prompt and delimiter", COMMANDS, sql="prompt hello\nSELECT 1;\ndelimiter $$\nSELECT 2$$")
    tell("a comment alone", "--comments", sql="-- nothing at all\n/* nor here */;")
    tell("an error ends a script", sql="SELECT 1; SELECT * FROM no_such_table; SELECT 'never'")
    tell("or it does not", "--force", sql="SELECT 1; SELECT * FROM no_such_table; SELECT 'still'")


@chapter("much")
def much():
    tell("rows that are not kept", "--quick", "--batch", sql=(
        "SET cte_max_recursion_depth = 100000;"
        "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 50000) SELECT SUM(n), COUNT(*) FROM c;"
    ))
    _, text = run("--quick", "--batch", sql="SELECT a.n, a.word, b.n FROM numbers a JOIN numbers b ON b.n <= 40 ORDER BY a.n, b.n")
    say("40000 rows", text)
    for size in (1 << 20, 17 << 20):
        tell(f"a statement of {size} bytes", "--max-allowed-packet=64M", "--batch", sql=f"SELECT LENGTH('{'x' * size}') AS bytes;")


@chapter("files of the client")
def files():
    path = Path(FOLDER, "rows.tsv")
    path.write_text("".join(f"{n}\ttext \u00e9 {n}\t{n}.25\n" for n in range(1, 1001)), encoding="utf-8")
    load = f"LOAD DATA LOCAL INFILE '{path}' REPLACE INTO TABLE loaded CHARACTER SET utf8mb4"
    tell("a file", "--local-infile=1", "-vv", sql=f"{load}; SELECT COUNT(*), SUM(id), SUM(d), MAX(t) FROM loaded")
    tell("a file that is not there", "--local-infile=1", sql=load.replace("rows", "missing"))
    tell("a file while that is off", "--local-infile=0", sql=load)
    script = Path(FOLDER, "script.sql")
    script.write_text("INSERT INTO counted (n) VALUES (1), (2);\nSELECT COUNT(*) FROM counted;\nTRUNCATE counted;\n", encoding="utf-8")
    tell("a script", COMMANDS, "-vv", sql=f"source {script}\n")


@chapter("interrupting")
def interrupting():
    """The client kills a statement over a connection of its own when it is interrupted."""
    sql = "UPDATE numbers SET word = SLEEP(60) WHERE n = 1"
    process = subprocess.Popen(
        [*command("--batch", "--execute", sql), SCHEMA], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    seen = "SELECT COUNT(*) FROM performance_schema.threads WHERE processlist_info LIKE 'UPDATE numbers SET word = SLEEP%'"
    for _ in range(600):
        if run("--batch", "--skip-column-names", sql=seen)[1].strip() != "0":
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    print(f"    {normal(output.decode())}")
    say("ends with", process.returncode)
    tell("nothing has changed", sql="SELECT word FROM numbers WHERE n = 1")


@chapter("other programs of the server")
def others():
    dump, admin = beside("mysqldump"), beside("mysqladmin")
    if dump is None or admin is None:
        print("they are not installed beside the client")
        return
    usual = ("--skip-dump-date", "--no-tablespaces", "--set-gtid-purged=OFF", "--column-statistics=0", "--skip-comments")
    for options in ((), ("--single-transaction", "--quick"), ("--routines", "--triggers", "--events", "--hex-blob"), ("--no-data",), ("--skip-opt", "--complete-insert")):
        code, text = run(*usual, *options, tool=dump)
        say(f"mysqldump {' '.join(options)}", code, len(text), text)
    _, text = run(*usual, "--hex-blob", tool=dump)
    tell("what was dumped is read again", "--binary-mode", sql=f"CREATE DATABASE {SCHEMA}_copy; USE {SCHEMA}_copy;\n{text}\n", database=None)
    tell("and is the same", sql=f"CHECKSUM TABLE numbers, {SCHEMA}_copy.numbers, types, {SCHEMA}_copy.types")
    tell("and goes away", sql=f"DROP DATABASE {SCHEMA}_copy")
    tell("mysqladmin ping", "ping", tool=admin, database=None)
    code, text = run("status", tool=admin, database=None)
    claim("mysqladmin status", code == 0 and re.match(r"Uptime: \d+  Threads: \d+  Questions: \d+", text) is not None)
    tell("mysqladmin shutdown", "shutdown", tool=admin, database=None)
    tell("mysqladmin flush-tables", "flush-tables", tool=admin, database=None)
    tell("mysqladmin kill", "kill", "4294967290", tool=admin, database=None)


@chapter("compression")
def compression():
    if not COMPRESSION:
        print("one of the two does not offer it")
        return
    for algorithm in ("zlib", "zstd"):
        for tls in (NO_TLS, VERIFIED):
            options = (f"--compression-algorithms={algorithm}", *tls, "--batch", "--max-allowed-packet=64M")
            print(f"compression is used: {algorithm}")
            tell("little", *options, sql="SELECT 1; SELECT * FROM parents; SELECT * FROM no_such_table")
            say("much", run(*options, sql="SELECT a.n, a.word, b.n FROM numbers a JOIN numbers b ON b.n <= 40 ORDER BY a.n, b.n"))
            tell("a long statement", *options, sql=f"SELECT LENGTH('{'compress ' * (2 << 20)}') AS bytes;")


if __name__ == "__main__":
    observe.main()
