"""Finds rules: every file of a mounted folder that holds a `Rule` is one. No table to edit."""

from __future__ import annotations

import importlib
import re
import sys
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path

from forgather_lint.core.modules import modules_below
from forgather_lint.facts.cause import Cause, Caused
from forgather_lint.linting.rule import Rule

_ENGINE = Path(__file__).parents[1]
PACKAGE = "forgather_lint.rules"
_CODE = re.compile("all|fgl[0-9]*", re.I)


class RuleLoadError(Exception):
    """A rule folder cannot be used; the message names the file."""


@cache
def builtin_rules() -> tuple[Rule, ...]:
    """The rules that ship with the tool, by code. Raises `RuleLoadError`."""
    folders = (_ENGINE / "rules", _ENGINE.parent / "rules")
    folder = next(place for place in folders if (place / "__init__.py").is_file())
    return load(folder, PACKAGE)


@cache
def _explanations() -> dict[type, Rule]:
    return {each: rule for rule in builtin_rules() for each in rule.explains}


def explained_by(kind: type[Cause]) -> Rule:
    """The rule that explains causes of that type, or of the nearest that it derives from."""
    rules = _explanations()
    return next(rules[each] for each in kind.__mro__ if each in rules)


def code_of(fact: Caused) -> str:
    """The code that is shown for the cause of `fact`, empty where there is none."""
    return explained_by(type(fact.cause)).code if fact.cause is not None else ""


@cache
def _by_name() -> dict[str, str]:
    return {rule.name: rule.code for rule in builtin_rules()}


def names() -> tuple[str, ...]:
    """What a rule may be called by: its code, its name."""
    return tuple(word for rule in builtin_rules() for word in (rule.code, rule.name))


def selector(word: str) -> str:
    """`word` as rules are selected: a code or its beginning, in any case, or the name of a rule.

    What is neither comes back as it is.
    """
    if _CODE.fullmatch(word):
        return word.upper()
    return _by_name().get(word.lower(), word)


def load(folder: Path, package: str) -> tuple[Rule, ...]:
    """Import every file below `folder` as part of `package` and collect its rules by code."""
    mount(folder, package)
    found: dict[str, Rule] = {}
    for name in modules_below(folder, package):
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, Rule):
                _add(found, value)
    return tuple(found[code] for code in sorted(found))


def mount(folder: Path, package: str) -> None:
    """Declare `folder` as the package `package`, wherever it lies.

    In a checkout the rules stand at the top level, in a wheel below the package; declaring the
    folder serves both, and a user's folder of rules too.
    """
    if package in sys.modules:
        return
    spec = ModuleSpec(package, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    sys.modules[package] = module_from_spec(spec)


def _add(found: dict[str, Rule], rule: Rule) -> None:
    known = found.setdefault(rule.code, rule)
    if known is not rule and known.file != rule.file:
        raise RuleLoadError(f"{rule.code} is defined twice: {known.file} and {rule.file}")
