"""`model.safetensors.index.json`: which file contains which tensor."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from forgather_lint.core.files import read_at_most
from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.remembered import remembered
from forgather_lint.core.source import Position, Span, file_start

NAME = "model.safetensors.index.json"
LARGEST = 64 << 20

_NO_MAPPING = "TypeError: {} indices must be integers or slices, not str"
_NO_NAME = "TypeError: join() argument must be str, bytes, or os.PathLike object, not '{}'"


@record(eq=False)
class Index:
    """An index as it is written; `files` maps names of tensors to names of files.

    `error` says why the engine cannot use it, `unread` why this tool did not read it.
    """

    path: str
    text: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    unread: str = ""

    def place(self, tensor: str) -> Span:
        """The line of `tensor`; the start of the file where it has none."""
        found = re.search(rf"{re.escape(json.dumps(tensor))}\s*:", self.text) if tensor else None
        if found is None:
            return file_start(self.path)
        before = self.text[: found.start()]
        row, column = before.count("\n") + 1, found.start() - (before.rfind("\n") + 1) + 1
        end = Position(row, column + len(json.dumps(tensor)))
        return Span(self.path, Position(row, column), end)

    def place_of_file(self, file: str) -> Span:
        """The line of the first tensor that the index places in `file`."""
        return self.place(next((name for name, held in self.files.items() if held == file), ""))


@port_of("vllm/model_executor/model_loader/weight_utils.py", "filter_duplicate_safetensors_files")
@remembered(16)
def index_at(file: Path) -> Index:
    """The index that stands at `file`, as vLLM takes it."""
    path = str(file)
    try:
        data = read_at_most(file, LARGEST + 1)
        if len(data) > LARGEST:
            return Index(path, unread=f"larger than {LARGEST >> 20} MiB")
        text = data.decode("utf-8")
    except OSError as error:
        return Index(path, unread=error.strerror or "unreadable")
    except UnicodeDecodeError as error:
        return Index(path, error=f"UnicodeDecodeError: byte {error.start}")
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        return Index(path, text, error=f"JSONDecodeError: {error}")
    except (ValueError, RecursionError):
        return Index(path, text, unread="nested too deep, or a number too long")
    if not isinstance(values, dict):
        return Index(path, text, error=_NO_MAPPING.format(type(values).__name__))
    if "weight_map" not in values:
        return Index(path, text, error="KeyError: 'weight_map'")
    files = values["weight_map"] or {}
    if not isinstance(files, dict):
        return Index(path, text, error=_NO_MAPPING.format(type(files).__name__))
    strange = next((each for each in files.values() if not isinstance(each, str)), "")
    if not isinstance(strange, str):
        return Index(path, text, error=_NO_NAME.format(type(strange).__name__))
    return Index(path, text, files)
