"""Comments that silence findings, in Python and YAML, and comments that silence nothing."""

from __future__ import annotations

import pytest

from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.source import Position, Span
from forgather_lint.linting.registry import selector
from forgather_lint.linting.suppressions import apply


def finding(
    row: int, last: int | None = None, code: str = "FGL101", path: str = "m.py"
) -> Diagnostic:
    span = Span(path, Position(row, 1), Position(last or row, 2))
    return Diagnostic(span, code, "message", "name", Severity.ERROR)


def remaining(text: str, *found: Diagnostic, path: str = "m.py") -> list[tuple[str, int]]:
    kept, _ = apply(found, [path], {path: text}.get, lambda _path, _code: True)
    return [(diagnostic.code, diagnostic.span.start.row) for diagnostic in kept]


def unused(text: str, *found: Diagnostic, path: str = "m.py", not_run: str = "-") -> list[str]:
    """Each unused code as `row:column code`."""
    _, idle = apply(found, [path], {path: text}.get, lambda _path, code: code != not_run)
    return [f"{one.span.start.row}:{one.span.start.column} {one.code}".strip() for one in idle]


@pytest.mark.parametrize(
    "comment",
    [
        "# forgather-lint: ignore[FGL101]",
        "# forgather-lint: ignore[FGL101] the guide says so",
        "#forgather-lint:ignore[ FGL900, FGL101 ]",
        "# noqa: FGL101",
        "# NOQA:fgl101",
        "# noqa: E501, FGL101 the guide says so",
        "# type: ignore[misc]  # noqa: FGL101",
        "# noqa",
        "# forgather-lint: ignore[fgl101]",
        "# forgather-lint: ignore[tp-pattern-matches-nothing]",
    ],
)
def test_a_comment_beside_the_code_silences_it(comment: str) -> None:
    text = f"plan = 1  {comment}\nother = 2\n"
    assert remaining(text, finding(1), finding(2)) == [("FGL101", 2)]


@pytest.mark.parametrize(
    "comment",
    [
        "# forgather-lint: ignore[FGL102]",
        "# forgather-lint: ignore",
        "# noqa: E501",
        "# noqa:",
        "# noqa: FGL1",
        "# see noqa: FGL101",
        "# forgather: ignore[FGL101]",
        "'# noqa: FGL101'",
        "'''\n# forgather-lint: file-ignore[FGL101]\n'''",
    ],
)
def test_what_does_not_name_the_code_does_not_silence_it(comment: str) -> None:
    assert remaining(f"plan = 1  {comment}\n", finding(1)) == [("FGL101", 1)]


def test_first_and_last_line_of_a_finding_count_and_no_other() -> None:
    lines = ["plan = {", "    'a': 1,", "    'b': 2,", "}"]
    for row, silenced in ((1, True), (2, False), (3, False), (4, True)):
        text = "\n".join(
            f"{line}  # noqa: FGL101" if number == row else line
            for number, line in enumerate(lines, start=1)
        )
        assert (remaining(text, finding(1, last=4)) == []) is silenced


def test_a_comment_on_its_own_line_speaks_for_the_next_code() -> None:
    text = "x = 1\n# forgather-lint: ignore[FGL101] because\n# more\n\nplan = 1\n"
    assert remaining(text, finding(1), finding(5)) == [("FGL101", 1)]
    assert remaining(text.replace("forgather-lint: ignore[FGL101]", "noqa: FGL101"), finding(5))


def test_file_ignore_covers_the_whole_file() -> None:
    text = "a = 1\n\n# forgather-lint: file-ignore[FGL101, FGL102]\nb = 2\n"
    found = [finding(1), finding(4), finding(2, code="FGL102"), finding(4, code="FGL103")]
    assert remaining(text, *found) == [("FGL103", 4)]
    assert unused(text, *found) == []


RANGE = """a = 1
# forgather-lint: disable[FGL101, tied-weights-name-nothing] as the guide says
b = 2
c = 3
# forgather-lint: enable[FGL101]
d = 4
"""


def test_a_range_covers_what_stands_in_it() -> None:
    found = [finding(row) for row in (1, 3, 4, 6)]
    assert remaining(RANGE, *found) == [("FGL101", 1), ("FGL101", 6)]
    tied = finding(6, code=selector("tied-weights-name-nothing"))
    assert remaining(RANGE, tied) == [], "what is not enabled again is silent up to the end"
    assert unused(RANGE, *found) == ["2:1 tied-weights-name-nothing"]
    assert unused(RANGE, finding(1), tied) == ["2:1 FGL101"]


def test_what_ends_no_range_is_unused() -> None:
    assert unused("# forgather-lint: enable[FGL101]\nb = 2\n", finding(2)) == ["1:1 FGL101"]
    assert unused("# forgather-lint: disable\nb = 2\n", finding(2)) == ["1:1"]
    twice = "# forgather-lint: disable[FGL101]\n" * 2 + "b = 2\n"
    assert (remaining(twice, finding(3)), unused(twice, finding(3))) == ([], ["1:1 FGL101"])


def test_a_finding_that_begins_before_a_range_is_not_in_it() -> None:
    assert remaining(RANGE, finding(1, last=4)) == [("FGL101", 1)]


def test_the_comments_for_a_json_file_stand_beside_it() -> None:
    beside = (
        "# forgather-lint: file-ignore[FGL101] see the card\n# forgather-lint: ignore[FGL102]\n"
    )
    found = [finding(3, code=code, path="config.json") for code in ("FGL101", "FGL102", "FGL103")]
    texts = {"config.json": "{}", "config.json.forgather-lint": beside}
    kept, idle = apply(found, [], texts.get, lambda _path, _code: True)
    assert ([one.code for one in kept], idle) == (["FGL103"], [])
    _, idle = apply(found[1:], [], texts.get, lambda _path, _code: True)
    assert [str(one.span) for one in idle] == ["config.json.forgather-lint:1:1"]


@pytest.mark.parametrize(
    ("text", "row", "silenced"),
    [
        ("plan:\n  a: b  # noqa: FGL101\n", 2, True),
        ("plan:\n  a: 'b  # noqa: FGL101'\n", 2, False),
        ("plan: |\n  a  # noqa: FGL101\n", 2, False),
        ("# forgather-lint: file-ignore[FGL101]\nplan: x\n", 2, True),
        ("-- extends 'base.yaml'\n-- block plan\nplan: {{ x }} # noqa: FGL101\n", 3, True),
        ("plan: a#noqa: FGL101\n", 1, False),
    ],
)
def test_yaml(text: str, row: int, silenced: bool) -> None:
    found = finding(row, path="m.yaml")
    assert (remaining(text, found, path="m.yaml") == []) is silenced


def test_json_has_no_comments() -> None:
    found = finding(1, path="config.json")
    assert remaining('{"a": 1} # noqa: FGL101', found, path="config.json")


def test_a_suppression_that_silences_nothing_is_reported_where_it_stands() -> None:
    text = "a = 1  # forgather-lint: ignore[FGL101, FGL102]\nb = 2  # noqa: E501,FGL103\n"
    assert unused(text, finding(1)) == ["1:8 FGL102", "2:8 FGL103"]


def test_unused_is_judged_before_others_have_silenced_the_finding() -> None:
    text = "a = 1  # noqa: FGL101\n# forgather-lint: file-ignore[FGL101]\n"
    assert unused(text, finding(1)) == []


def test_what_belongs_to_other_tools_is_never_called_unused() -> None:
    text = "a = 1  # noqa\nb = 2  # noqa: E501\nc = 3  # noqa: F401, ABC123\n"
    assert unused(text) == []


def test_a_rule_that_did_not_run_leaves_its_suppressions_alone() -> None:
    assert unused("a = 1  # noqa: FGL101\n", not_run="FGL101") == []


def test_ignore_without_a_code_is_reported() -> None:
    assert unused("a = 1  # forgather-lint: ignore\n", finding(1)) == ["1:8"]


@pytest.mark.parametrize(
    "text",
    [
        "a = 1  # noqa: FGL101\nb = (((\n",
        "a = 1  # noqa: FGL101\n\x00\n",
        "a = 1  # noqa: FGL101\n  b\n c\n",
        "a = 1  # noqa: FGL101\n'''\n",
        "a = 1  # noqa: FGL101\r\nb = 2\r\n",
        "a = 1  # noqa: FGL101\rb = 2\r",
        "a = 1  # noqa: FGL101" + "\n(" * 5_000,
        "a = 1  # noqa: FGL101\n" + "x" * 1_000_000,
    ],
)
def test_text_that_is_not_python_is_read_as_far_as_it_goes(text: str) -> None:
    remaining(text, finding(1))  # raises nothing, whatever the tokenizer says
    unused(text)


def test_comments_before_a_broken_line_count() -> None:
    assert remaining("a = 1  # noqa: FGL101\nb = (((\n", finding(1)) == []
    assert remaining("a: b  # noqa: FGL101\n\t{", finding(1, path="m.yml"), path="m.yml") == []


def test_many_comments_and_scalars_take_linear_time() -> None:
    text = "a: b # noqa: FGL101\n" * 3_000
    assert len(unused(text, path="m.yaml")) == 3_000


def test_a_file_that_cannot_be_read_keeps_its_findings() -> None:
    assert remaining("", finding(1, path="gone.py")) == [("FGL101", 1)]
