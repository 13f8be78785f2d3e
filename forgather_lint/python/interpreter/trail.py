"""The only way to change a value, so that every change can be undone.

To the rest of the program values are read-only, which the type checker enforces: names, attributes,
items and everything else that a value holds are written here. The arms of an undecided condition
are all run from the same state. An arm runs inside `attempt`, which records what it changed and
undoes it; `merge` then writes, for every slot that any arm changed, the join of what the arms left
there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar, cast

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.budget import Budget
from forgather_lint.python.values.joining import join, same
from forgather_lint.python.values.objects import Instance, RegisteredDict
from forgather_lint.python.values.value import (
    ABSENT,
    LENGTH_DIFFERS,
    UNDECIDED_ITEM,
    Collection,
    DictValue,
    IterableValue,
    Key,
    ListValue,
    SetValue,
    Source,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
)

Result = TypeVar("Result")
Name = TypeVar("Name", bound=Hashable)
Content = TypeVar("Content")


class Slot(Protocol):
    """Something that can be written. Two slots are the same place if their `identity` is equal."""

    @property
    def identity(self) -> Hashable: ...

    def read(self) -> object: ...

    def write(self, content: object) -> None: ...

    def joined(self, contents: list[object]) -> object: ...


@record(eq=False)
class KeySlot:
    """One key of a mapping to values; ABSENT when the key is missing."""

    mapping: Mapping[Hashable, object]
    key: Hashable

    @property
    def identity(self) -> Hashable:
        # The slot holds the mapping, so that no other object takes its number.
        return id(self.mapping), self.key

    def read(self) -> object:
        return self.mapping.get(self.key, ABSENT)

    def write(self, content: object) -> None:
        mapping = cast("dict[Hashable, object]", self.mapping)
        if content is ABSENT:
            mapping.pop(self.key, None)
        else:
            mapping[self.key] = content

    def joined(self, contents: list[object]) -> object:
        return join(content for content in contents if isinstance(content, Value))


@record(eq=False)
class ItemSlot(KeySlot):
    """One key of a dict, or an item of a set.

    Where only some arms leave it there, the dict or set may hold more than is known (`merge`).
    """

    target: DictValue | SetValue


@record(eq=False)
class FactSlot(KeySlot):
    """One key of a mapping to something that is no value, such as a place.

    The first one written stays.
    """

    def joined(self, contents: list[object]) -> object:
        return next((content for content in contents if content is not ABSENT), ABSENT)


@record(eq=False)
class ItemsSlot:
    """All items of a list, which may have changed in place."""

    target: ListValue

    @property
    def identity(self) -> Hashable:
        return id(self.target), "items"

    def read(self) -> object:
        return list(self.target.items)

    def write(self, content: object) -> None:
        object.__setattr__(self.target, "items", list(cast("list[Value]", content)))

    def joined(self, contents: list[object]) -> object:
        lists = cast("list[list[Value]]", contents)
        shortest = min(map(len, lists))
        longest = max(lists, key=len)
        common = [join(items[i] for items in lists) for i in range(shortest)]
        return common + longest[shortest:]


@record(eq=False)
class RestSlot:
    """Why a collection may hold more than is known; None when it does not.

    What may be there behind one arm may be there behind the join.
    """

    owner: Instance | Collection
    name: str

    @property
    def identity(self) -> Hashable:
        return id(self.owner), self.name

    def read(self) -> object:
        return getattr(self.owner, self.name)

    def write(self, content: object) -> None:
        object.__setattr__(self.owner, self.name, content)

    def joined(self, contents: list[object]) -> object:
        return next((content for content in contents if content is not None), None)


@record(eq=False)
class IteratorSlot:
    """The state of an iterator; where the arms differ, its further items are not known."""

    owner: IterableValue

    @property
    def identity(self) -> Hashable:
        return id(self.owner), "iterator"

    def read(self) -> object:
        owner = self.owner
        return owner.items, owner.given, owner.asked, owner.source, owner.rest

    def write(self, content: object) -> None:
        for name, each in zip(_OF_ITERATORS, cast("tuple[object, ...]", content), strict=True):
            object.__setattr__(self.owner, name, each)

    def joined(self, contents: list[object]) -> object:
        states = cast("list[tuple[object, ...]]", contents)
        if all(map(_same_state, states[:-1], states[1:])):
            return states[0]
        return (), 0, 0, None, Unknown("iterator-partly-used")


_OF_ITERATORS = ("items", "given", "asked", "source", "rest")


def _same_state(left: tuple[object, ...], right: tuple[object, ...]) -> bool:
    pairs = zip(left, right, strict=True)
    return all(one is other or (isinstance(one, int) and one == other) for one, other in pairs)


@record(eq=False)
class OriginSlot:
    """The instance that another one is a copy of; None when one of the arms has changed it."""

    target: Instance

    @property
    def identity(self) -> Hashable:
        return id(self.target), "copy_of"

    def read(self) -> object:
        return self.target.copy_of

    def write(self, content: object) -> None:
        object.__setattr__(self.target, "copy_of", content)

    def joined(self, contents: list[object]) -> object:
        return None


@record(eq=False)
class HiddenSlot:
    """The attributes that were set around `__setattr__`, as far as all arms agree."""

    owner: Instance

    @property
    def identity(self) -> Hashable:
        return id(self.owner), "hidden"

    def read(self) -> object:
        return self.owner.hidden

    def write(self, content: object) -> None:
        object.__setattr__(self.owner, "hidden", content)

    def joined(self, contents: list[object]) -> object:
        return frozenset.intersection(*cast("list[frozenset[str]]", contents))


@record(frozen=False)
class BranchWrites:
    """What a branch wrote, by slot."""

    after: dict[Hashable, tuple[Slot, object]]


@record(frozen=False)
class BranchOutcome(Generic[Result]):
    """The result of a branch, with the changes it made."""

    result: Result
    changes: BranchWrites


OlderSlot = tuple[Hashable, str]
"""A slot that existed before what is being built: its owner, and the name of an attribute.

The owner is an object, a class or module (by the id of its dict, which is kept alive), or a list,
dict or set, which is one slot as a whole, with an empty name.
"""
Listener = Callable[[object, Sequence[object]], None]


class Trail:
    """Writes values, and logs the writes of open branches, innermost last.

    `written` has the objects that were written to, each as often as that was, None for several at
    once; who keeps what was computed from objects goes by it. `ages` has the serials of what was
    written to, in the order of the writes: those of objects, lists, dicts and sets, and 0 for a
    class, a module or the names around a function. `shared_writes` counts the latter;
    `outside_writes` counts them and writes to objects older than what is being built (`guarding`),
    whose earlier contents are kept for `changed`. `listener` is called for each join of branches,
    with what each of them had left.
    Copies that a branch makes of what it changes are charged to `budget`.
    """

    def __init__(self, listener: Listener | None = None, budget: Budget | None = None) -> None:
        self._budget = budget
        self._logs: list[dict[Hashable, tuple[Slot, object]]] = []
        self._listener = listener
        self._oldest_free = 0
        self.written: list[Instance | None] = []
        self.ages: list[int] = []
        self.shared_writes = 0
        self.outside_writes = 0
        self._older: dict[OlderSlot, tuple[object, object]] = {}

    @property
    def depth(self) -> int:
        """The number of open branches."""
        return len(self._logs)

    def set_key(self, mapping: Mapping[Name, Value], key: Name, value: Value) -> None:
        """`mapping[key] = value`."""
        if self._logs:
            self._note(KeySlot(cast("Mapping[Hashable, object]", mapping), key))
        cast("dict[Name, Value]", mapping)[key] = value

    def set_attribute(self, target: Instance, name: str, value: Value) -> None:
        """Set an attribute, without asking the class."""
        self._changes(target, name, value)
        self.set_key(target.attributes, name, value)

    def delete_attribute(self, target: Instance, name: str) -> None:
        """Delete an attribute that may be missing."""
        self._changes(target, name, ABSENT)
        self.delete_key(target.attributes, name)

    def stand_in(self, target: Instance, name: str, value: Value) -> None:
        """Set an attribute as an engine does: the same for all copies, which stay alike."""
        self.written.append(target)
        self.set_key(target.attributes, name, value)

    def set_copy_of(self, target: Instance, first: Instance | None) -> None:
        """Set which instance `target` is a copy of."""
        self._write(OriginSlot(target), first)

    def set_shared(self, mapping: Mapping[str, Value], name: str, value: Value) -> None:
        """Set an attribute of a class or a module."""
        self.shared_writes += 1
        self.outside_writes += 1
        self.ages.append(0)
        self._note_older((id(mapping), name), mapping)
        self.set_key(mapping, name, value)

    @contextmanager
    def guarding(self, serial: int) -> Iterator[None]:
        """Within the block, count writes to objects older than `serial`."""
        before, self._oldest_free = self._oldest_free, serial
        try:
            yield
        finally:
            self._oldest_free = before

    def is_older(self, slot: OlderSlot) -> bool:
        """Whether the slot is of something older than what is being built, and was written to."""
        return slot in self._older

    def changed(self, serial: int) -> Iterator[tuple[OlderSlot, object]]:
        """The slots older than `serial` that now hold something else, with their owners.

        Only writes while `guarding`, and those to classes and modules, are known.
        """
        for slot, (owner, before) in self._older.items():
            born = owner.serial if isinstance(owner, Instance | Collection) else 0
            if born < serial and not _is_left(before, _held(owner, slot[1])):
                yield slot, owner

    def _note_older(self, slot: OlderSlot, owner: object) -> None:
        if slot not in self._older:
            self._older[slot] = owner, _held(owner, slot[1])

    def _grows(self, target: Collection) -> None:
        self.ages.append(target.serial)
        if target.serial < self._oldest_free:
            self.outside_writes += 1
            self._note_older((target, ""), target)
        object.__setattr__(target, "writes", target.writes + 1)

    def _changes(self, target: Instance, name: str, value: Value) -> None:
        self.written.append(target)
        self.ages.append(target.serial)
        if target.serial < self._oldest_free:
            self.outside_writes += 1
            self._note_older((target, name), target)
        if target.copy_of is not None and not same(target.attributes.get(name, ABSENT), value):
            self.set_copy_of(target, None)

    def delete_key(self, mapping: Mapping[Name, Value], key: Name) -> None:
        """Delete a key that may be missing."""
        if self._logs:
            self._note(KeySlot(cast("Mapping[Hashable, object]", mapping), key))
        cast("dict[Name, Value]", mapping).pop(key, None)

    def set_item(self, target: DictValue | SetValue, key: Key, value: Value) -> None:
        """Set a key of a dict, or an item of a set."""
        self._grows(target)
        self._note_item(target, key)
        cast("dict[Key, Value]", target.items)[key] = value
        if isinstance(target, RegisteredDict) and isinstance(key, str):
            self.set_attribute(target.owner, key, value)

    def delete_item(self, target: DictValue | SetValue, key: Key) -> None:
        """Delete a key that may be missing."""
        self._grows(target)
        self._note_item(target, key)
        cast("dict[Key, Value]", target.items).pop(key, None)
        if isinstance(target, RegisteredDict) and isinstance(key, str):
            self.delete_attribute(target.owner, key)

    def _note_item(self, target: DictValue | SetValue, key: Key) -> None:
        if self._logs:
            items = cast("Mapping[Hashable, object]", target.items)
            self._note(ItemSlot(items, key, target))

    def set_fact(self, mapping: Mapping[Name, Content], key: Name, content: Content) -> None:
        """`mapping[key] = content`, for a mapping to something that is no value."""
        if self._logs:
            self._note(FactSlot(cast("Mapping[Hashable, object]", mapping), key))
        cast("dict[Name, Content]", mapping)[key] = content

    def set_items(self, target: ListValue, items: Sequence[Value]) -> None:
        """Replace the items of a list."""
        self._grows(target)
        slot = ItemsSlot(target)
        if self._logs:
            self._note(slot)
        slot.write(items)

    def set_at(self, target: ListValue, index: int, value: Value) -> None:
        """Replace the item at `index` of a list."""
        self._grows(target)
        if self._logs:
            self._note(ItemsSlot(target))
        cast("list[Value]", target.items)[index] = value

    def append(self, target: ListValue, value: Value) -> None:
        """Add one item to a list."""
        self._grows(target)
        if self._logs:
            self._note(ItemsSlot(target))
        cast("list[Value]", target.items).append(value)

    def set_rest(self, target: Collection, why: Unknown | None) -> None:
        """Set why `target` may hold more than is known; None: it holds no more."""
        if target.rest is not why:
            self._grows(target)
            self._write(RestSlot(target, "rest"), why)
            if isinstance(target, RegisteredDict):
                self.may_have_more(target.owner, why)

    def advance(
        self,
        target: IterableValue,
        *,
        items: Sequence[Value],
        given: int,
        source: Source | None,
        rest: Unknown | None,
    ) -> None:
        """Set what an iterator has made, how many items are taken, and what makes further ones."""
        self._grows(target)
        self._write(IteratorSlot(target), (items, given, target.asked + 1, source, rest))

    def may_hold_more(self, target: Collection, why: Unknown | None) -> None:
        """`target` may hold more because of `why`.

        An earlier reason stays, and None changes nothing.
        """
        if target.rest is None and why is not None:
            self._grows(target)
            self._write(RestSlot(target, "rest"), why)
            if isinstance(target, RegisteredDict):
                self.may_have_more(target.owner, why)

    def may_have_more(self, target: Instance, why: Unknown | None) -> None:
        """`target` may have further attributes because of `why`; None changes nothing."""
        if target.open is None and why is not None:
            self.ages.append(target.serial)
            self._write(RestSlot(target, "open"), why)

    def hide(self, target: Instance, name: str) -> None:
        """The attribute `name` was set around `__setattr__`."""
        if name not in target.hidden:
            self._write(HiddenSlot(target), target.hidden | {name})

    def unhide(self, target: Instance, name: str) -> None:
        """The attribute `name` was set the usual way."""
        if name in target.hidden:
            self._write(HiddenSlot(target), target.hidden - {name})

    def set_place(self, target: Instance, name: str, where: Place) -> None:
        """The attribute `name` was set at `where`."""
        self.set_fact(target.places, name, where)

    def attempt(self, branch: Callable[[], Result]) -> BranchOutcome[Result]:
        """Run `branch`, undo its writes, and return them with its result."""
        self.begin()
        try:
            result = branch()
        except BaseException:
            self.roll_back()
            raise
        return BranchOutcome(result, self.roll_back())

    def begin(self) -> None:
        """Open a branch."""
        self._logs.append({})

    def roll_back(self) -> BranchWrites:
        """Close the innermost branch, undo its writes, and return them."""
        log = self._logs.pop()
        self.written.append(None)
        after = {identity: (slot, slot.read()) for identity, (slot, _) in log.items()}
        for slot, before in reversed(log.values()):
            slot.write(before)
        return BranchWrites(after)

    def undo_all(self) -> None:
        """Close every open branch and undo their writes."""
        self.written.append(None)
        while self._logs:
            for slot, before in reversed(self._logs.pop().values()):
                slot.write(before)

    def apply(self, changes: BranchWrites) -> None:
        """Write `changes` again, as part of the branch that is now innermost."""
        for slot, content in changes.after.values():
            self._write(slot, content)

    def merge(self, branches: Sequence[BranchWrites]) -> None:
        """Write the join of what the branches left into every slot that one of them changed."""
        slots = {key: slot for changes in branches for key, (slot, _) in changes.after.items()}
        for identity, slot in slots.items():
            contents = [
                changes.after[identity][1] if identity in changes.after else slot.read()
                for changes in branches
            ]
            agreed = all(_same_content(contents[0], content) for content in contents[1:])
            if isinstance(slot, ItemsSlot) and not agreed and _lengths_differ(contents):
                self.may_hold_more(slot.target, Unknown(LENGTH_DIFFERS))
            joined = contents[0] if agreed else slot.joined(contents)
            if isinstance(slot, ItemSlot) and not agreed and ABSENT in contents:
                self.may_hold_more(slot.target, Unknown(UNDECIDED_ITEM))
                joined = ABSENT
            self._write(slot, joined)
            self.tell(joined, contents)

    def tell(self, joined: object, options: Sequence[object]) -> None:
        """Call the listener with a join and its options, unless all options are the same."""
        if self._listener is not None and any(option is not joined for option in options):
            self._listener(joined, options)

    def _write(self, slot: Slot, content: object) -> None:
        self.written.append(None)
        if self._logs:
            self._note(slot)
        slot.write(content)

    def _note(self, slot: Slot) -> None:
        log, identity = self._logs[-1], slot.identity
        if identity not in log:
            if self._budget is not None and isinstance(slot, ItemsSlot):
                self._budget.walk(len(slot.target.items))
            log[identity] = slot, slot.read()


def _held(owner: object, name: str) -> object:
    """The present content of a slot, copied so that later writes do not change it."""
    if isinstance(owner, Instance):
        return owner.attributes.get(name, ABSENT)
    if isinstance(owner, IterableValue):
        return [owner.rest, owner.asked, *owner.items]
    if isinstance(owner, ListValue):
        return [owner.rest, *owner.items]
    if isinstance(owner, DictValue | SetValue):
        return [owner.rest, *owner.items, *owner.items.values()]
    return cast("Mapping[str, object]", owner).get(name, ABSENT)


def _is_left(before: object, now: object) -> bool:
    """Whether a slot still has the same content.

    Two tensors that are alike may hold other numbers.
    """
    if isinstance(before, list) and isinstance(now, list):
        return len(before) == len(now) and all(map(_is_left, before, now))
    if before is now or isinstance(before, TensorValue | TupleValue):
        return before is now
    if isinstance(before, Value) and isinstance(now, Value):
        return same(before, now)
    return not isinstance(before, Value) and before == now


def _lengths_differ(lists: list[object]) -> bool:
    return len({len(cast("list[Value]", items)) for items in lists}) > 1


def _same_content(left: object, right: object) -> bool:
    if isinstance(left, Value) and isinstance(right, Value):
        return same(left, right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left is right
