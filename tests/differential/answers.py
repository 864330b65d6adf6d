"""What a server answered to one command, as plain values that can be compared and printed.

An answer is a list of parts in the order in which they came. Each part is a dictionary whose "part" says what it
is: ok, error, rows, prepared, columns, text, local file; or how the answer ended without one: closed, silent,
broken. Nothing is left out but the packets' sequence numbers, which are checked on the way.
"""

import enum
import struct

import wire


class Shape(enum.Enum):
    """How the reply to a command is to be read."""

    NOTHING = enum.auto()  # the command has no reply
    ONE = enum.auto()  # OK or ERR
    RESULTS = enum.auto()  # results of a text query
    BINARY_RESULTS = enum.auto()
    ROWS = enum.auto()  # COM_STMT_FETCH: rows whose columns are known
    COLUMNS = enum.auto()  # COM_FIELD_LIST
    TEXT = enum.auto()  # COM_STATISTICS
    PREPARED = enum.auto()
    LOG_IN = enum.auto()  # COM_CHANGE_USER


def failed(part):
    """Whether the connection is no longer of use."""
    return part["part"] in ("closed", "silent", "broken")


def safely(connection, parts, read, *arguments):
    """Reads into `parts`; what the other side does wrong is an answer too."""
    try:
        read(*arguments)
    except (wire.Closed, ConnectionError) as error:
        parts.append({"part": "closed", "why": type(error).__name__})
    except TimeoutError:
        parts.append({"part": "silent", "seconds": connection.socket.gettimeout()})
    except (ValueError, IndexError, KeyError, struct.error) as error:
        parts.append({"part": "broken", "why": str(error)})
    return parts


def describe_ok(ok):
    of_transactions = (wire.TRACK_CHARACTERISTICS, wire.TRACK_TRANSACTION)
    return {
        "affected": ok.affected, "insert id": ok.insert_id, "status": ok.status, "warnings": ok.warnings,
        "info": ok.info, "changes": [change for change in ok.changes if change[0] not in of_transactions],
        "transaction": [change for change in ok.changes if change[0] in of_transactions],
    }


def describe_error(error):
    return {"part": "error", "number": error.code, "state": error.state, "text": error.message}


def describe_column(column):
    return {
        "catalog": column.catalog, "schema": column.schema, "table": column.table,
        "original table": column.original_table, "name": column.name, "original name": column.original_name,
        "charset": column.charset, "length": column.length, "type": column.type, "flags": column.flags,
        "decimals": column.decimals, "filler": column.filler, "default": column.default,
    }


class AnswerReader:
    """Reads the reply to one command of a wire.Wire into `parts`."""

    def __init__(self, connection, local_file=()):
        self.connection = connection
        self.local_file = local_file
        self.parts = []
        self.columns = []  # of the last rows, for the fetches that follow
        self.count = 0  # how many there are, also when they are left out
        self.prepared = None  # (number, how many parameters), once prepared

    def read(self, shape, columns=()):
        """Returns the parts; never raises for what the other side did."""
        self.columns = list(columns)
        reads = {
            Shape.NOTHING: lambda: None, Shape.ONE: self.read_one, Shape.TEXT: self.read_text,
            Shape.RESULTS: lambda: self.read_results(False), Shape.BINARY_RESULTS: lambda: self.read_results(True),
            Shape.ROWS: self.read_fetched, Shape.COLUMNS: self.read_columns, Shape.PREPARED: self.read_prepared,
        }
        return safely(self.connection, self.parts, reads[shape])

    def ok(self, payload):
        self.parts.append({"part": "ok", **describe_ok(wire.Ok(payload, self.connection.capabilities))})
        return self.parts[-1]["status"]

    def error(self, payload):
        self.parts.append(describe_error(self.connection.error(payload)))

    def next(self):
        """The next payload; None after an ERR, which ends every reply."""
        payload = self.connection.receive()
        if payload[:1] == b"\xff":
            self.error(payload)
            return None
        return payload

    def read_one(self):
        payload = self.next()
        if payload is not None:
            self.ok(payload)

    def read_text(self):
        payload = self.next()
        if payload is not None:
            self.parts.append({"part": "text", "text": payload})

    def read_results(self, is_binary):
        while self.read_result(is_binary):
            pass

    def read_result(self, is_binary):
        """True when another result follows."""
        payload = self.next()
        if payload is None:
            return False
        if payload[:1] == b"\xfb":
            return self.send_file(payload)
        if payload[:1] == b"\x00":
            return bool(self.ok(payload) & wire.MORE_RESULTS)
        part = {"part": "rows", "first": payload, "columns": [], "middle": None, "rows": [], "end": None}
        self.parts.append(part)
        self.count, self.columns = self.connection.read_columns(payload)
        part["columns"] = [describe_column(column) for column in self.columns]
        part["middle"] = self.middle()
        # With a cursor the end of the columns is the end of it all.
        if is_binary and part["middle"] is not None and part["middle"]["status"] & wire.CURSOR_EXISTS:
            return False
        return self.read_rows(part, is_binary)

    def middle(self):
        """The EOF between columns and rows, for a client that gets one."""
        if self.connection.capabilities & wire.DEPRECATE_EOF:
            return None
        end = self.connection.skip_eof()
        return {"status": end.status, "warnings": end.warnings}

    def read_rows(self, part, is_binary):
        while True:
            payload = self.next()
            if payload is None:
                return False
            if self.connection.is_end(payload):
                part["end"] = describe_ok(self.connection.end_of(payload))
                return bool(part["end"]["status"] & wire.MORE_RESULTS)
            part["rows"].append(self.connection.row(payload, self.columns, is_binary, self.count))

    def read_fetched(self):
        columns = [describe_column(column) for column in self.columns]
        part = {"part": "rows", "columns": columns, "middle": None, "rows": [], "end": None}
        self.parts.append(part)
        self.read_rows(part, True)

    def read_columns(self):
        part = {"part": "columns", "columns": [], "end": None}
        self.parts.append(part)
        while True:
            payload = self.next()
            if payload is None:
                return
            if self.connection.is_end(payload) or payload[:1] == b"\xfe" and len(payload) < 9:
                part["end"] = describe_ok(self.connection.end_of(payload))
                return
            part["columns"].append(describe_column(wire.Column(payload)))

    def read_prepared(self):
        payload = self.next()
        if payload is None:
            return
        reader = wire.Reader(payload)
        part = {"part": "prepared", "first": reader.integer(1)}
        self.parts.append(part)
        number, columns, parameters = reader.integer(4), reader.integer(2), reader.integer(2)
        part["filler"], part["warnings"], part["rest"] = reader.integer(1), reader.integer(2), reader.rest()
        has_metadata = self.connection.has_metadata(wire.Reader(part["rest"]))
        part["parameters"] = self.read_described(parameters, has_metadata)
        part["columns"] = self.read_described(columns, has_metadata)
        self.prepared = (number, parameters)

    def read_described(self, count, has_metadata):
        described = [describe_column(wire.Column(self.connection.receive())) for _ in range(count if has_metadata else 0)]
        return {"columns": described, "end": self.middle() if count else None}

    def send_file(self, payload):
        self.parts.append({"part": "local file", "name": payload[1:]})
        for piece in self.local_file:
            self.connection.send(piece)
        self.connection.send(b"")
        payload = self.next()
        return payload is not None and bool(self.ok(payload) & wire.MORE_RESULTS)


# ---- For people ----

LONGEST_VALUE = 200


def shorten(value):
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text)} characters)"


def render(answer, most_rows=8):
    """An answer as lines of text."""
    lines = []
    for part in answer:
        lines.append(f"{part['part']}:")
        for name, value in part.items():
            if name in ("columns", "parameters") and isinstance(value, list):
                lines += [f"  column {render_column(column)}" for column in value]
            elif name == "rows":
                lines += [f"  row {shorten(row)}" for row in value[:most_rows]]
                if len(value) > most_rows:
                    lines.append(f"  … {len(value)} rows")
            elif name != "part" and value is not None:
                lines.append(f"  {name}: {shorten(value)}")
    return lines


def render_column(column):
    return " ".join(f"{name}={value!r}" for name, value in column.items() if value not in (b"", b"\0\0", None))
