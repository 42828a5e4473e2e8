"""Bounds for hostile input: bytes, decompressed bytes, points, rows, seconds.

Everything is read in chunks through `BoundedReader`; the first bound that is exceeded raises `Refused`, which
`parse_file` turns into a problem. Memory stays at the size of the chunk plus what the bounds on points and rows allow.
"""

from __future__ import annotations

import time
import zlib
from io import BytesIO
from typing import BinaryIO

from modeling.history.contract import Limits

CHUNK = 64 * 1024
GZIP_MAGIC = b"\x1f\x8b"


class Refused(Exception):
    """The file as a whole cannot be taken; the message is the reason shown to people."""


class Deadline:
    """A budget of wall-clock seconds that is checked every so many steps (a clock call a point would cost more than
    parsing).
    """

    def __init__(self, seconds: float, *, every: int = 512) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._every = every
        self._steps = 0

    def tick(self) -> None:
        """Count one step. Raises Refused when the time is up."""
        self._steps += 1
        if self._steps % self._every == 0:
            self.check()

    def is_over(self) -> bool:
        """Return whether the time is up."""
        return time.monotonic() > self._end

    def check(self) -> None:
        """Raises Refused when the time is up."""
        if self.is_over():
            raise Refused(f"reading took longer than {self._seconds:g} s")


class BoundedReader:
    """Reads a stream, gzip-compressed or not, and refuses beyond the limits.

    Members of a multi-member gzip file are read one after the other, zero padding after them is ignored.
    """

    def __init__(self, raw: BinaryIO, limits: Limits) -> None:
        self._raw = raw
        self._limits = limits
        self._taken = 0
        self._given = 0
        self._ended = False
        self._buffer = b""
        self._pending = self._take()
        self.compressed = self._pending[:2] == GZIP_MAGIC
        self._inflater = zlib.decompressobj(wbits=31) if self.compressed else None

    def peek(self, size: int) -> bytes:
        """Return up to `size` next bytes without consuming them."""
        while len(self._buffer) < size:
            piece = self._next()
            if not piece:
                break
            self._buffer += piece
        return self._buffer[:size]

    def chunk(self) -> bytes:
        """Return the next bytes, b"" at the end."""
        if self._buffer:
            piece, self._buffer = self._buffer, b""
            return piece
        return self._next()

    def read_all(self) -> bytes:
        """Return everything that is left, within the limits."""
        pieces = []
        while piece := self.chunk():
            pieces.append(piece)
        return b"".join(pieces)

    def _take(self) -> bytes:
        piece = self._raw.read(CHUNK)
        self._taken += len(piece)
        if self._taken > self._limits.max_bytes:
            raise Refused(f"larger than {_mb(self._limits.max_bytes)}")
        return piece

    def _next(self) -> bytes:
        piece = self._plain() if self._inflater is None else self._inflated()
        self._given += len(piece)
        if self._given > self._limits.max_uncompressed_bytes:
            raise Refused(f"larger than {_mb(self._limits.max_uncompressed_bytes)} when decompressed")
        return piece

    def _plain(self) -> bytes:
        piece, self._pending = self._pending, b""
        return piece or self._take()

    def _inflated(self) -> bytes:
        while not self._ended:
            assert self._inflater is not None
            if self._inflater.eof:
                rest = (self._inflater.unused_data + self._pending).lstrip(b"\0") or self._take().lstrip(b"\0")
                self._pending = rest
                if not rest:
                    self._ended = True
                    return b""
                self._inflater = zlib.decompressobj(wbits=31)
            source = self._inflater.unconsumed_tail or self._pending or self._take()
            if source is self._pending:
                self._pending = b""
            piece = self._inflate(source)
            if piece:
                return piece
        return b""

    def _inflate(self, source: bytes) -> bytes:
        assert self._inflater is not None
        if not source:
            raise Refused("the gzip data ends early")
        try:
            return self._inflater.decompress(source, CHUNK)
        except zlib.error as error:
            raise Refused("damaged gzip data") from error


def open_bounded(data: BinaryIO | bytes, limits: Limits) -> BoundedReader:
    """Wrap bytes or a binary stream; gzip is recognised by content, whatever the name says."""
    return BoundedReader(BytesIO(data) if isinstance(data, bytes | bytearray | memoryview) else data, limits)


def _mb(size: int) -> str:
    return f"{size / 1024 / 1024:.4g} MB"
