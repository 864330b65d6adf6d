"""PyMySQL, which speaks the protocol in Python and has no prepared statements."""

import pymysql
import pymysql.cursors
from pymysql.constants import CLIENT, SERVER_STATUS

import dbapi
import observe
from dbapi import connection, run, tell, tell_all, value
from observe import SCHEMA, attempt, chapter, claim, say, show


class Driver:
    module = pymysql
    streaming_cursor = pymysql.cursors.SSCursor
    dictionary_cursor = pymysql.cursors.DictCursor
    several_statements = {"client_flag": CLIENT.MULTI_STATEMENTS}

    @staticmethod
    def open(**options):
        defaults = {
            "host": observe.HOST, "port": observe.PORT, "user": observe.USER, "password": observe.PASSWORD,
            "database": SCHEMA, "charset": "utf8mb4", "autocommit": True, "connect_timeout": 30, "read_timeout": 120,
            "program_name": "a program of the drivers' tests",
        }
        return pymysql.connect(**{**defaults, **options})

    @staticmethod
    def result_of(cursor):
        result = cursor._result
        if result is None:
            return "no result"
        parts = [f"insert id {result.insert_id}", f"warnings {result.warning_count}", f"status {status(result)}"]
        if result.message:
            parts.append(f"info {show(bytes(result.message))}")
        for field in result.fields if result.field_count else ():
            parts.append(
                f"[{field.db}.{field.table_name}.{field.name} org {field.org_table}.{field.org_name}"
                f" charset {field.charsetnr} length {field.length} type {field.type_code} flags {field.flags} scale {field.scale}]"
            )
        return " ".join(parts)


dbapi.driver = Driver

STATUS_BITS = {
    value: name.removeprefix("SERVER_").removeprefix("STATUS_").lower()
    for name, value in vars(SERVER_STATUS).items() if name.startswith("SERVER_")
}


def status(result):
    flags = result.server_status or 0
    return "+".join(STATUS_BITS.get(1 << bit, f"bit {bit}") for bit in range(16) if flags & (1 << bit)) or "none"


@chapter("connecting")
def connecting():
    with connection(database=None) as opened:
        tell_all(opened, "SELECT DATABASE(), CURRENT_USER()", "SELECT * FROM numbers LIMIT 1", f"SELECT COUNT(*) FROM {SCHEMA}.numbers")
        opened.select_db(SCHEMA)
        tell_all(opened, "SELECT DATABASE()", "SELECT COUNT(*) FROM numbers")
        attempt("an unknown schema", lambda: opened.select_db(f"{SCHEMA}_none"))
        attempt("a schema without rights", lambda: opened.select_db("mysql"))
        tell(opened, "SELECT DATABASE()")
    for again in range(2):
        with connection() as opened:
            tell(opened, "SELECT DATABASE(), CURRENT_USER(), @@autocommit")
            say("server", opened.get_server_info(), opened.protocol_version, opened.character_set_name(), show(opened.get_host_info().startswith("socket")))
            claim("the server's version is @@version", value(opened, "SELECT @@version") == opened.get_server_info())
    for again in range(2):
        with connection(user=observe.OTHER_USER, ssl={"ca": observe.CA, "check_hostname": True}) as opened:
            say("over TLS", opened._sock.version(), value(opened, "SELECT CURRENT_USER()"))
            tell(opened, "SELECT COUNT(*) FROM numbers")
    with connection(init_command="SET SESSION group_concat_max_len = 1234", sql_mode="ANSI_QUOTES") as opened:
        tell(opened, 'SELECT @@group_concat_max_len, @@sql_mode, "n" FROM numbers LIMIT 1')
    with connection(autocommit=None) as opened:
        tell(opened, "SELECT @@autocommit")
    with connection(autocommit=False) as opened:
        tell(opened, "SELECT @@autocommit")
    with connection(client_flag=CLIENT.FOUND_ROWS) as opened:
        tell(opened, "UPDATE accounts SET owner = owner WHERE id <= 3")
    with connection(client_flag=CLIENT.IGNORE_SPACE) as opened:
        tell_all(opened, "SELECT COUNT (*) FROM numbers", "SELECT @@sql_mode")
    attempt("a wrong password", lambda: Driver.open(password="wrong"))
    attempt("no password", lambda: Driver.open(password=""))
    attempt("a wrong password over TLS", lambda: Driver.open(password="wrong", ssl={"ca": observe.CA}))
    attempt("an unknown user", lambda: Driver.open(user="nobody_at_all"))
    attempt("an unknown schema", lambda: Driver.open(database=f"{SCHEMA}_none"))
    attempt("a schema without rights", lambda: Driver.open(database="mysql"))
    claim("the right password still opens", value(Driver.open(), "SELECT 1") == 1)


@chapter("commands of the protocol")
def commands():
    with connection() as opened:
        attempt("ping", opened.ping)
        opened.ping(reconnect=False)
        say("status after it", opened.get_autocommit(), opened.server_status & ~SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT)
        attempt("a division", lambda: run(opened, "SELECT 1 / 0"))
        attempt("show_warnings", opened.show_warnings)
        run(opened, "BEGIN")
        opened.ping(reconnect=False)
        say("in a transaction, after a ping", opened.server_status)
        run(opened, "COMMIT")
        opened.ping(reconnect=False)
        say("after it, after a ping", opened.server_status)
        opened.set_charset("latin1")
        tell(opened, "SELECT @@character_set_client, 'é'")
        opened.set_charset("utf8mb4")
        attempt("closing twice", lambda: (opened.close(), opened.close()))
    victim = Driver.open()
    with connection() as killer:
        # Servers from version 9 on have no COM_PROCESS_KILL any more. The proxy has it for every server, so what is
        # tried here is what both have.
        if int(killer.get_server_info().split(".")[0]) >= 9:
            killer.kill = lambda number: run(killer, f"KILL {number}")
        attempt("kill of a connection", lambda: killer.kill(victim.thread_id()) and None)
        outcome = observe.repeat_until_done(observe.in_background(lambda: dbapi.until_error(victim)), lambda: None)
        say(f"the killed connection: {dbapi.describe_lost(outcome)}")
        attempt("it reconnects", lambda: (victim.ping(reconnect=True), value(victim, "SELECT 1"))[1])
        victim.close()


@chapter("transactions as the driver has them")
def driver_transactions():
    with connection(autocommit=False) as opened:
        opened.begin()
        tell(opened, "INSERT INTO accounts VALUES (20, 'b', 1)")
        opened.rollback()
        tell(opened, "SELECT COUNT(*) FROM accounts WHERE id = 20")
        opened.begin()
        tell(opened, "INSERT INTO accounts VALUES (20, 'b', 1)")
        opened.commit()
        tell(opened, "SELECT COUNT(*) FROM accounts WHERE id = 20")
        opened.rollback()
    with connection() as opened:
        tell(opened, "DELETE FROM accounts WHERE id = 20")


if __name__ == "__main__":
    observe.main()
