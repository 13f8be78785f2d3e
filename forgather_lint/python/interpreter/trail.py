"""Writes that can be undone, so that both branches of an undecided condition can be run.

Every change of a name, attribute or container goes through the trail. A branch runs inside
`attempt`, which notes what it changed and takes it back; `merge` then writes, for every place that
any branch changed, the join of what the branches left there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, Protocol, TypeVar

from forgather_lint.core.record import record
from forgather_lint.python.values.joining import join, same
from forgather_lint.python.values.value import (
    ABSENT,
    LENGTH_DIFFERS,
    ListValue,
    Unknown,
    Value,
)

Result = TypeVar("Result")
Names = dict[str, Value] | dict[Hashable, Value]


class Slot(Protocol):
    """A place that can be written: one key of a dict, or the items of a list."""

    @property
    def identity(self) -> Hashable: ...

    def read(self) -> object: ...

    def write(self, content: object) -> None: ...

    def joined(self, contents: list[object]) -> object: ...


@record(eq=False)
class KeySlot:
    """One key of a dict of values; ABSENT when the key is missing."""

    mapping: dict[Hashable, Value]
    key: Hashable

    @property
    def identity(self) -> Hashable:
        return id(self.mapping), self.key

    def read(self) -> object:
        return self.mapping.get(self.key, ABSENT)

    def write(self, content: object) -> None:
        if content is ABSENT:
            self.mapping.pop(self.key, None)
        else:
            self.mapping[self.key] = content  # type: ignore[assignment]

    def joined(self, contents: list[object]) -> object:
        return join(content for content in contents if isinstance(content, Value))


@record(eq=False)
class ItemsSlot:
    """All items of a list."""

    target: ListValue

    @property
    def identity(self) -> Hashable:
        return id(self.target), "items"

    def read(self) -> object:
        return self.target.items

    def write(self, content: object) -> None:
        self.target.items = content  # type: ignore[assignment]

    def joined(self, contents: list[object]) -> object:
        lists: list[list[Value]] = contents  # type: ignore[assignment]
        shortest = min(map(len, lists))
        if any(len(items) != shortest for items in lists):
            self.target.rest = self.target.rest or Unknown(LENGTH_DIFFERS)
        longest = max(lists, key=len)
        common = [join(items[i] for items in lists) for i in range(shortest)]
        return common + longest[shortest:]


@record(frozen=False)
class Changes:
    """What a branch left behind, by slot."""

    after: dict[Hashable, tuple[Slot, object]]


@record(frozen=False)
class Outcome(Generic[Result]):
    """The result of a branch with the changes it made."""

    result: Result
    changes: Changes


class Trail:
    """The log of writes of the branches that are open, innermost last."""

    def __init__(self) -> None:
        self._logs: list[dict[Hashable, tuple[Slot, object]]] = []

    @property
    def depth(self) -> int:
        """How many branches are open."""
        return len(self._logs)

    def set_key(self, mapping: Names, key: Hashable, value: Value) -> None:
        """`mapping[key] = value`, to be taken back when the branch is."""
        if self._logs:
            self._note(KeySlot(mapping, key))  # type: ignore[arg-type]
        mapping[key] = value  # type: ignore[index]

    def delete_key(self, mapping: Names, key: Hashable) -> None:
        """Delete a key that may be missing."""
        if self._logs:
            self._note(KeySlot(mapping, key))  # type: ignore[arg-type]
        mapping.pop(key, None)  # type: ignore[call-overload]

    def set_items(self, target: ListValue, items: list[Value]) -> None:
        """Give a list other items."""
        if self._logs:
            self._note(ItemsSlot(target))
        target.items = items

    def append(self, target: ListValue, value: Value) -> None:
        """Add one item to a list."""
        if self._logs:
            self.set_items(target, [*target.items, value])
        else:
            target.items.append(value)

    def attempt(self, branch: Callable[[], Result]) -> Outcome[Result]:
        """Run `branch`, take its writes back and return them with its result."""
        self.begin()
        try:
            result = branch()
        except BaseException:
            self.roll_back()
            raise
        return Outcome(result, self.roll_back())

    def begin(self) -> None:
        """Open a branch."""
        self._logs.append({})

    def roll_back(self) -> Changes:
        """Close the innermost branch, restore what it overwrote and return what it had written."""
        log = self._logs.pop()
        after = {identity: (slot, slot.read()) for identity, (slot, _) in log.items()}
        for slot, before in reversed(log.values()):
            slot.write(before)
        return Changes(after)

    def apply(self, changes: Changes) -> None:
        """Write `changes` again, as part of the branch that is open now."""
        for slot, content in changes.after.values():
            self._write(slot, content)

    def merge(self, branches: Sequence[Changes]) -> None:
        """Leave in every changed place the join of what the branches left there."""
        slots = {key: slot for changes in branches for key, (slot, _) in changes.after.items()}
        for identity, slot in slots.items():
            contents = [
                changes.after[identity][1] if identity in changes.after else slot.read()
                for changes in branches
            ]
            agreed = all(_same_content(contents[0], content) for content in contents[1:])
            self._write(slot, contents[0] if agreed else slot.joined(contents))

    def _write(self, slot: Slot, content: object) -> None:
        if self._logs:
            self._note(slot)
        slot.write(content)

    def _note(self, slot: Slot) -> None:
        self._logs[-1].setdefault(slot.identity, (slot, slot.read()))


def _same_content(left: object, right: object) -> bool:
    if isinstance(left, Value) and isinstance(right, Value):
        return same(left, right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left is right
