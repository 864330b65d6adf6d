"""A small MySQL client that shows every byte: for statements and packets that no library would send.

Wire speaks the classic protocol as the manual has it: log-in with caching_sha2_password or
mysql_native_password, over TLS or with the server's RSA key, text and prepared statements, cursors, long
data, query attributes, LOAD DATA LOCAL, compression with zlib and zstd. Nothing is hidden: capabilities,
sequence numbers, status flags, session trackers and every field of a column can be set and looked at, and
several commands can be sent in one segment, before the first is answered.
"""

import hashlib
import socket
import ssl
import struct

import compressed

LONG_PASSWORD = 1
FOUND_ROWS = 2
LONG_FLAG = 4
CONNECT_WITH_DB = 8
NO_SCHEMA = 16
COMPRESS = 32
ODBC = 64
LOCAL_FILES = 128
IGNORE_SPACE = 256
PROTOCOL_41 = 512
INTERACTIVE = 1024
SSL = 2048
TRANSACTIONS = 8192
SECURE_CONNECTION = 32768
MULTI_STATEMENTS = 1 << 16
MULTI_RESULTS = 1 << 17
PS_MULTI_RESULTS = 1 << 18
PLUGIN_AUTH = 1 << 19
CONNECT_ATTRIBUTES = 1 << 20
PLUGIN_AUTH_LENENC = 1 << 21
SESSION_TRACK = 1 << 23
DEPRECATE_EOF = 1 << 24
OPTIONAL_METADATA = 1 << 25
ZSTD_COMPRESSION = 1 << 26
QUERY_ATTRIBUTES = 1 << 27

OLD = (
    LONG_PASSWORD | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | PLUGIN_AUTH | PLUGIN_AUTH_LENENC
    | MULTI_RESULTS | PS_MULTI_RESULTS
)
MODERN = OLD | DEPRECATE_EOF | SESSION_TRACK | QUERY_ATTRIBUTES

IN_TRANSACTION = 1
AUTOCOMMIT = 2
MORE_RESULTS = 8
NO_GOOD_INDEX_USED = 16
NO_INDEX_USED = 32
CURSOR_EXISTS = 64
LAST_ROW_SENT = 128
NO_BACKSLASH_ESCAPES = 0x200
QUERY_WAS_SLOW = 0x800
IN_READ_ONLY_TRANSACTION = 0x2000
SESSION_CHANGED = 0x4000

# The types of session trackers in an OK.
TRACK_VARIABLE, TRACK_SCHEMA, TRACK_STATE, TRACK_GTIDS, TRACK_CHARACTERISTICS, TRACK_TRANSACTION = range(6)

COM_QUIT, COM_INIT_DB, COM_QUERY, COM_FIELD_LIST = 1, 2, 3, 4
COM_STATISTICS, COM_PROCESS_INFO, COM_PROCESS_KILL, COM_DEBUG, COM_PING, COM_CHANGE_USER = 9, 10, 12, 13, 14, 17
COM_STMT_PREPARE, COM_STMT_EXECUTE, COM_STMT_SEND_LONG_DATA, COM_STMT_CLOSE = 22, 23, 24, 25
COM_STMT_RESET, COM_SET_OPTION, COM_STMT_FETCH, COM_RESET_CONNECTION = 26, 27, 28, 31
COM_BINLOG_DUMP, COM_REGISTER_SLAVE, COM_BINLOG_DUMP_GTID = 18, 21, 30

LARGEST_PACKET = (1 << 24) - 1
LARGEST_PIECE = 1 << 18  # of what is taken from the socket at once

TYPE_TINY, TYPE_SHORT, TYPE_LONG, TYPE_FLOAT, TYPE_DOUBLE, TYPE_NULL, TYPE_TIMESTAMP, TYPE_LONGLONG = range(1, 9)
TYPE_DATE, TYPE_TIME, TYPE_DATETIME, TYPE_YEAR = 10, 11, 12, 13
TYPE_NEWDECIMAL, TYPE_BLOB, TYPE_VAR_STRING, TYPE_STRING = 246, 252, 253, 254
UNSIGNED = 32  # a flag of columns


class ServerError(Exception):
    """An ERR packet."""

    def __init__(self, code, state, message):
        super().__init__(f"ERROR {code} ({state}): {message}")
        self.code, self.state, self.message = code, state, message


class Closed(Exception):
    """The other side has closed the connection."""


# ---- Values in packets ----


def lenenc(number):
    if number < 251:
        return bytes([number])
    if number < 1 << 16:
        return b"\xfc" + struct.pack("<H", number)
    if number < 1 << 24:
        return b"\xfd" + struct.pack("<I", number)[:3]
    return b"\xfe" + struct.pack("<Q", number)


def lenenc_text(value):
    return lenenc(len(value)) + value


def as_bytes(value):
    return value.encode() if isinstance(value, str) else value


class Reader:
    """Takes values off the front of a packet."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, size):
        if size > self.left():
            raise ValueError(f"a packet ends {size - self.left()} bytes early: {self.data[:80]!r}")
        self.at += size
        return self.data[self.at - size : self.at]

    def integer(self, size):
        return int.from_bytes(self.take(size), "little")

    def lenenc(self):
        first = self.integer(1)
        return first if first < 251 else self.integer({252: 2, 253: 3, 254: 8}[first])

    def text(self):
        return self.take(self.lenenc())

    def zero_ended(self):
        end = self.data.index(b"\0", self.at)
        value = self.data[self.at : end]
        self.at = end + 1
        return value

    def rest(self):
        return self.take(self.left())


class Ok:
    """An OK packet, also one that ends a result set. `changes` holds (type, bytes) of session trackers."""

    def __init__(self, payload, capabilities):
        reader = Reader(payload)
        reader.take(1)
        self.affected, self.insert_id = reader.lenenc(), reader.lenenc()
        self.status, self.warnings = reader.integer(2), reader.integer(2)
        self.info, self.changes = b"", []
        if not capabilities & SESSION_TRACK:
            self.info = reader.rest()
        elif reader.left():
            self.info = reader.text()
            if self.status & SESSION_CHANGED:
                block = Reader(reader.text())
                while block.left():
                    kind = block.integer(1)
                    self.changes.append((kind, block.text()))

    def changed(self, kind):
        return [data for type_, data in self.changes if type_ == kind]


class Column:
    """A column definition. `default` is what COM_FIELD_LIST alone tells: bytes, or None for NULL."""

    def __init__(self, payload):
        reader = Reader(payload)
        self.catalog, self.schema, self.table, self.original_table, self.name, self.original_name = (
            reader.text() for _ in range(6)
        )
        reader.take(1)
        self.charset, self.length, self.type = reader.integer(2), reader.integer(4), reader.integer(1)
        self.flags, self.decimals = reader.integer(2), reader.integer(1)
        self.filler, self.default = reader.take(2), None
        if reader.left() and reader.data[reader.at] != 0xFB:
            self.default = reader.text()


class Result:
    """One result: columns and rows (bytes or None in text, Python values in binary), or an OK alone.

    Where the server leaves the columns out, a binary row is a list of its payload alone. `middle` is the EOF behind
    the columns, for those who get one.
    """

    def __init__(self, columns=(), rows=(), end=None, middle=None):
        self.columns, self.rows, self.end, self.middle = list(columns), list(rows), end, middle


class Statement:
    def __init__(self, number, parameters, columns, warnings):
        self.number, self.parameters, self.columns, self.warnings = number, parameters, columns, warnings


def text_row(payload, count):
    reader = Reader(payload)
    row = []
    for _ in range(count):
        if reader.data[reader.at] == 0xFB:
            reader.take(1)
            row.append(None)
        else:
            row.append(reader.text())
    return row


FIXED_SIZE = {1: 1, 2: 2, 13: 2, 3: 4, 9: 4, 8: 8}


def binary_value(reader, column):
    if column.type in FIXED_SIZE:
        size = FIXED_SIZE[column.type]
        return int.from_bytes(reader.take(size), "little", signed=not column.flags & UNSIGNED)
    if column.type == 4:
        return struct.unpack("<f", reader.take(4))[0]
    if column.type == 5:
        return struct.unpack("<d", reader.take(8))[0]
    if column.type in (7, 10, 12):
        parts = Reader(reader.take(reader.integer(1)))
        if not parts.left():
            return (0, 0, 0)
        value = (parts.integer(2), parts.integer(1), parts.integer(1))
        while parts.left():
            value += (parts.integer(1) if parts.left() != 4 else parts.integer(4),)
        return value
    if column.type == 11:
        parts = Reader(reader.take(reader.integer(1)))
        if not parts.left():
            return (0, 0, 0, 0, 0)
        value = (parts.integer(1), parts.integer(4), parts.integer(1), parts.integer(1), parts.integer(1))
        return value + ((parts.integer(4),) if parts.left() else ())
    return reader.text()


def binary_row(payload, columns):
    reader = Reader(payload)
    reader.take(1)
    nulls = reader.take((len(columns) + 9) // 8)
    return [
        None if nulls[(i + 2) // 8] >> ((i + 2) % 8) & 1 else binary_value(reader, column)
        for i, column in enumerate(columns)
    ]


def binary_parameters(values, names=None, with_types=True):
    """The null bitmap, the types (with names, for query attributes) and the values.

    Without types the values count as being of those that were sent last.
    """
    nulls, types, data = bytearray((len(values) + 7) // 8), b"", b""
    for i, value in enumerate(values):
        if value is None:
            nulls[i // 8] |= 1 << (i % 8)
            types += bytes([TYPE_NULL, 0])
        elif isinstance(value, LongData):
            types += bytes([TYPE_VAR_STRING if value.is_text else TYPE_BLOB, 0])
        elif isinstance(value, Typed):
            types += bytes([value.type, 128 if value.is_unsigned else 0])
            data += value.data
        elif isinstance(value, int):
            types += bytes([TYPE_LONGLONG, 0])
            data += struct.pack("<q", value)
        elif isinstance(value, float):
            types += bytes([TYPE_DOUBLE, 0])
            data += struct.pack("<d", value)
        else:
            types += bytes([TYPE_VAR_STRING if isinstance(value, str) else TYPE_BLOB, 0])
            data += lenenc_text(as_bytes(value))
        if names is not None:
            types += lenenc_text(as_bytes(names[i]))
    return bytes(nulls) + (b"\x01" + types if with_types else b"\0") + data


class LongData:
    """Stands for a parameter whose value was sent with send_long_data()."""

    def __init__(self, is_text=False):
        self.is_text = is_text

    def __repr__(self):
        return "LongData(is_text=True)" if self.is_text else "LongData()"


class Typed:
    """A parameter of that very type; `data` is its value as it stands in the packet."""

    def __init__(self, type, data, is_unsigned=False):
        self.type, self.data, self.is_unsigned = type, data, is_unsigned

    def __repr__(self):
        return f"Typed({self.type}, {self.data!r}, {self.is_unsigned})"


# ---- Passwords ----


def xor(left, right):
    return bytes(a ^ b for a, b in zip(left, right))


def native_reply(password, nonce):
    if not password:
        return b""
    once = hashlib.sha1(password).digest()
    return xor(once, hashlib.sha1(nonce + hashlib.sha1(once).digest()).digest())


def caching_sha2_reply(password, nonce):
    if not password:
        return b""
    once = hashlib.sha256(password).digest()
    twice = hashlib.sha256(once).digest()
    return xor(once, hashlib.sha256(twice + nonce).digest())


def rsa_encrypted(password, nonce, key_pem):
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding

    clear = password + b"\0"
    mask = (nonce * (len(clear) // len(nonce) + 1))[: len(clear)]
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    return serialization.load_pem_public_key(key_pem).encrypt(xor(clear, mask), oaep)


# ---- The connection ----


class Wire:
    """A connection. Nothing is sent before login() or one of the raw calls."""

    def __init__(self, address, timeout=30, source=None, preamble=b""):
        """From that address of this machine, and with these bytes in front of everything."""
        self.socket = socket.create_connection(
            address, timeout=timeout, source_address=(source, 0) if source else None
        )
        if preamble:
            self.socket.sendall(preamble)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sequence = 0
        self.capabilities = 0
        self.buffer = bytearray()
        self.is_tls = False
        self.checks_numbers = True  # of packets; a server that compresses numbers them by frames
        self.compression = None  # "zlib" or "zstd"; `socket` is then a CompressedSocket
        self.log_in_path = None  # "fast", "full by TLS", "full by RSA key", "native"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # Packets.

    def send_raw(self, data):
        """Bytes as they are; frames too if both sides compress."""
        (self.socket.socket if self.compression else self.socket).sendall(data)

    def send(self, payload, sequence=None):
        """One packet, or as many as its length needs."""
        if sequence is not None:
            self.sequence = sequence
        packets, rest = [], memoryview(payload)
        while True:
            piece, rest = rest[:LARGEST_PACKET], rest[LARGEST_PACKET:]
            packets += (struct.pack("<I", len(piece))[:3] + bytes([self.sequence & 255]), piece)
            self.sequence += 1
            if len(piece) < LARGEST_PACKET:
                self.socket.sendall(b"".join(packets))
                return

    def send_pieces(self, pieces, size):
        """One payload of so many bytes in all, which need not be in memory at once."""
        left, room = size, 0
        for piece in pieces:
            piece = memoryview(piece)
            while piece:
                if not room:
                    room = self._send_header(left)
                part, piece = piece[:room], piece[room:]
                self.socket.sendall(part)
                room, left = room - len(part), left - len(part)
        if left:
            raise ValueError(f"{left} bytes of the payload are missing")
        if size % LARGEST_PACKET == 0:
            self._send_header(0)

    def _send_header(self, left):
        size = min(left, LARGEST_PACKET)
        self.socket.sendall(struct.pack("<I", size)[:3] + bytes([self.sequence & 255]))
        self.sequence += 1
        return size

    def _fill(self):
        try:
            more = self.socket.recv(LARGEST_PIECE)
        except ConnectionError as error:
            raise Closed(str(error)) from None
        if not more:
            raise Closed("end of stream")
        self.buffer += more

    def _receive(self, size):
        while len(self.buffer) < size:
            self._fill()
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def receive_pieces(self):
        """The next payload, of however many packets, in pieces of at most LARGEST_PIECE bytes."""
        size = LARGEST_PACKET
        while size == LARGEST_PACKET:
            header = self._receive(4)
            size = left = int.from_bytes(header[:3], "little")
            self.sequence += 1
            while left:
                if not self.buffer:
                    self._fill()
                piece = bytes(self.buffer[: min(left, LARGEST_PIECE)])
                del self.buffer[: len(piece)]
                left -= len(piece)
                yield piece

    def receive(self, in_order=True):
        """The next payload, of however many packets, whatever it is."""
        payload = b""
        while True:
            header = self._receive(4)
            size = int.from_bytes(header[:3], "little")
            if in_order and self.checks_numbers and header[3] != self.sequence & 255:
                raise ValueError(f"packet number {header[3]} instead of {self.sequence & 255}")
            self.sequence += 1
            piece = self._receive(size)
            if size < LARGEST_PACKET and not payload:
                return piece
            payload += piece
            if size < LARGEST_PACKET:
                return payload

    def receive_checked(self):
        """The next payload; an ERR packet is raised."""
        payload = self.receive()
        if payload[:1] == b"\xff":
            raise self.error(payload)
        return payload

    @staticmethod
    def error(payload):
        reader = Reader(payload)
        reader.take(1)
        code = reader.integer(2)
        state = b""
        if reader.data[reader.at : reader.at + 1] == b"#":
            state = reader.take(6)[1:]
        return ServerError(code, state.decode(), reader.rest().decode(errors="replace"))

    def command(self, number, body=b""):
        if self.compression:
            self.socket.restart()
        self.send(bytes([number]) + body, sequence=0)

    def send_together(self, commands):
        """Several commands, each (number, body), in one write. expect_reply() comes before each reply.

        Not with compression, whose frames are numbered anew with every command.
        """
        payloads = [bytes([number]) + body for number, body in commands]
        self.send_raw(b"".join(struct.pack("<I", len(payload))[:3] + b"\0" + payload for payload in payloads))

    def expect_reply(self):
        """What comes next is the reply to a command of one packet."""
        self.sequence = 1

    # Log-in.

    def read_greeting(self):
        reader = Reader(self.receive_checked())
        self.protocol = reader.integer(1)
        self.version = reader.zero_ended().decode()
        self.connection_id = reader.integer(4)
        self.nonce = reader.take(8)
        reader.take(1)
        self.offered = reader.integer(2)
        self.charset, self.status = reader.integer(1), reader.integer(2)
        self.offered |= reader.integer(2) << 16
        reader.take(11)
        self.nonce += reader.take(12)
        reader.take(1)
        self.plugin = reader.zero_ended().decode()

    def start_tls(self, capabilities, charset=255, context=None):
        self.send(struct.pack("<IIB23x", capabilities | SSL, 1 << 30, charset))
        context = context or tls_context()
        self.socket = context.wrap_socket(self.socket)
        self.is_tls = True

    def login(
        self, user, password, database=None, tls=False, capabilities=MODERN, plugin=None, charset=255, attributes=None,
        compression=None, level=3,
    ):
        """Reads the greeting and logs in; returns the OK that ends it. `tls` may be an ssl.SSLContext."""
        self.read_greeting()
        capabilities |= {None: 0, "zlib": COMPRESS, "zstd": ZSTD_COMPRESSION}[compression]
        capabilities |= CONNECT_WITH_DB if database else 0
        capabilities |= CONNECT_ATTRIBUTES if attributes else 0
        capabilities &= self.offered
        if tls:
            self.start_tls(capabilities, charset, None if tls is True else tls)
            capabilities |= SSL
        self.capabilities = capabilities
        self.send(self.login_packet(user, password, database, plugin or self.plugin, charset, attributes, level))
        ok = self.finish_login(as_bytes(password), plugin or self.plugin)
        self.start_compression(level)
        return ok

    def start_compression(self, level):
        """If it was negotiated; zlib wins, as at the server."""
        if self.capabilities & (COMPRESS | ZSTD_COMPRESSION):
            self.compression = "zlib" if self.capabilities & COMPRESS else "zstd"
            self.socket = compressed.CompressedSocket(self.socket, self.compression, level)

    def login_packet(self, user, password, database, plugin, charset=255, attributes=None, level=3):
        packet = struct.pack("<IIB23x", self.capabilities, 1 << 30, charset) + as_bytes(user) + b"\0"
        packet += lenenc_text(self.reply(plugin, as_bytes(password)))
        if database:
            packet += as_bytes(database) + b"\0"
        packet += plugin.encode() + b"\0"
        if attributes:
            pairs = b"".join(lenenc_text(as_bytes(k)) + lenenc_text(as_bytes(v)) for k, v in attributes.items())
            packet += lenenc_text(pairs)
        if self.capabilities & ZSTD_COMPRESSION:
            packet += bytes([level])
        return packet

    def reply(self, plugin, password):
        replies = {"caching_sha2_password": caching_sha2_reply, "mysql_native_password": native_reply}
        return replies[plugin](password, self.nonce) if plugin in replies else b""

    def finish_login(self, password, plugin):
        while True:
            payload = self.receive_checked()
            if payload[:1] == b"\x00":
                return Ok(payload, self.capabilities)
            if payload[:1] == b"\xfe":
                reader = Reader(payload[1:])
                plugin = reader.zero_ended().decode()
                self.nonce = reader.rest()[:20]
                if plugin == "sha256_password":
                    self._sha256_authentication(password)
                    continue
                self.send(self.reply(plugin, password))
                self.log_in_path = "native" if plugin == "mysql_native_password" else None
            elif payload == b"\x01\x03":
                self.log_in_path = "fast"
            elif payload == b"\x01\x04":
                self._full_authentication(password)
            else:
                raise ValueError(f"unexpected packet during log-in: {payload[:80]!r}")

    def _full_authentication(self, password):
        if self.is_tls:
            self.log_in_path = "full by TLS"
            self.send(password + b"\0")
            return
        self.log_in_path = "full by RSA key"
        self.send(b"\x02")
        key = self.receive_checked()
        self.send(rsa_encrypted(password, self.nonce, key[1:]))

    def _sha256_authentication(self, password):
        """A server pretends that some of the users it does not know have this plug-in."""
        if self.is_tls or not password:
            self.send(password + b"\0")
            return
        self.send(b"\x01")
        key = self.receive_checked()
        self.send(rsa_encrypted(password, self.nonce, key[1:]))

    # Results.

    def is_end(self, payload):
        return payload[:1] == b"\xfe" and len(payload) < (LARGEST_PACKET if self.capabilities & DEPRECATE_EOF else 9)

    def end_of(self, payload):
        if self.capabilities & DEPRECATE_EOF:
            return Ok(payload, self.capabilities)
        end = Ok(b"\0\0\0\0\0\0\0", 0)
        end.warnings, end.status = struct.unpack("<HH", payload[1:5])
        return end

    def skip_eof(self):
        if not self.capabilities & DEPRECATE_EOF:
            payload = self.receive_checked()
            if not self.is_end(payload):
                raise ValueError(f"an EOF packet is missing: {payload[:40]!r}")
            return self.end_of(payload)
        return None

    def read_result(self, binary=False, local_file=None):
        """One result. `local_file` is what LOAD DATA LOCAL gets, as a list of packets."""
        payload = self.receive_checked()
        if payload[:1] == b"\x00":
            return Result(end=Ok(payload, self.capabilities))
        if payload[:1] == b"\xfb":
            for piece in local_file or ():
                self.send(piece)
            self.send(b"")
            return Result(end=Ok(self.receive_checked(), self.capabilities))
        count, columns = self.read_columns(payload)
        middle = self.skip_eof()
        if binary and middle is not None and middle.status & CURSOR_EXISTS:
            return Result(columns, [], middle, middle)
        return Result(columns, *self.read_rows(columns, binary, count), middle)

    def has_metadata(self, reader):
        """Whether definitions follow, which a server says to those who can do without."""
        return not self.capabilities & OPTIONAL_METADATA or reader.integer(1) == 1

    def read_columns(self, payload):
        """Their number, and their definitions unless they are left out."""
        reader = Reader(payload)
        count = reader.lenenc()
        return count, [Column(self.receive_checked()) for _ in range(count if self.has_metadata(reader) else 0)]

    def read_rows(self, columns, binary=False, count=None):
        rows = []
        while True:
            payload = self.receive_checked()
            if self.is_end(payload):
                return rows, self.end_of(payload)
            rows.append(self.row(payload, columns, binary, len(columns) if count is None else count))

    @staticmethod
    def row(payload, columns, binary, count):
        if not binary:
            return text_row(payload, count)
        return binary_row(payload, columns) if columns else [payload]

    def read_results(self, binary=False, local_file=None):
        results = [self.read_result(binary, local_file)]
        while results[-1].end.status & MORE_RESULTS:
            results.append(self.read_result(binary, local_file))
        return results

    # Commands.

    def query_body(self, sql, attributes=None):
        body = b""
        if self.capabilities & QUERY_ATTRIBUTES:
            attributes = attributes or {}
            body = lenenc(len(attributes)) + b"\x01"
            if attributes:
                body += binary_parameters(list(attributes.values()), list(attributes))
        return body + as_bytes(sql)

    def query_all(self, sql, attributes=None, local_file=None):
        self.command(COM_QUERY, self.query_body(sql, attributes))
        return self.read_results(local_file=local_file)

    def query(self, sql, attributes=None, local_file=None):
        return self.query_all(sql, attributes, local_file)[-1]

    def value(self, sql, attributes=None):
        """The first value of the first row, as text."""
        value = self.query(sql, attributes).rows[0][0]
        return None if value is None else value.decode()

    def simple(self, number, body=b""):
        self.command(number, body)
        return Ok(self.receive_checked(), self.capabilities)

    def ping(self):
        return self.simple(COM_PING)

    def use(self, schema):
        return self.simple(COM_INIT_DB, as_bytes(schema))

    def reset_connection(self):
        return self.simple(COM_RESET_CONNECTION)

    def statistics(self):
        self.command(COM_STATISTICS)
        return self.receive_checked().decode()

    def change_user_body(self, user, password, database="", charset=255):
        plugin = "caching_sha2_password"
        body = as_bytes(user) + b"\0"
        reply = self.reply(plugin, as_bytes(password))
        body += bytes([len(reply)]) + reply + as_bytes(database) + b"\0"
        body += struct.pack("<H", charset) + plugin.encode() + b"\0"
        if self.capabilities & CONNECT_ATTRIBUTES:
            body += b"\0"
        return body

    def change_user(self, user, password, database="", charset=255):
        self.command(COM_CHANGE_USER, self.change_user_body(user, password, database, charset))
        return self.finish_login(as_bytes(password), "caching_sha2_password")

    def field_list(self, table):
        self.command(COM_FIELD_LIST, as_bytes(table) + b"\0")
        columns = []
        while True:
            payload = self.receive_checked()
            if payload[:1] == b"\xfe" and len(payload) < 9 or self.is_end(payload):
                return columns
            columns.append(Column(payload))

    def prepare(self, sql):
        self.command(COM_STMT_PREPARE, as_bytes(sql))
        reader = Reader(self.receive_checked())
        reader.take(1)
        number, column_count, parameter_count = reader.integer(4), reader.integer(2), reader.integer(2)
        reader.take(1)
        warnings = reader.integer(2)
        has_metadata = self.has_metadata(reader)
        parameters = [Column(self.receive_checked()) for _ in range(parameter_count if has_metadata else 0)]
        if parameter_count:
            self.skip_eof()
        columns = [Column(self.receive_checked()) for _ in range(column_count if has_metadata else 0)]
        if column_count:
            self.skip_eof()
        return Statement(number, parameters, columns, warnings)

    def execute_body(self, number, values=(), cursor=0, attributes=None, with_types=True):
        flags, names = cursor, None
        values = list(values)
        body = b""
        if self.capabilities & QUERY_ATTRIBUTES:
            attributes = attributes or {}
            flags |= 8
            names = [""] * len(values) + list(attributes)
            values += list(attributes.values())
            if values:
                body += lenenc(len(values))
        if values:
            body += binary_parameters(values, names, with_types)
        elif names is not None:
            body += lenenc(0)
        return struct.pack("<IBI", number, flags, 1) + body

    def execute_all(self, statement, values=(), cursor=0, attributes=None):
        self.command(COM_STMT_EXECUTE, self.execute_body(statement.number, values, cursor, attributes))
        return self.read_results(binary=True)

    def execute(self, statement, values=(), cursor=0, attributes=None):
        return self.execute_all(statement, values, cursor, attributes)[-1]

    def open_cursor(self, statement, values=()):
        """Executes with a read-only cursor; the rows come with fetch()."""
        self.command(COM_STMT_EXECUTE, self.execute_body(statement.number, values, cursor=1))
        payload = self.receive_checked()
        columns = self.read_columns(payload)[1]
        end = self.end_of(self.receive_checked())
        return Result(columns, [], end)

    def fetch(self, statement, columns, count):
        self.command(COM_STMT_FETCH, struct.pack("<II", statement.number, count))
        return Result(columns, *self.read_rows(columns, binary=True))

    def send_long_data(self, statement, parameter, data):
        self.command(COM_STMT_SEND_LONG_DATA, struct.pack("<IH", statement.number, parameter) + data)

    def reset_statement(self, statement):
        return self.simple(COM_STMT_RESET, struct.pack("<I", statement.number))

    def close_statement(self, statement):
        self.command(COM_STMT_CLOSE, struct.pack("<I", statement.number))

    def quit(self):
        self.command(COM_QUIT)
        self.close()


def tls_context(certificate=None, key=None):
    """Trusts everybody, and shows this certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def connect(address, user, password, timeout=30, source=None, preamble=b"", **options):
    """A Wire that has logged in."""
    wire = Wire(address, timeout, source, preamble)
    try:
        wire.login(user, password, **options)
    except BaseException:
        wire.close()
        raise
    return wire
