"""LoRA adapters beside a model: in its folder, or in one directly below it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from forgather_lint.core.files import is_file, listed, real_path
from forgather_lint.core.record import record
from forgather_lint.deployment.checkpoint.headers import Header, header_of
from forgather_lint.documents.config_json import ConfigFile, read_config
from forgather_lint.documents.python import SourceError

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
PICKLED = ("adapter_model.bin", "adapter_model.pt")
MOST = 100
"""At most so many folders below a model are searched for adapters."""


@record(eq=False)
class Adapter:
    """One LoRA adapter: its config, and the names of its tensors, None where they were not read.

    `stored`: there is a file of tensors.
    """

    folder: str
    config: ConfigFile
    tensors: tuple[str, ...] | None
    stored: bool


def adapters_at(folder: Path) -> Iterator[Adapter]:
    """The adapters in `folder` and directly below it whose config can be read."""
    for place in (folder, *islice(_folders(folder), MOST)):
        adapter = adapter_at(place)
        if adapter is not None:
            yield adapter


def adapter_at(place: Path) -> Adapter | None:
    """The adapter in the folder `place`; None if there is none, or its config cannot be read."""
    if not is_file(place / CONFIG):
        return None
    try:
        config = read_config(place / CONFIG)
    except SourceError:
        return None
    found = header_of(place / TENSORS) if is_file(place / TENSORS) else None
    tensors = tuple(sorted(found.tensors)) if isinstance(found, Header) else None
    stored = any(is_file(place / name) for name in (TENSORS, *PICKLED))
    return Adapter(str(place), config, tensors, stored)


def _folders(folder: Path) -> Iterator[Path]:
    """The folders with an adapter: `folder` and those directly below; links are not followed."""
    for file in listed(folder, f"*/{CONFIG}"):
        if real_path(file.parent) == real_path(folder) / file.parent.name:
            yield file.parent
