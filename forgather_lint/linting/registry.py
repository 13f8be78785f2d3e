"""Finds rules: every file of a rule folder that defines a `Rule` is one.

There is no table to edit.
"""

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
    """The rules that come with the tool, sorted by code. Raises `RuleLoadError`."""
    folders = (_ENGINE / "rules", _ENGINE.parent / "rules")
    folder = next(place for place in folders if (place / "__init__.py").is_file())
    return load(folder, PACKAGE)


@cache
def _explanations() -> dict[type, Rule]:
    return {each: rule for rule in builtin_rules() for each in rule.explains}


def explained_by(kind: type[Cause]) -> Rule:
    """The rule that explains causes of that type, or of the nearest base type that has a rule."""
    rules = _explanations()
    return next(rules[each] for each in kind.__mro__ if each in rules)


def code_of(fact: Caused) -> str:
    """The code of the rule for the cause of `fact`; empty where there is no cause."""
    return explained_by(type(fact.cause)).code if fact.cause is not None else ""


@cache
def _by_name() -> dict[str, str]:
    return {rule.name: rule.code for rule in builtin_rules()}


def names() -> tuple[str, ...]:
    """The words by which rules can be selected: codes and names."""
    return tuple(word for rule in builtin_rules() for word in (rule.code, rule.name))


def selector(word: str) -> str:
    """The code, or beginning of codes, that `word` selects.

    Case and the name of a rule are resolved.

    A word that is none of these is returned as it is.
    """
    if _CODE.fullmatch(word):
        return word.upper()
    return _by_name().get(word.lower(), word)


def load(folder: Path, package: str) -> tuple[Rule, ...]:
    """Import every file below `folder` as part of `package`; the rules in them, sorted by code."""
    mount(folder, package)
    found: dict[str, Rule] = {}
    for name in modules_below(folder, package):
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, Rule):
                _add(found, value)
    return tuple(found[code] for code in sorted(found))


def mount(folder: Path, package: str) -> None:
    """Make `folder` importable as the package `package`, wherever it lies.

    In a checkout the rules are at the top level, in a wheel below the package; this serves both,
    and a user's own folder of rules too.
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
