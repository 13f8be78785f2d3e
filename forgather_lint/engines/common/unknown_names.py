"""How a loader names a weight that the model has no place for."""

from __future__ import annotations

from collections.abc import Iterable


def first_unknown_beginning(name: str, known: Iterable[str]) -> str:
    """The shortest beginning of the dotted `name` with which no name in `known` begins.

    `model.extra` for `model.extra.weight`, if the model has a `model` and no `extra` in it; the
    whole name if a known one begins with it. Engines' loaders descend module by module, and that is
    where they stop.
    """
    beginnings = {".".join(each.split(".")[:size]) for each in known for size in range(1, 20)}
    parts = name.split(".")
    heads = [".".join(parts[:size]) for size in range(1, len(parts) + 1)]
    return next((head for head in heads if head not in beginnings), name)
