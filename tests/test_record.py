"""Records: what they share with data classes, and what they do not do."""

from __future__ import annotations

import pickle
from dataclasses import field, replace

import pytest

from forgather_lint.core.record import record


@record
class Point:
    x: int
    y: int = 0
    note: str = field(default="", compare=False, repr=False)


@record(eq=False)
class Thing:
    name: str


@record(frozen=False)
class Counter:
    names: list[str] = field(default_factory=list)


@record
class Named:
    name: float

    def __repr__(self) -> str:
        return f"<{self.name}>"


def test_a_record_is_compared_by_value() -> None:
    assert Point(1, 2, "a") == Point(1, 2, "b") != Point(2, 2)
    assert len({Point(1), Point(1), Point(2)}) == 2
    assert Point(1).__eq__(Named(1)) is NotImplemented
    nan = float("nan")
    assert Named(nan) == Named(nan), "as a tuple that holds it"


def test_a_record_without_equality_is_itself() -> None:
    one, other = Thing("a"), Thing("a")
    assert one != other
    assert len({one, other}) == 2


def test_a_record_that_changes_is_no_key() -> None:
    assert Counter() == Counter()
    with pytest.raises(TypeError, match="unhashable"):
        hash(Counter())


def test_a_record_shows_its_fields() -> None:
    assert repr(Point(1, note="hidden")) == "Point(x=1, y=0)"
    assert repr(Named(1)) == "<1>"


def test_a_record_has_slots_and_can_be_replaced_matched_and_pickled() -> None:
    assert not hasattr(Point(1), "__dict__")
    assert replace(Point(1), y=3) == Point(1, 3)
    match Point(1, 3):
        case Point(x, y):
            assert (x, y) == (1, 3)
    assert pickle.loads(pickle.dumps(Point(1, 3))) == Point(1, 3)


def test_a_record_may_extend_another() -> None:
    @record(eq=False)
    class More(Thing):
        size: int = 0

    assert repr(More("a", 2)).endswith("More(name='a', size=2)")
