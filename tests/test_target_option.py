"""`--target` as a user gives it: what is refused and told, and what holds for which release."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forgather_lint.engines.registry import projects
from forgather_lint.engines.releases import newest
from forgather_lint.linting.registry import builtin_rules
from forgather_lint.linting.rule import Rule
from forgather_lint.session.checking import check
from forgather_lint.shell.cli import cli
from tests.cases import Case, read_cases
from tests.fixture_models import MODELS

SUITES = Path(__file__).parent.parent / "fixtures" / "rules" / "serving"
CASES = [case for suite in sorted(SUITES.glob("*.md")) for case in read_cases(suite)]


def _of_serving(case: Case) -> bool:
    return any(each.code.startswith("FGL5") for each in case.expected)


SERVING = [rule for rule in builtin_rules() if rule.code.startswith("FGL5")]


def run(verb: str, *targets: str) -> Result:
    asked = [word for target in targets for word in ("--target", target)]
    isolated = ["--isolated"] if verb == "check" else []
    return CliRunner().invoke(cli, [verb, *isolated, *asked, str(MODELS / "hf_llama")])


@pytest.mark.parametrize("verb", ["check", "matrix"])
@pytest.mark.parametrize(
    ("targets", "reason"),
    [
        (
            ["vllm==0.13", "transformers==5.19"],
            "vllm 0.13.0 requires transformers>=4.56.0,<5, which rules out 5.19.0",
        ),
        (["vllm==0.10"], "vllm 0.10.0 has no profile: they begin at 0.11.0"),
        (["vllm"], "'vllm' names no target"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_the_reason(
    verb: str, targets: Sequence[str], reason: str
) -> None:
    done = run(verb, *targets)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {reason}")
    assert "internal error" not in done.output


@pytest.mark.parametrize("verb", ["check", "matrix"])
def test_a_release_newer_than_the_profiles_is_told(verb: str) -> None:
    done = run(verb, "vllm==0.99")
    wanted = f"vllm 0.99.0 is newer than the newest profile: it is judged as {newest('vllm')}"
    assert f"note: {wanted}\n" in done.stderr


@pytest.mark.parametrize("case", [case for case in CASES if _of_serving(case)], ids=str)
def test_every_finding_says_for_which_releases_it_holds(case: Case, tmp_path: Path) -> None:
    case.write(tmp_path)
    found = [each for report in check((tmp_path,), case.settings) for each in report.diagnostics]
    serving = [each for each in found if each.code.startswith("FGL5")]
    assert serving
    known = "|".join((*projects(), "torch"))
    assert [each.code for each in serving if not re.match(known, str(each.releases))] == []


@pytest.mark.parametrize("rule", SERVING, ids=lambda rule: rule.code)
def test_each_page_names_the_range(rule: Rule) -> None:
    _, _, text = rule.page.partition("## Releases\n")
    said = text.partition("\n## ")[0]
    assert re.search(r"(\w+)\b.*\d|profiled releases", said), said
