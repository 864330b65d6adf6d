"""Steps of a test: what one client does at one moment, and how it is done over a connection.

A step prints as the Python expression that makes it, so that what a failing run prints can be run again. Strings
may contain ME and OTHER(n), which stand for connection ids, since those differ from side to side.
"""

import struct
from pathlib import Path

import wire
from answers import AnswerReader, Shape, describe_error, describe_ok, failed, safely
from wire import as_bytes

ME = "<my connection id>"
UNKNOWN_STATEMENT = 987654321  # nobody prepares that many

TIMEOUT = 60  # seconds; nothing that is generated waits for longer than a few


def other(client):
    return f"<connection id of client {client}>"


class Step:
    """`kind` is a key of KINDS or one of connect, together, quit and vanish; `what` are its arguments."""

    def __init__(self, client, kind, **what):
        self.client, self.kind, self.what = client, kind, what

    def __repr__(self):
        arguments = "".join(f", {name}={value!r}" for name, value in self.what.items())
        return f"Step({self.client}, {self.kind!r}{arguments})"

    def __eq__(self, other_step):
        return repr(self) == repr(other_step)

    def __hash__(self):
        return hash(repr(self))

    def get(self, name, default=None):
        return self.what.get(name, default)


class Statement:
    """What a client remembers of a statement that it has prepared."""

    def __init__(self, number, parameters):
        self.number, self.parameters = number, parameters
        self.columns, self.cursor = [], 0  # as of the last execution


class Party:
    """One client on one side: its connection, if it has one, and its prepared statements by name."""

    def __init__(self, address, account, schemas):
        self.address, self.account, self.schemas = address, account, schemas
        self.connection = None
        self.connection_id = None
        self.statements = {}

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection, self.statements = None, {}

    # ---- A step in two halves, so that both sides can work at the same time ----

    def send(self, step, ids):
        """`ids` are the connection ids of all clients on this side, by client."""
        self.sent = []
        if step.kind == "vanish":
            self.close()
        if self.connection is None or step.kind == "connect":
            return
        steps = step.get("steps") if step.kind == "together" else [step]
        self.sent = [(one, *self.encode(one, ids)) for one in steps]
        try:
            if len(self.sent) == 1:
                self.connection.command(*self.sent[0][1])
            else:
                self.connection.send_together([command for _, command, _ in self.sent])
        except OSError:
            pass  # the answer tells

    def answer(self, step):
        """The answers, one for each command."""
        if step.kind == "connect":
            return [self.connect(step)]
        if step.kind == "vanish":
            return [[]]
        if self.connection is None:
            return [[{"part": "not connected"}]]
        answers = []
        for one, _, shape in self.sent:
            answers.append(self.answer_one(one, shape))
            if answers[-1] and failed(answers[-1][-1]):
                self.close()
                break
        if step.kind == "quit":
            self.close()
        return answers

    # ---- Log-in ----

    def connect(self, step):
        self.close()
        parts = []

        def log_in():
            self.connection = wire.Wire(self.address, TIMEOUT)
            options = {name: value for name, value in step.what.items() if name != "tls"}
            parts.append({"part": "log-in"})
            user, password = self.account
            try:
                ok = self.connection.login(user, password, tls=bool(step.get("tls")), **options)
            except wire.ServerError as error:
                parts.append(describe_error(error))
                return
            parts[0].update(self.describe_greeting())
            parts.append({"part": "ok", **describe_ok(ok)})

        safely(self, parts, log_in)
        if parts[-1]["part"] != "ok":
            self.close()
        else:
            self.connection_id = self.connection.connection_id
        return parts

    def describe_greeting(self):
        """What the server said before it knew who came. Its capabilities are judged by what was agreed on."""
        connection = self.connection
        return {
            "protocol": connection.protocol, "version": connection.version, "charset": connection.charset,
            "status": connection.status, "plugin": connection.plugin, "capabilities": connection.capabilities,
        }

    @property
    def socket(self):
        return self.connection.socket

    # ---- Commands ----

    def encode(self, step, ids):
        """((command, body), shape)"""
        return KINDS[step.kind](self, step, ids)

    def answer_one(self, step, shape):
        if len(self.sent) > 1:
            self.connection.expect_reply()
        if shape is Shape.LOG_IN:
            return self.finish_change_of_user()
        statement = self.statements.get(step.get("name"))
        reader = AnswerReader(self.connection, step.get("file", ()))
        fetches = shape is Shape.ROWS and statement is not None
        parts = reader.read(shape, statement.columns if fetches else ())
        if shape is Shape.PREPARED and reader.prepared:
            self.statements[step.get("name")] = Statement(*reader.prepared)
        if shape is Shape.BINARY_RESULTS and statement is not None:
            statement.columns = reader.columns
        succeeded = bool(parts) and parts[-1]["part"] == "ok"
        if step.kind == "reset connection" and succeeded:
            self.statements = {}
        return parts

    def finish_change_of_user(self):
        parts = []

        def finish():
            try:
                ok = self.connection.finish_login(as_bytes(self.account[1]), "caching_sha2_password")
            except wire.ServerError as error:
                parts.append(describe_error(error))
                return
            parts.append({"part": "ok", **describe_ok(ok)})
            self.statements = {}

        return safely(self.connection, parts, finish)

    def number_of(self, step):
        statement = self.statements.get(step.get("name"))
        return UNKNOWN_STATEMENT if statement is None else statement.number


def with_ids(text, party, ids):
    """The text with connection ids in place of what stands for them."""
    if isinstance(text, bytes) or "<" not in text:
        return as_bytes(text)
    text = text.replace(ME, str(party.connection_id))
    for client, number in ids.items():
        text = text.replace(other(client), str(number))
    return as_bytes(text)


# ---- One function for each kind of command ----


def query(party, step, ids):
    body = party.connection.query_body(with_ids(step.get("sql"), party, ids), step.get("attributes"))
    return (wire.COM_QUERY, body), Shape.RESULTS


def prepare(party, step, ids):
    return (wire.COM_STMT_PREPARE, with_ids(step.get("sql"), party, ids)), Shape.PREPARED


def execute(party, step, _):
    """MySQL 9.7 loses the rows, and the end, of a statement that runs without a cursor after its first run was with
    one; so a statement that once had a cursor keeps it."""
    cursor = step.get("cursor", 0)
    statement = party.statements.get(step.get("name"))
    if statement is not None:
        cursor = statement.cursor = statement.cursor or cursor
    body = party.connection.execute_body(
        party.number_of(step), step.get("values", ()), cursor, step.get("attributes"), step.get("with_types", True)
    )
    return (wire.COM_STMT_EXECUTE, body), Shape.BINARY_RESULTS


def fetch(party, step, _):
    return (wire.COM_STMT_FETCH, struct.pack("<II", party.number_of(step), step.get("count"))), Shape.ROWS


def long_data(party, step, _):
    head = struct.pack("<IH", party.number_of(step), step.get("parameter"))
    return (wire.COM_STMT_SEND_LONG_DATA, head + step.get("data")), Shape.NOTHING


def reset_statement(party, step, _):
    return (wire.COM_STMT_RESET, struct.pack("<I", party.number_of(step))), Shape.ONE


def close_statement(party, step, _):
    body = struct.pack("<I", party.number_of(step))
    party.statements.pop(step.get("name"), None)
    return (wire.COM_STMT_CLOSE, body), Shape.NOTHING


def change_user(party, step, _):
    user, password = party.account
    if step.get("wrong"):
        password += "?"
    body = party.connection.change_user_body(user, password, step.get("database", ""), step.get("charset", 255))
    return (wire.COM_CHANGE_USER, body), Shape.LOG_IN


def command(party, step, ids):
    return (step.get("number"), with_ids(step.get("body", b""), party, ids)), Shape[step.get("shape", "ONE")]


def kill_by_command(party, _, __):
    return (wire.COM_PROCESS_KILL, struct.pack("<I", party.connection_id)), Shape.ONE


KINDS = {
    "query": query,
    "prepare": prepare,
    "execute": execute,
    "fetch": fetch,
    "long data": long_data,
    "reset statement": reset_statement,
    "close statement": close_statement,
    "use": lambda party, step, _: ((wire.COM_INIT_DB, as_bytes(step.get("schema"))), Shape.ONE),
    "field list": lambda party, step, _: (
        (wire.COM_FIELD_LIST, as_bytes(step.get("table")) + b"\0" + as_bytes(step.get("pattern", ""))), Shape.COLUMNS,
    ),
    "statistics": lambda party, step, _: ((wire.COM_STATISTICS, b""), Shape.TEXT),
    "ping": lambda party, step, _: ((wire.COM_PING, b""), Shape.ONE),
    "debug": lambda party, step, _: ((wire.COM_DEBUG, b""), Shape.ONE),
    "set option": lambda party, step, _: (
        (wire.COM_SET_OPTION, struct.pack("<H", step.get("option"))), Shape.ONE,
    ),
    "reset connection": lambda party, step, _: ((wire.COM_RESET_CONNECTION, b""), Shape.ONE),
    "change user": change_user,
    "kill by command": kill_by_command,
    "command": command,
    "quit": lambda party, step, _: ((wire.COM_QUIT, b""), Shape.NOTHING),
}


def load(path):
    """Steps from a file of such expressions, one in each line, maybe with a comma behind it; lines with '#' are comments."""
    names = {"Step": Step, "Typed": wire.Typed, "LongData": wire.LongData}
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [eval(line.rstrip().rstrip(","), {"__builtins__": {}}, names) for line in lines if line.strip() and line[0] != "#"]
