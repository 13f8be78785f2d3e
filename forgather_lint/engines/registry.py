"""Finds engines: every folder beside this file with an `engine.py` is one.

There is no list to edit.

`engine.py` defines `ENGINE`, and imports nothing that only a judgement needs.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from forgather_lint.documents.commands.found import Launch
from forgather_lint.engines.api import ModelLibrary, ReleasedProject, ServingEngine

DEFAULT = "vllm"
"""The engine that is used unless another is named."""

LIBRARY = "transformers"
"""The library that every engine here builds its models with."""

_HERE = Path(__file__).parent


@cache
def projects() -> tuple[str, ...]:
    """What `--target` may name: the default engine, the others by name, then the library."""
    found = {path.parent.name for path in _HERE.glob("*/engine.py")}
    return (DEFAULT, *sorted(found - {DEFAULT, LIBRARY}), LIBRARY)


def servers() -> tuple[str, ...]:
    """The names of the projects that serve models, sorted."""
    return projects()[:-1]


@cache
def project(name: str) -> ReleasedProject:
    """The project called `name`, without the code that serving with it needs."""
    return library() if name == LIBRARY else server(name)


@cache
def server(name: str) -> ServingEngine:
    """The engine called `name`."""
    engine = importlib.import_module(f"{__package__}.{name}.engine").ENGINE
    assert isinstance(engine, ServingEngine)
    return engine


@cache
def library() -> ModelLibrary:
    """The library that every engine here builds its models with."""
    engine = importlib.import_module(f"{__package__}.{LIBRARY}.engine").ENGINE
    assert isinstance(engine, ModelLibrary)
    return engine


@cache
def launches() -> tuple[Launch, ...]:
    """How the servers of all engines are started."""
    found = (server(name).launch for name in servers())
    return tuple(launch for launch in found if launch is not None)
