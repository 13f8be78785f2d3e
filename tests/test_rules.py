"""Every rule has a page, a place, a case that it finds and a case that it leaves alone."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.core.settings import Settings
from forgather_lint.core.source import Position, Span
from forgather_lint.engines.registry import DEFAULT, servers
from forgather_lint.facts import GivenUp, RuleFailed, UnusedSuppression
from forgather_lint.linting.registry import builtin_rules
from forgather_lint.linting.rule import Rule, rule
from forgather_lint.pipeline import run_rule
from tests.cases import read_cases

ROOT = Path(__file__).parent.parent
CASES = ROOT / "fixtures" / "rules"

HEADINGS = [
    "What it does",
    "Why is this bad?",
    "Example",
    "Use instead",
    "Releases",
    "What you see at run time",
]

FAMILIES = {
    "tensor_parallel": "FGL1",
    "placement": "FGL2",
    "pipeline_parallel": "FGL3",
    "modules": "FGL4",
    "serving": "FGL5",
    "forgather": "FGL6",
    "checkpoint": "FGL6",
    "tokenizer": "FGL6",
    "adapters": "FGL6",
    "command": "FGL7",
    "tool": "FGL9",
} | {engine: "FGL8" for engine in servers() if engine != DEFAULT}
"""What one engine alone says has a folder of its name."""

FACTS = {"facts", "linting"}
"""Folders of the engine that define records for rules."""

ENGINE_PARTS = FACTS | {"core"}
"""What a rule may import of the engine: records and helpers on records, never syntax or files."""

CLOSED = {"io", "os", "pathlib", "subprocess", "sys", "importlib", "inspect", "ast", "tokenize"}

RULES = pytest.mark.parametrize("rule", builtin_rules(), ids=lambda rule: rule.code)
WITH_CASES = [rule for rule in builtin_rules() if rule.consumes not in (GivenUp, RuleFailed)]


def family(rule: Rule) -> str:
    return Path(rule.file).parent.name


def sections(rule: Rule) -> dict[str, str]:
    """The text below each heading of the page."""
    _, *parts = re.split(r"^## (.+)$", rule.page, flags=re.MULTILINE)
    return dict(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True))


def test_there_is_one_rule_in_each_file() -> None:
    files = {
        file
        for file in (ROOT / "rules").rglob("*.py")
        if file.name != "__init__.py" and not file.name.startswith("_")
    }
    assert sorted(Path(rule.file) for rule in builtin_rules()) == sorted(files)


def test_codes_and_names_are_unique() -> None:
    rules = builtin_rules()
    assert len({rule.code for rule in rules}) == len(rules)
    assert len({rule.name for rule in rules}) == len(rules)


@RULES
def test_code_name_and_file_go_together(rule: Rule) -> None:
    assert re.fullmatch(FAMILIES[family(rule)] + r"\d\d", rule.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    assert Path(rule.file).stem == rule.name.replace("-", "_")


@RULES
def test_the_page_says_all_there_is_to_say(rule: Rule) -> None:
    assert list(sections(rule)) == HEADINGS
    assert [heading for heading, text in sections(rule).items() if not text] == []
    assert rule.summary.endswith("."), "the first line is a sentence"
    assert len(rule.summary) <= 100


@RULES
def test_the_page_shows_code(rule: Rule) -> None:
    bad, good = sections(rule)["Example"], sections(rule)["Use instead"]
    assert re.search(r"```\w+\n.+?```", bad, re.DOTALL)
    assert "`" in good
    assert bad != good


@RULES
def test_a_rule_reads_facts_only(rule: Rule) -> None:
    strange = []
    for node in ast.walk(ast.parse(Path(rule.file).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        strange += [name for name in names if not allowed(name)]
    assert strange == []


def allowed(module: str) -> bool:
    package, _, rest = module.partition(".")
    if package == "forgather_lint":
        return rest.partition(".")[0] in ENGINE_PARTS
    return package in sys.stdlib_module_names and package not in CLOSED


@RULES
def test_the_check_says_what_kind_of_fact_it_reads(rule: Rule) -> None:
    assert rule.consumes is not object
    assert rule.consumes.__module__.split(".")[1] in FACTS


@pytest.mark.parametrize("rule", WITH_CASES, ids=lambda rule: rule.code)
def test_the_rule_has_a_bad_and_a_good_case(rule: Rule) -> None:
    file = CASES / family(rule) / f"{Path(rule.file).stem}.md"
    assert file.is_file(), f"write {file.relative_to(ROOT)}"
    kinds = {rule.code in {found.code for found in case.expected} for case in read_cases(file)}
    assert kinds == {True, False}


@rule("FGL998", "always-fails", Severity.WARNING)
def always_fails(_: UnusedSuppression) -> Iterator[Finding]:
    raise KeyError("layers")


def test_a_rule_that_fails_is_reported_in_its_place() -> None:
    here = UnusedSuppression(Span("m.py", Position(3, 1), Position(3, 9)), "FGL101")
    (found,) = run_rule(always_fails, here, "model", Settings())
    assert (found.code, found.name, found.severity) == ("FGL999", "internal-error", Severity.ERROR)
    assert found.message == "internal error in FGL998: KeyError('layers')"
    with pytest.raises(KeyError):
        list(run_rule(always_fails, here, "model", Settings(debug=True)))
    assert list(run_rule(always_fails, here, "model", Settings(ignore=("FGL9",)))) == []
