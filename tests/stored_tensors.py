"""Files of weights as text in a suite: a listing of a safetensors file, and the file made from it.

A listing has a line for each tensor, `model.norm.weight F32 [64]`; the data are a hole in the file.
`less 8` as the last line cuts that many bytes off its end. Any other text is the file itself.
"""

from __future__ import annotations

import json
import re
import struct
from math import prod
from pathlib import Path

from forgather_lint.deployment.checkpoint.headers import BITS

SUFFIX = ".safetensors"
_LINE = re.compile(r"(?P<name>\S+) (?P<dtype>[A-Z]\w*) \[(?P<shape>[\d, ]*)\]")
_LESS = re.compile(r"less (\d+)")


def is_listing(text: str) -> bool:
    """Whether `text` lists tensors."""
    return bool(_LINE.match(text))


def write(listing: str, path: Path) -> None:
    """Write the file that `listing` describes."""
    described, reached, less = {}, 0, 0
    for line in filter(None, map(str.strip, listing.splitlines())):
        if found := _LESS.fullmatch(line):
            less = int(found[1])
            continue
        tensor = _LINE.fullmatch(line)
        assert tensor is not None, f"no tensor: {line}"
        shape = [int(size) for size in tensor["shape"].split(",") if size.strip()]
        end = reached + prod(shape) * BITS[tensor["dtype"]] // 8
        offsets = [reached, end]
        described[tensor["name"]] = {
            "dtype": tensor["dtype"],
            "shape": shape,
            "data_offsets": offsets,
        }
        reached = end
    header = json.dumps(described).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + reached - less)
