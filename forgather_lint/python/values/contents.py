"""What values hold that may be written to: whether who is given a value sees what others did to it.

A module that is given a list, a dict or an object may leave something in it for the next one.
"""

from __future__ import annotations

from forgather_lint.python.values.joining import same
from forgather_lint.python.values.objects import (
    BoundMethod,
    ClassValue,
    FunctionValue,
    Instance,
    PartialCall,
)
from forgather_lint.python.values.value import (
    Arguments,
    Builtin,
    DictValue,
    External,
    FrozenSetValue,
    IterableValue,
    Known,
    ListValue,
    SetValue,
    SliceValue,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
)

Contents = tuple[object, ...]
"""All that some values hold, flat: each thing that can be written to is followed by its parts."""


class _Untold(Exception):
    """A value may hold something that is not read here, such as the names around a closure."""


def keeps_no_writes(value: Value, born: int) -> bool:
    """Whether nothing that a module does with `value` is seen by who is given it later.

    What is older than `born` counts as such: writes to it are seen in another way.
    """
    match value:
        case TensorValue() | Known() | SymbolicInt() | SliceValue() | Unknown():
            return True
        case External() | Builtin() | ClassValue() | FrozenSetValue():
            return True
        case TupleValue():
            return all(keeps_no_writes(each, born) for each in value.items)
        case ListValue() | DictValue() | SetValue() | Instance():
            return value.serial < born
        case FunctionValue():
            return not value.inside
        case BoundMethod():
            return keeps_no_writes(value.receiver, born) and keeps_no_writes(value.function, born)
        case PartialCall():
            given = (value.function, *value.positional, *value.keywords.values())
            return all(keeps_no_writes(each, born) for each in given)
    return False


def contents_of(arguments: Arguments, born: int) -> Contents | None:
    """What those values hold now that keep writes; None where that cannot be told."""
    found: list[object] = []
    met: set[Value] = set()
    try:
        for value in arguments.all():
            _add_contents(value, born, found, met)
    except _Untold:
        return None
    return tuple(found)


def same_contents(before: Contents, now: Contents) -> bool:
    """Whether nothing was written between the two."""
    return len(before) == len(now) and all(map(_is_same, before, now))


def _is_same(before: object, now: object) -> bool:
    if isinstance(before, Value) and isinstance(now, Value):
        return same(before, now)
    return before is now or (type(before) is type(now) and before == now)


def _add_contents(value: Value, born: int, found: list[object], met: set[Value]) -> None:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if keeps_no_writes(each, born):
            found.append(each)
        elif isinstance(each, TupleValue):
            found.append(len(each.items))
            waiting.extend(each.items)
        elif isinstance(each, ListValue | DictValue | SetValue | Instance):
            found.append(each)
            if each not in met:
                met.add(each)
                names, parts = _parts(each)
                found.extend((len(names), *names))
                waiting.extend(parts)
        else:
            raise _Untold


def _parts(value: Value) -> tuple[list[object], list[Value]]:
    """The names under which `value` holds other values, with what else is written, and these."""
    match value:
        case IterableValue():
            state: list[object] = [value.given, value.asked, value.source, value.rest]
            return state, list(value.items)
        case ListValue():
            return [len(value.items), value.rest], list(value.items)
        case DictValue():
            return [*value.items, value.rest], [*value.key_values(), *value.items.values()]
        case SetValue():
            return [*value.items, value.rest], list(value.items.values())
        case Instance():
            named: list[object] = [*value.attributes, value.open]
            return named, [*value.attributes.values(), *value.notes.values()]
    return [], []
