"""What the clients of the soak do: each function is the whole life of one client, well-behaved or not.

A function gets a Visitor, which opens connections for it; what it leaves open is closed behind it, mostly in a way that
a client would not choose. Whatever a client leaves behind is for the proxy to clear away.
"""

import socket
import struct

import wire

SCHEMA = "soak"
USERS = ("soak_a", "soak_b")
GUESSER = "127.0.9.9"  # log-ins that fail come from elsewhere, so that others are not slowed with them

NUMBERS = "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < {})"
HUGE = NUMBERS.format(900) + " SELECT REPEAT('x', 100000) FROM c"
CAPABILITIES = wire.MODERN | wire.MULTI_STATEMENTS | wire.LOCAL_FILES
LOST = (wire.Closed, OSError, ValueError)


def vanish(connection):
    """Without a farewell: the other side gets a reset."""
    raw = connection.socket
    while hasattr(raw, "algorithm"):
        raw = raw.socket
    try:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    connection.close()


class Visitor:
    """Opens connections to one proxy."""

    def __init__(self, proxy, rng):
        self.proxy, self.rng = proxy, rng
        self.open_ones = []

    def raw(self, **options):
        connection = wire.Wire(self.proxy.address(self.rng.choice(("split", "split", "primary", "replicas"))), **options)
        self.open_ones.append(connection)
        return connection

    def session(self, endpoint=None, **options):
        endpoint = endpoint or self.rng.choice(("split", "split", "split", "primary", "replicas"))
        user = self.rng.choice(USERS)
        options = {
            "user": user, "password": user, "database": SCHEMA, "tls": self.rng.random() < 0.3,
            "compression": self.rng.choice((None, None, None, "zlib", "zstd")), "capabilities": CAPABILITIES, **options,
        }
        connection = self.proxy.wire(endpoint, timeout=60, **options)
        self.open_ones.append(connection)
        return connection

    def leave(self):
        for connection in self.open_ones:
            how = self.rng.random()
            try:
                if how < 0.3:
                    connection.quit()
                elif how < 0.6:
                    connection.close()
                else:
                    vanish(connection)
            except LOST:
                connection.close()
        self.open_ones = []


# ---- Log-ins ----


def come_and_go(visitor):
    visitor.session().query("SELECT 1")


def guess_a_password(visitor):
    user = visitor.rng.choice((*USERS, "nobody"))
    try:
        visitor.session(source=GUESSER, user=user, password="wrong")
    except wire.ServerError as error:
        if error.code != 1045:
            raise


def break_off_a_log_in(visitor):
    connection = visitor.raw()
    connection.read_greeting()
    step = visitor.rng.randrange(4)
    if step == 1:
        connection.send(struct.pack("<IIB23x", wire.MODERN | wire.SSL, 1 << 30, 255))
    elif step == 2:
        connection.send(struct.pack("<IIB23x", wire.MODERN | wire.SSL, 1 << 30, 255))
        connection.send_raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + visitor.rng.randbytes(30))
    elif step == 3:
        connection.capabilities = wire.MODERN
        connection.send(connection.login_packet(USERS[0], USERS[0], None, connection.plugin)[:40])


def babble(visitor):
    session = visitor.session(compression=None)
    for _ in range(5):
        session.command(visitor.rng.randrange(2, 40), visitor.rng.randbytes(visitor.rng.randrange(60)))
    session.socket.settimeout(0.2)
    try:
        session.receive(in_order=False)
    except TimeoutError:
        pass  # some commands are answered with nothing


# ---- State of sessions ----


def change_user(visitor):
    session = visitor.session(compression=None, tls=True)
    session.query("SET @a = 1, SESSION sort_buffer_size = 300000")
    other = visitor.rng.choice(USERS)
    session.change_user(other, other, SCHEMA)
    session.query("SELECT @a")


def reset(visitor):
    session = visitor.session()
    statement = session.prepare("SELECT ?")
    session.execute(statement, [1])
    session.query("SET @a = REPEAT('a', 1000), SESSION sql_mode = ''")
    session.reset_connection()
    session.query("SELECT @a, @@sql_mode")


def temporary_table(visitor):
    session = visitor.session("split")
    session.query("CREATE TEMPORARY TABLE mine (id INT, data TEXT)")
    session.query("INSERT INTO mine VALUES (1, REPEAT('x', 1000))")
    session.query("SELECT * FROM mine")
    if visitor.rng.random() < 0.5:
        session.query("DROP TEMPORARY TABLE mine")
        session.query("SELECT 1")


def prepared_statements(visitor):
    session = visitor.session()
    statements = [session.prepare(f"SELECT ?, {visitor.rng.randrange(2000)} FROM t WHERE id = ?") for _ in range(8)]
    for statement in statements:
        session.execute(statement, ["value", visitor.rng.randrange(100)])
    for statement in visitor.rng.sample(statements, visitor.rng.randrange(9)):
        session.close_statement(statement)
    if visitor.rng.random() < 0.3:
        session.send_long_data(session.prepare("SELECT ?"), 0, b"x" * 200_000)
    if visitor.rng.random() < 0.3:
        session.query(f"PREPARE mine FROM 'SELECT {visitor.rng.randrange(2000)}'")
        session.query("EXECUTE mine")


def cursor(visitor):
    session = visitor.session("split")
    statement = session.prepare(NUMBERS.format(500) + " SELECT n FROM c")
    columns = session.open_cursor(statement).columns
    session.fetch(statement, columns, 10)


def open_transaction(visitor):
    session = visitor.session("split")
    session.query(visitor.rng.choice(("BEGIN", "SET autocommit = 0", "START TRANSACTION READ ONLY")))
    session.query("SELECT COUNT(*) FROM t")
    if visitor.rng.random() < 0.5:
        session.query("ROLLBACK")
        session.query("BEGIN")
        session.query(f"UPDATE t SET n = n + 1 WHERE id = {visitor.rng.randrange(100)}")
    if visitor.rng.random() < 0.3:
        session.query("COMMIT")


def user_lock(visitor):
    session = visitor.session("split")
    session.query(f"SELECT GET_LOCK('soak{visitor.rng.randrange(1000)}', 5)")


def write_and_read(visitor):
    session = visitor.session("split")
    for _ in range(5):
        row = visitor.rng.randrange(100)
        session.query(f"UPDATE t SET n = n + 1 WHERE id = {row}")
        session.query(f"SELECT n FROM t WHERE id = {row}")


# ---- Data ----


def abandon_a_result(visitor):
    session = visitor.session()
    session.command(wire.COM_QUERY, session.query_body(HUGE))
    session.receive_checked()
    for _ in range(visitor.rng.randrange(3)):
        session.receive_checked()


def abandon_a_command(visitor):
    session = visitor.session(compression=None)
    session.send_raw(b"\xff\xff\xff\x00\x03" + b"SELECT '" + b"x" * visitor.rng.randrange(1 << 21))


def local_file(visitor):
    session = visitor.session("split", compression=None)
    session.command(
        wire.COM_QUERY, session.query_body("LOAD DATA LOCAL INFILE 'rows' INTO TABLE loaded (data)")
    )
    session.receive_checked()
    for _ in range(visitor.rng.randrange(1, 4)):
        session.send(b"".join(b"row %d\n" % i for i in range(200)))
    if visitor.rng.random() < 0.6:
        session.send(b"")
        session.receive_checked()


def kill_oneself(visitor):
    session, other = visitor.session("split"), visitor.session("split", user=USERS[0], password=USERS[0])
    session.query("SET @a = 1")
    try:
        other.query(f"KILL {other.query('SELECT CONNECTION_ID()').rows[0][0].decode()}")
    except wire.ServerError as error:
        if error.code != 1317:  # ER_QUERY_INTERRUPTED
            raise


LIVES = (
    *(come_and_go,) * 4, guess_a_password, *(break_off_a_log_in,) * 2, babble, change_user, reset, temporary_table,
    *(prepared_statements,) * 2, cursor, *(open_transaction,) * 2, user_lock, *(write_and_read,) * 2, abandon_a_result,
    abandon_a_command, local_file, kill_oneself,
)


def live(proxy, rng):
    """One client's life: (its name, what went wrong or None)."""
    life, visitor = rng.choice(LIVES), Visitor(proxy, rng)
    try:
        life(visitor)
        return life.__name__, None
    except wire.ServerError as error:
        return life.__name__, f"error {error.code}"
    except LOST:
        return life.__name__, "lost"
    finally:
        visitor.leave()
