"""Changes of dicts and lists as they stand in a text: nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from forgather_lint.documents.literals import (
    Piece,
    added_behind,
    entry_at,
    mapped,
    merged,
    ordered,
    removed,
)


def made(text: str, pieces: Iterable[Piece]) -> str:
    for start, end, content in sorted(pieces, reverse=True):
        text = text[:start] + content + text[end:]
    return text


def entry(text: str, key: str) -> tuple[int, int, str]:
    found = entry_at(text, text.index(key))
    assert found is not None
    return found.start, found.end, text[found.value : found.end]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': 'b', 'c': 1}", "'b'"),
        ("{'a' : ([\"x, y\"], ['}']),}", "([\"x, y\"], ['}'])"),
        ("{'a':  # a: comment, with }\n    'b'  # more\n    ,\n}", "'b'"),
        ('{\n  "a": [\n    1,\n    2\n  ]\n}', "[\n    1,\n    2\n  ]"),
        ("{'a': '''x\n'y, '''}", "'''x\n'y, '''"),
    ],
)
def test_an_entry_ends_where_its_value_does(text: str, value: str) -> None:
    key = "'a'" if "'a'" in text else '"a"'
    assert entry(text, key)[2] == value


@pytest.mark.parametrize("text", ['plan["a"] = 1', '"a" + b: 1}', '"a"', '{"a": (1'])
def test_what_is_no_entry_is_none(text: str) -> None:
    assert entry_at(text, text.index('"a"')) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"a": 1}', '{"a": 1, "n": 2}'),
        ('{"a": 1, "b": 3}', '{"a": 1, "n": 2, "b": 3}'),
        ('{\n\t"a": 1\n}', '{\n\t"a": 1,\n\t"n": 2\n}'),
        ('{\r\n  "a": 1,  # why\r\n}', '{\r\n  "a": 1,  # why\r\n  "n": 2,\r\n}'),
        ('{\n  "a": 1  # why\n}', '{\n  "a": 1,  # why\n  "n": 2\n}'),
        ('{\n  "a": 1, "b": 2,\n}', '{\n  "a": 1, "n": 2, "b": 2,\n}'),
    ],
)
def test_an_entry_is_added_as_the_others_stand(before: str, after: str) -> None:
    found = entry_at(before, before.index('"a"'))
    assert found is not None
    assert made(before, added_behind(before, found, ['"n": 2'])) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"a": 1, "b": 2}', '{"b": 2}'),
        ('{\n  # of b\n  "a": 1,  # why\n  "b": 2\n}', '{\n  # of b\n  "b": 2\n}'),
        ('{"b": 2, "a": 1}', '{"b": 2}'),
        ('{\r\n  "b": 2,\r\n  "a": 1\r\n}', '{\r\n  "b": 2\r\n}'),
    ],
)
def test_an_entry_goes_with_its_line(before: str, after: str) -> None:
    found = entry_at(before, before.index('"a"'))
    assert found is not None
    assert made(before, [removed(before, found)]) == after


def test_entries_change_places_with_their_comments() -> None:
    before = '{\n  "b": 2,  # second\n  "c": 3,\n  "a": 1  # first\n}'
    entries = [entry_at(before, before.index(key)) for key in ('"b"', '"c"', '"a"')]
    b, c, a = (each for each in entries if each is not None)
    after = made(before, ordered(before, [b, c, a], [a, b, c]))
    assert after == '{\n  "a": 1,  # first\n  "b": 2,  # second\n  "c": 3\n}'


def test_of_two_entries_the_value_that_counts_is_kept() -> None:
    before = "{\n  'a': 1,  # first\n  'b': 2,\n  'a': 3,  # second\n}"
    first = entry_at(before, before.index("'a'"))
    second = entry_at(before, before.rindex("'a'"))
    assert first is not None and second is not None
    after = "{\n  'a': 3,  # second\n  'b': 2,\n}"
    assert made(before, merged(before, first, second)) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('x = ["a"]', 'x = {"a": "s"}'),
        ("x = ('a', 'b',)", "x = {'a': 's', 'b': 's',}"),
        ('x = [\n  "a",  # why\n]', 'x = {\n  "a": "s",  # why\n}'),
    ],
)
def test_a_list_becomes_a_mapping(before: str, after: str) -> None:
    pieces = mapped(before, 0, len(before), "s")
    assert pieces is not None
    assert made(before, pieces) == after


@pytest.mark.parametrize("text", ["x = [a]", "x = f()", "x = []", "x = names"])
def test_what_is_no_list_of_strings_becomes_none(text: str) -> None:
    assert mapped(text, 0, len(text), "s") is None
