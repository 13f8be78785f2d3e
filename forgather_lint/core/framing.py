"""Messages between processes of this tool: the length, then as many bytes."""

from __future__ import annotations

import os
import struct
from typing import IO

_LENGTH = struct.Struct("!Q")
_CHUNK = 1 << 16


def send(stream: IO[bytes], data: bytes) -> None:
    """Write one message and flush."""
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def received(stream: IO[bytes]) -> bytes | None:
    """The next message, None when the other side has closed, or died in the middle of one."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return data if len(data) == length else None


def send_to(descriptor: int, data: bytes) -> None:
    """Write one message to a file descriptor."""
    left = memoryview(_LENGTH.pack(len(data)) + data)
    while left:
        left = left[os.write(descriptor, left) :]


def received_from(descriptor: int) -> bytes | None:
    """The next message of a file descriptor, None when the other side has closed.

    Nothing behind it is read, so that `select` still reports a further message.
    """
    head = _exactly(descriptor, _LENGTH.size)
    return None if head is None else _exactly(descriptor, _LENGTH.unpack(head)[0])


def complete(read: bytes | bytearray) -> memoryview | None:
    """The first message in `read`, None as long as it is not complete."""
    if len(read) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(read)
    end = _LENGTH.size + length
    return memoryview(read)[_LENGTH.size : end] if len(read) >= end else None


def _exactly(descriptor: int, size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        chunk = os.read(descriptor, min(_CHUNK, size - len(data)))
        if not chunk:
            return None
        data += chunk
    return bytes(data)
