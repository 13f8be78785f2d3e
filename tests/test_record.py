"""Records: what they share with data classes, and what they do not do."""

from __future__ import annotations

import pickle
from dataclasses import InitVar, asdict, dataclass, field, fields, is_dataclass, replace
from math import nan
from typing import Any, ClassVar

import pytest

from forgather_lint.core.record import record

_OF_EVERY_CLASS = ("__dict__", "__weakref__")
_OF_FIELDS = "name type default default_factory init repr compare hash kw_only".split()


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


def test_a_record_is_made_as_a_data_class_is() -> None:
    """Its `__init__` is compiled when it is called first, and is that of `dataclasses`."""

    class Body:
        first: int
        standard: float = nan
        made: list[int] = field(default_factory=list)
        never_given: str = field(default="here", init=False)
        made_inside: list[int] = field(default_factory=lambda: [1], init=False)
        by_name: int = field(kw_only=True)

        def __post_init__(self) -> None:
            self.first += 1

    def copied() -> Any:
        own = {name: value for name, value in vars(Body).items() if name not in _OF_EVERY_CLASS}
        return type("Body", (), own)

    one, other = record(frozen=False, slots=False)(copied()), dataclass(copied())

    def made_of(kind: Any, given: tuple[object, ...], named: dict[str, object]) -> object:
        try:
            made = kind(*given, **named)
            return [getattr(made, each.name) for each in fields(kind)]
        except TypeError as error:
            return str(error).partition("__init__")[2]

    calls: list[tuple[tuple[object, ...], dict[str, object]]] = [
        ((1,), {"by_name": 2}),
        ((1, 2.5, [3]), {"by_name": 2}),
        ((), {"first": 1, "by_name": 2, "made": None}),
        ((), {}),
        ((1, 2, 3, 4), {"by_name": 1}),
        ((1,), {"never_given": "x"}),
    ]
    for given, named in calls:
        assert made_of(one, given, named) == made_of(other, given, named) != ""
    assert one(1, by_name=2).made is not one(1, by_name=2).made


class Plain:
    first: int
    second: str = "b"


class WithFields:
    first: int
    many: list[int] = field(default_factory=list, repr=False)
    named: int = field(default=3, kw_only=True)
    inside: int = field(default=1, init=False, compare=False)


class WithClassVariable:
    shared: ClassVar[int] = 3
    first: int = 0


class WithArgument:
    given: InitVar[int]
    first: int = 0

    def __post_init__(self, given: int) -> None:
        self.first += given


def _copied(body: type, bases: tuple[type, ...] = ()) -> Any:
    own = {name: value for name, value in vars(body).items() if name not in _OF_EVERY_CLASS}
    return type(body.__name__, bases, own)


def _left_on(made: Any) -> dict[str, object]:
    """What a class decorator has left on a class, as far as others may read it."""
    return {
        "fields": [{name: getattr(each, name) for name in _OF_FIELDS} for each in fields(made)],
        "all": list(made.__dataclass_fields__),
        "slots": made.__dict__.get("__slots__"),
        "match": made.__match_args__,
        "defaults": {each.name: made.__dict__.get(each.name, nan) for each in fields(made)}.keys(),
        "is": is_dataclass(made),
    }


@pytest.mark.parametrize("body", [Plain, WithFields, WithClassVariable, WithArgument])
@pytest.mark.parametrize("slots", [True, False])
def test_a_record_has_what_a_data_class_has(body: type, slots: bool) -> None:
    one = record(slots=slots)(_copied(body))
    other = dataclass(eq=False, repr=False, slots=slots)(_copied(body))
    assert _left_on(one) == _left_on(other)

    heir = record(slots=slots)(_copied(Plain, (one,)))
    assert _left_on(heir) == _left_on(dataclass(slots=slots)(_copied(Plain, (other,))))


def test_a_record_and_a_data_class_extend_each_other() -> None:
    @dataclass
    class More(Counter):
        size: int = 0

    @record(frozen=False)
    class Beside(More):
        note: str = ""

    assert asdict(Beside(["a"], 2, "b")) == {"names": ["a"], "size": 2, "note": "b"}
    assert asdict(More()) == {"names": [], "size": 0}


def test_a_mutable_default_is_refused() -> None:
    with pytest.raises(ValueError, match="mutable default"):
        record(_copied(type("Body", (), {"__annotations__": {"names": list}, "names": []})))
