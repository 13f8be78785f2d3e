"""One rule explains each cause, and nothing below the rules knows a code."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from forgather_lint.facts import causes
from forgather_lint.facts.cause import Cause
from forgather_lint.linting.registry import builtin_rules, explained_by
from forgather_lint.linting.rule import Rule

ROOT = Path(__file__).parent.parent
ENGINE = ROOT / "forgather_lint"
CODE = re.compile(r"FGL\d{3}")


def kinds() -> Iterator[type[Cause]]:
    """Every type of cause that is declared."""
    for module in pkgutil.iter_modules(causes.__path__):
        for value in vars(importlib.import_module(f"{causes.__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Cause) and value is not Cause:
                yield value


KINDS = sorted(set(kinds()), key=lambda kind: kind.__name__)
FINAL = [kind for kind in KINDS if not any(kind in other.__mro__[1:] for other in KINDS)]


@pytest.mark.parametrize("kind", FINAL, ids=lambda kind: kind.__name__)
def test_one_rule_explains_each_cause(kind: type[Cause]) -> None:
    explaining = [rule for rule in builtin_rules() if issubclass(kind, rule.explains)]
    assert [rule.code for rule in explaining] == [explained_by(kind).code]


@pytest.mark.parametrize("kind", FINAL, ids=lambda kind: kind.__name__)
def test_something_has_each_cause(kind: type[Cause]) -> None:
    made = re.compile(rf"(?<!class )\b{kind.__name__}\b")
    texts = (file.read_text("utf-8") for file in ENGINE.rglob("*.py"))
    assert any(map(made.search, texts)), "nobody makes it"


@pytest.mark.parametrize(
    "rule", [rule for rule in builtin_rules() if rule.explains], ids=lambda rule: rule.code
)
def test_a_rule_takes_the_causes_that_it_explains(rule: Rule) -> None:
    given = rule.check.__annotations__
    names = {kind.__name__ for kind in rule.explains}
    assert set(given) - {"return"} == set(given) & {next(iter(given)), "cause"}
    if "cause" in given:
        assert set(given["cause"].split(" | ")) in (names, {"Cause"})


def test_nothing_below_the_rules_knows_a_code() -> None:
    telling = {
        file.relative_to(ENGINE).as_posix()
        for file in ENGINE.rglob("*.py")
        if CODE.search(file.read_text("utf-8"))
    }
    assert sorted(telling) == []


def test_a_rule_is_no_shell_around_a_code() -> None:
    """`if problem.code == "FGL503"` is what `explains=` is for."""
    asking = [
        f"{file.name}:{node.lineno}"
        for file in (ROOT / "rules").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr == "code"
        and ast.unparse(node.value) in ("problem", "judged")
    ]
    assert asking == []
