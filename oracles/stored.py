"""Outcomes of real engines as data, one file for each release."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from oracles.outcome import Outcome

VERDICTS = Path(__file__).parents[1] / "fixtures" / "verdicts"


class Stored(TypedDict):
    """Outcomes by identity of the question, and the versions of the packages."""

    versions: dict[str, str]
    outcomes: dict[str, Outcome]


def stored_path(vllm: str, folder: Path = VERDICTS) -> Path:
    """The file of a release: for 0.32.0, `vllm_0.32.json`."""
    return folder / f"vllm_{'.'.join(vllm.split('.')[:2])}.json"


def read(path: Path) -> Stored:
    """What is stored."""
    found: Stored = json.loads(path.read_text("utf-8"))
    return found


def write(path: Path, stored: Stored) -> None:
    """Store, in a form in which differences are easy to read."""
    path.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", "utf-8")


def add(path: Path, versions: Mapping[str, str], found: Mapping[str, Outcome]) -> None:
    """Store what was found in addition to what is there."""
    before = read(path)["outcomes"] if path.exists() else {}
    write(path, Stored(versions=dict(versions), outcomes={**before, **found}))
