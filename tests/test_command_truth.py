"""What real command lines take, and what is said of the same commands."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import cast

import pytest

from forgather_lint.core.diagnostics import Severity
from forgather_lint.core.settings import Settings
from forgather_lint.documents.commands.found import serving
from forgather_lint.documents.commands.located import located
from forgather_lint.documents.commands.shell import commands
from forgather_lint.engines.fact import tables
from forgather_lint.engines.registry import launches
from forgather_lint.engines.vllm.serve_open import TOPIC
from forgather_lint.engines.vllm.serve_options import NEGATED, options_of
from forgather_lint.engines.vllm.serving import ReadCommand, read
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.facts.command import (
    CommandJudged,
    CommandRefused,
    OptionsConflict,
    RefusedFor,
    RemoteCodeNotTrusted,
)
from forgather_lint.facts.sizes import UNKNOWN
from forgather_lint.session.checking import check_command
from oracles.stored import VERDICTS
from rules.command import serve_value_refused
from tests.command_cases import MODEL, cases
from tests.fixture_models import MODELS

STORED = {
    path: json.loads(path.read_text("utf-8"))
    for path in sorted(VERDICTS.glob("commands_vllm_*.json"))
}
NO_RAY = "No module named 'ray'"
"""The engine asked had no Ray; a command that names it is judged as if it had."""
WHEN_IT_LISTENS = "KeyError: invalid tool call parser"
"""What is refused behind the configuration, where the engine was asked no further."""
ONE_ERROR = "1 validation error for "
OTHER_WORDS = {
    "--collect-detailed-traces",  # takes several words and one at once
    "--max-lora-rank",  # its choices are integers
    "--prefix-cache-retention-interval",  # may be None, and 0 is its default
}
"""Options whose values releases refuse in words that are not said."""
UNSAID = VERDICTS / "commands_unsaid.txt"
"""Commands that an engine refuses and that nothing is said of, each with what it says."""


@cache
def told(target: VllmTarget, command: str) -> tuple[str, ...]:
    """What is said to be refused of `command`, but for what its model comes to at its sizes."""
    facts = _read(target, command).facts(Settings(), None)
    return tuple(text for fact in facts if (text := _refusal(fact)))


def _read(target: VllmTarget, command: str) -> ReadCommand:
    (found,) = commands(located(str(MODELS / "serve.sh"), f"vllm serve {command}"))
    each = (serving(str(MODELS / "serve.sh"), found, launch) for launch in launches())
    return read(next(one for one in each if one is not None), target, MODELS)


def _refusal(fact: object) -> str:
    if isinstance(fact, CommandRefused) and fact.refused.why is not RefusedFor.DEPRECATED:
        return f"{fact.refused.why.value}: {fact.refused.name}"
    return fact.text if isinstance(fact, OptionsConflict | RemoteCodeNotTrusted) else ""


def is_open(target: VllmTarget, command: str) -> bool:
    """Whether an option or the folder leaves open what comes of the command."""
    one = _read(target, command)
    facts = one.facts(Settings(), None)
    undecided = any(isinstance(fact, CommandJudged) and fact.verdict == UNKNOWN for fact in facts)
    return one.model is None or undecided or bool(one.left_open())


def asked() -> Iterator[tuple[VllmTarget, str, Mapping[str, str]]]:
    """Every command that was put to an engine, with what it said: nothing where it took it."""
    for stored in STORED.values():
        target = VllmTarget.of(stored["versions"]["vllm"], stored["versions"]["transformers"])
        for command, said in stored["commands"].items():
            yield target, command, said


def test_nothing_is_refused_that_an_engine_takes() -> None:
    wrong = [
        (command, text)
        for target, command, said in asked()
        for text in (told(target, command) if not said else ())
        if not text.startswith(WHEN_IT_LISTENS)
    ]
    assert wrong == []


def test_nothing_that_an_engine_refuses_is_said_to_serve() -> None:
    """What is neither refused nor open is refused for the model, but for what it was run on."""
    wrong = []
    for target, command, said in asked():
        if not said or told(target, command) or is_open(target, command):
            continue
        if NO_RAY not in said["error"] and not _model_fails(target, command):
            wrong.append((command, said))
    assert wrong == []


def _model_fails(target: VllmTarget, command: str) -> bool:
    settings = Settings(target=(str(target.vllm), str(target.transformers)))
    reports = check_command(_read(target, command).found, MODELS, settings, None)
    return any(each.severity is Severity.ERROR for one in reports for each in one.diagnostics)


def test_an_option_that_is_set_aside_was_taken() -> None:
    """With each value for which it is said to leave the verdict as it is."""
    taken = [shlex.split(command) for _, command, said in asked() if not said]
    aside = cast("Mapping[str, Sequence[str]]", tables(TOPIC)["aside"])
    for option, values in aside.items():
        off = NEGATED + option.removeprefix("--")
        given = [words for words in taken if option in words or off in words]
        assert given, option
        for value in values:
            assert any((option, value) in pairwise(words) for words in given), (option, value)


def test_a_number_that_leaves_the_verdict_as_it_is_was_taken() -> None:
    taken = [shlex.split(command) for _, command, said in asked() if not said]
    for option in tables(TOPIC)["positive"]:
        assert any(
            name == option and value.replace(".", "").isdigit()
            for words in taken
            for name, value in pairwise(words)
        ), option


def test_what_a_release_takes_without_being_told_leaves_nothing_open() -> None:
    """Each default that can be typed, in each release whose command line was asked."""
    for target in {target for target, _, _ in asked()}:
        for option in options_of(target.vllm.version).values():
            if option.takes in ("switch", "choice", "int", "float", "text") and option.default:
                off = NEGATED + option.name.removeprefix("--")
                typed = {"true": option.name, "false": off}.get(
                    option.default, f"{option.name} {option.default}"
                )
                if option.name not in ("--model", "--trust-remote-code"):
                    left = _read(target, f"{MODEL} --trust-remote-code {typed}").left_open()
                    assert left == [], typed


def test_words_of_a_refused_value_are_those_of_the_engine() -> None:
    compared = 0
    for target, command, said in asked():
        texts = [text for text in _texts(target, command) if text.startswith(ONE_ERROR)]
        _, found, error = said.get("error", "").partition(ONE_ERROR)
        if len(texts) == 1 and found:
            ours = " ".join(texts[0].removeprefix(ONE_ERROR).replace(": ", " ").split())
            assert error.replace(": ", " ").startswith(ours[: len(error)]), (command, ours, error)
            compared += 1
    assert compared


def test_what_the_parser_is_said_to_print_it_prints() -> None:
    """Up to the choices: where `None` is one, releases print it in several ways."""
    compared, wrong = 0, set()
    for target, command, said in asked():
        printed = " ".join(said.get("error", "").split()).removeprefix("vllm serve: ")
        for fact in _read(target, command).facts(Settings(), None):
            if isinstance(fact, CommandRefused) and printed.startswith("error: argument "):
                for found in serve_value_refused.check.findings(fact):
                    _, quoted, ours = found.consequence.partition("`vllm serve: ")
                    ours = ours.strip("`").partition(" (choose from")[0]
                    compared += bool(quoted)
                    if not printed.startswith(ours[: len(printed)]):
                        wrong.add(fact.refused.name)
    assert wrong == OTHER_WORDS
    assert compared > 400


def test_an_older_release_was_asked_too() -> None:
    assert len({target.vllm.version for target, _, _ in asked()}) == len(STORED) > 1


def _texts(target: VllmTarget, command: str) -> Iterator[str]:
    for fact in _read(target, command).facts(Settings(), None):
        if isinstance(fact, CommandRefused):
            yield fact.text.removeprefix("ValidationError: ")


def test_what_is_left_unsaid() -> None:
    found = [
        f"{target.vllm}: {command} | {said.get('error', '')[:90]}".rstrip()
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
