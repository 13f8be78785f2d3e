"""A fact about a release that nothing reads is not a fact of this tool."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from forgather_lint.engines.registry import project as project_of
from forgather_lint.engines.registry import projects
from forgather_lint.linting.registry import builtin_rules

ROOT = Path(__file__).parent.parent
READERS = [file for folder in ("forgather_lint", "rules") for file in (ROOT / folder).rglob("*.py")]
PROFILES = {name: project_of(name).profile for name in projects()}


def topics() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Project, topic, the name of its record, and its facts."""
    for project, profile in PROFILES.items():
        for topic, getter in vars(profile).items():
            if isinstance(getter, cached_property):
                record = getter.func.__annotations__["return"]
                yield project, topic, record.__name__, tuple(record.__annotations__)


def reads(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Where a fact is taken: the topic, or the name of its record, and the fact.

    `target.vllm.plan.styles`, or `plan.styles` of an argument `plan: VllmPlan` or of a variable
    that was given `target.vllm.plan`.
    """
    nodes = list(ast.walk(module))
    names = {pair for node in nodes for pair in _names(node)}
    for node in nodes:
        match node:
            case ast.Attribute(value=ast.Attribute(attr=topic), attr=fact):
                yield topic, fact
            case ast.Attribute(value=ast.Name(id=name), attr=fact):
                yield from ((kept, fact) for known, kept in names if known == name)


def kept_in_fields(modules: Iterable[ast.Module]) -> dict[str, set[str]]:
    """The names of the fields that hold each record: `facts: VllmExperts`."""
    fields = defaultdict[str, set[str]](set)
    for module in modules:
        for node in ast.walk(module):
            match node:
                case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id=record)):
                    fields[record].add(name)
    return fields


def _names(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Arguments with the name of the record they are annotated as, variables with their topic."""
    match node:
        case ast.arg(arg=name, annotation=ast.Name(id=record)):
            yield name, record
        case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id=record)):
            yield name, record
        case ast.Assign(targets=[target], value=value):
            for one, other in zip(_each(target), _each(value), strict=False):
                if isinstance(one, ast.Name) and isinstance(other, ast.Attribute):
                    yield one.id, other.attr


def _each(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def test_a_rule_rests_on_facts_that_there_are() -> None:
    there = {f"{project}/{topic}.{fact}" for project, topic, _, facts in topics() for fact in facts}
    named = {fact for rule in builtin_rules() for fact in rule.rests_on}
    assert sorted(named - there) == []


def test_a_page_says_what_each_release_does() -> None:
    (page,) = (rule.page for rule in builtin_rules() if rule.code == "FGL516")
    assert (
        "- vLLM, `attention.layer_types_null`:\n"
        "  - before 0.30.0: error TypeError: 'NoneType' object is not subscriptable\n"
        "  - from 0.30.0: harmless\n"
    ) in page
    (page,) = (rule.page for rule in builtin_rules() if rule.code == "FGL401")
    assert re.search(r"\nEvery one that is known: vLLM [\d.]+ to [\d.]+ and transformers", page)


def test_every_fact_is_read() -> None:
    shown = {fact for rule in builtin_rules() for fact in rule.rests_on}
    modules = [ast.parse(file.read_text("utf-8")) for file in READERS]
    taken = {pair for module in modules for pair in reads(module)}
    fields = kept_in_fields(modules)
    unread = {
        f"{project}/{topic}.{fact}"
        for project, topic, record, facts in topics()
        for fact in facts
        if not taken & {(name, fact) for name in (topic, record, *fields[record])}
    }
    assert sorted(unread - shown) == [], "read it, let a rule rest on it, or delete it"
