"""The header of a safetensors file: which tensors it holds.

The format: eight bytes with the length of what follows, a JSON object, the data. What is refused
here is what the `safetensors` library refuses, in its words (safetensors 0.8.0, src/tensor.rs).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import TypeGuard

from forgather_lint.core import git_lfs
from forgather_lint.core.files import opened
from forgather_lint.core.record import record
from forgather_lint.core.remembered import remembered

LONGEST = 100_000_000
"""The longest header that the library accepts, in bytes."""

_LENGTH = 8
_WORD = 2**64
_METADATA = "__metadata__"
_SAID = "SafetensorError: Error while deserializing header: {}"

BITS: Mapping[str, int] = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}
"""The dtypes of the format, with the bits of an element."""


@record
class StoredTensor:
    """One tensor of a file; `dtype` is the word of the format, such as `BF16`."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """The size of the tensor on disk, in bytes."""
        return -(-prod(self.shape) * BITS[self.dtype] // 8)


@record
class Header:
    """The tensors of one file, by name."""

    tensors: Mapping[str, StoredTensor]


@record
class BrokenHeader:
    """A file that the library refuses: `said` is its error, `why` says what the file is instead."""

    said: str
    why: str = ""


@record
class Unread:
    """A file that this tool does not read, though the engine would; `why` is a short reason."""

    why: str


class _Refused(Exception):
    """The library refuses the header; the message is the library's."""


@remembered(2048)
def header_of(path: Path) -> Header | BrokenHeader | Unread:
    """The header of the file at `path`; nothing behind it is read.

    The same file is asked for once for every release that judges it.
    """
    try:
        with opened(path) as file:
            size, start = file.size, file.read(_LENGTH)
            length = int.from_bytes(start, "little")
            if (refused := _refused_length(start, length, size)) is not None:
                rest = file.read(len(git_lfs.BEGINNING) - _LENGTH)
                return BrokenHeader(_SAID.format(refused), _what_else(start + rest, size))
            text = file.read(length)
    except OSError as error:
        return Unread(error.strerror or "unreadable")
    try:
        return Header(dict(_tensors(_object(text), size - _LENGTH - length)))
    except _Refused as error:
        why = "the file ends before its last tensor does" if "not fully" in str(error) else ""
        return BrokenHeader(_SAID.format(error), why)


def _refused_length(start: bytes, length: int, size: int) -> str | None:
    if len(start) < _LENGTH:
        return "header too small"
    if length > LONGEST:
        return "header too large"
    return "invalid header length" if length > size - _LENGTH else None


def _what_else(start: bytes, size: int) -> str:
    """What a file that is no safetensors file seems to be, by its first bytes; empty if unknown."""
    if start.startswith(git_lfs.BEGINNING):
        return git_lfs.SAID
    if start.startswith(b"PK\x03\x04"):
        return "a pickled checkpoint of torch under another name"
    return "an empty file" if not size else ""


def _object(text: bytes) -> Mapping[str, object]:
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Refused(f"invalid UTF-8 in header: byte {error.start}") from None
    try:
        values = json.loads(decoded)
    except (ValueError, RecursionError):
        raise _Refused("invalid JSON in header") from None
    if not isinstance(values, dict):
        raise _Refused("invalid JSON in header: invalid type")
    return values


def _tensors(values: Mapping[str, object], data: int) -> Iterator[tuple[str, StoredTensor]]:
    """The tensors that `values` describe, which must cover the `data` bytes behind the header."""
    spans: list[tuple[int, int, str]] = []
    for name, said in values.items():
        if name == _METADATA:
            continue
        stored, start, end = _tensor(said)
        spans.append((start, end, name))
        if _bits(stored) != 8 * (end - start):
            raise _Refused("invalid shape, data type, or offset for tensor")
        yield name, stored
    reached = 0
    for start, end, name in sorted(spans):
        if start != reached or end < start:
            raise _Refused(f"invalid offset for tensor `{name}`")
        reached = end
    if reached != data:
        raise _Refused("incomplete metadata, file not fully covered")


def _bits(stored: StoredTensor) -> int:
    """The size of a tensor in bits; the product is not computed further than a machine word."""
    bits = 1
    for size in (*stored.shape, BITS[stored.dtype]):
        bits *= size
        if bits >= _WORD:
            raise _Refused("overflow computing buffer size from shape and/or element type")
    return bits


def _tensor(said: object) -> tuple[StoredTensor, int, int]:
    if not isinstance(said, dict):
        raise _Refused("invalid JSON in header: invalid type, expected struct TensorInfo")
    dtype, shape, offsets = said.get("dtype"), said.get("shape"), said.get("data_offsets")
    for name, value in (("dtype", dtype), ("shape", shape), ("data_offsets", offsets)):
        if value is None:
            raise _Refused(f"invalid JSON in header: missing field `{name}`")
    if not isinstance(dtype, str) or dtype not in BITS:
        raise _Refused(f"invalid JSON in header: unknown variant `{dtype}`")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise _Refused("invalid JSON in header: invalid value, expected usize")
    return StoredTensor(dtype, tuple(shape)), offsets[0], offsets[1]


def _are_sizes(values: object) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(
        type(each) is int and 0 <= each < _WORD for each in values
    )
