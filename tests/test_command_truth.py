"""What real command lines take, and what is said of the same commands."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from forgather_lint.core.settings import Settings
from forgather_lint.documents.commands.found import serving
from forgather_lint.documents.commands.located import located
from forgather_lint.documents.commands.shell import commands
from forgather_lint.engines.registry import launches
from forgather_lint.engines.vllm.serving import read
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.facts.command import (
    CommandRefused,
    OptionsConflict,
    RefusedFor,
    RemoteCodeNotTrusted,
)
from oracles.stored import VERDICTS
from tests.command_cases import cases
from tests.fixture_models import MODELS

STORED = {
    path: json.loads(path.read_text("utf-8"))
    for path in sorted(VERDICTS.glob("commands_vllm_*.json"))
}
UNSAID = VERDICTS / "commands_unsaid.txt"
"""Commands that an engine refuses and that nothing is said of, each with what it says."""


@cache
def told(target: VllmTarget, command: str) -> tuple[str, ...]:
    """What is said to be refused of `command`, but for what its model comes to at its sizes."""
    (found,) = commands(located(str(MODELS / "serve.sh"), f"vllm serve {command}"))
    each = (serving(str(MODELS / "serve.sh"), found, launch) for launch in launches())
    started = next(one for one in each if one is not None)
    facts = read(started, target, MODELS).facts(Settings(), None)
    return tuple(text for fact in facts if (text := _refusal(fact)))


def _refusal(fact: object) -> str:
    if isinstance(fact, CommandRefused) and fact.refused.why is not RefusedFor.DEPRECATED:
        return f"{fact.refused.why.value}: {fact.refused.name}"
    return fact.text if isinstance(fact, OptionsConflict | RemoteCodeNotTrusted) else ""


def asked() -> Iterator[tuple[VllmTarget, str, Mapping[str, str]]]:
    """Every command that was put to an engine, with what it said: nothing where it took it."""
    for stored in STORED.values():
        target = VllmTarget.of(stored["versions"]["vllm"], stored["versions"]["transformers"])
        for command, said in stored["commands"].items():
            yield target, command, said


def test_nothing_is_refused_that_an_engine_takes() -> None:
    wrong = [(command, told(target, command)) for target, command, said in asked() if not said]
    assert [each for each in wrong if each[1]] == []


def test_what_is_left_unsaid() -> None:
    found = [
        f"{command} | {said.get('error', '')[:90]}".rstrip()
        for target, command, said in asked()
        if said and not told(target, command)
    ]
    assert found == UNSAID.read_text("utf-8").splitlines()


@pytest.mark.parametrize("path", STORED, ids=lambda path: str(path.name))
def test_what_was_asked_is_still_a_case(path: object) -> None:
    (stored,) = (each for key, each in STORED.items() if key == path)
    target = VllmTarget.of(stored["versions"]["vllm"], stored["versions"]["transformers"])
    known = {shlex.join(words) for words in cases(target.vllm).values()}
    assert set(stored["commands"]) <= known
