"""The compressed protocol below a Wire: turns packets into compressed frames and back, and shows each.

A frame is: length of what follows the header (3 bytes), number (1), length before compression (3, 0 when stored as
is). Frames are numbered like packets: from 0 with each command, on through the reply. Here they are checked as
MySQL's own client does; anything else that a client may do wrong can be done on purpose.
"""

import ctypes
import ctypes.util
import struct
import zlib

HEADER_SIZE = 7
LARGEST_FRAME = (1 << 24) - 1
SMALLEST_COMPRESSED = 50


class WrongFrame(Exception):
    """The other side sent a frame that no client of MySQL's takes."""


class _Zstd:
    """The two functions of libzstd that are needed; Debian's Python of this release has no module for it."""

    def __init__(self):
        self.library = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
        for name in ("ZSTD_compress", "ZSTD_decompress", "ZSTD_compressBound"):
            getattr(self.library, name).restype = ctypes.c_size_t
        self.library.ZSTD_isError.argtypes = [ctypes.c_size_t]

    def _checked(self, size):
        if self.library.ZSTD_isError(size):
            raise WrongFrame("what should be zstd is not")
        return size

    def compress(self, data, level):
        room = self.library.ZSTD_compressBound(ctypes.c_size_t(len(data)))
        out = ctypes.create_string_buffer(room)
        size = self.library.ZSTD_compress(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), level)
        return out.raw[: self._checked(size)]

    def decompress(self, data, room):
        out = ctypes.create_string_buffer(room)
        size = self.library.ZSTD_decompress(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)))
        return out.raw[: self._checked(size)]


_zstd = None


def zstd():
    global _zstd
    _zstd = _zstd or _Zstd()
    return _zstd


def compress(algorithm, data, level=3):
    return zlib.compress(data) if algorithm == "zlib" else zstd().compress(data, level)


def decompress(algorithm, data, size):
    try:
        plain = zlib.decompress(data) if algorithm == "zlib" else zstd().decompress(data, size)
    except zlib.error as error:
        raise WrongFrame(str(error)) from None
    if len(plain) != size:
        raise WrongFrame(f"a frame holds {len(plain)} bytes, its header says {size}")
    return plain


def frame(number, payload, size=0):
    """The bytes of one frame; `size` is the length before compression."""
    return struct.pack("<I", len(payload))[:3] + bytes([number & 255]) + struct.pack("<I", size)[:3] + payload


class CompressedSocket:
    """What Wire uses instead of its socket once compression has begun.

    `most` is how many bytes of packets one frame takes; `log` has (number, length, length before compression) of
    every frame that was received.
    """

    def __init__(self, socket, algorithm, level=3, most=LARGEST_FRAME):
        self.socket, self.algorithm, self.level, self.most = socket, algorithm, level, most
        self.number = 0
        self.checks = True  # the numbers of what it receives
        self.buffer = bytearray()
        self.log = []
        self.received = self.received_plain = 0

    def restart(self):
        """The next frame begins a command."""
        self.number = 0

    def sendall(self, data):
        for at in range(0, len(data), self.most):
            self.send_frame(bytes(data[at : at + self.most]))

    def send_frame(self, plain, number=None, stored=False):
        if number is not None:
            self.number = number
        payload, size = plain, 0
        if len(plain) >= SMALLEST_COMPRESSED and not stored:
            packed = compress(self.algorithm, plain, self.level)
            if len(packed) < len(plain):
                payload, size = packed, len(plain)
        self.socket.sendall(frame(self.number, payload, size))
        self.number += 1

    def recv(self, _=None):
        """The bytes of the next frame that has any; nothing at the end of the stream."""
        while True:
            header = self._take(HEADER_SIZE)
            if header is None:
                return b""
            length, size = int.from_bytes(header[:3], "little"), int.from_bytes(header[4:], "little")
            if self.checks and header[3] != self.number & 255:
                raise WrongFrame(f"frame number {header[3]} instead of {self.number & 255}")
            self.number += 1
            payload = self._take(length)
            if payload is None:
                return b""
            self.log.append((header[3], length, size))
            plain = decompress(self.algorithm, payload, size) if size else payload
            self.received += HEADER_SIZE + length
            self.received_plain += len(plain)
            if plain:
                return plain

    def _take(self, size):
        while len(self.buffer) < size:
            more = self.socket.recv(1 << 18)
            if not more:
                return None
            self.buffer += more
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def __getattr__(self, name):
        return getattr(self.socket, name)
