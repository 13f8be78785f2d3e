"""Tensors that share memory, and writes under one name that change what another one shows.

A value says what a tensor held when it was made. An op that writes in place makes a new value, for
the name that it is written through; what shows the same memory under any other name (the tensor
that is a view's base, another view, the variable of a caller) still is the value from before.
"""

from __future__ import annotations

from dataclasses import field, replace

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.libraries.masks import MASK_TAGS
from forgather_lint.libraries.operands import is_in_place
from forgather_lint.libraries.tokens import holds_states, keeps_all_tokens, written_by_position
from forgather_lint.python.values.placement import Undecided, Wrong
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    ListValue,
    TensorValue,
    TupleValue,
    Value,
    ValueId,
)

SAME_MEMORY = frozenset(
    "T H mT mH data real view reshape view_as transpose permute movedim swapaxes expand expand_as "
    "squeeze unsqueeze flatten unflatten narrow select getitem __getitem__ detach contiguous to "
    "float half bfloat16 double type type_as chunk split unbind diagonal".split()
)
"""Ops whose result may share the memory of their input."""

WRITTEN = "written-under-another-name"
"""Why a value is undecided whose memory has been written to through another one."""


@record(frozen=False, eq=False)
class _Memory:
    """Some memory, as the values that were made since it was last written to show it.

    `whole` is the first of them, `before` the same memory up to that write. `written`: it was
    written to again, with what these values do not tell.
    """

    whole: TensorValue
    before: _Memory | None = None
    written: Place | None = None


@record(frozen=False, eq=False)
class Aliases:
    """What is known of memory in one forward, by the values (not what is equal to them)."""

    _of: dict[ValueId, _Memory] = field(default_factory=dict)
    _any_written: bool = False

    def current(self, arguments: Arguments) -> Arguments:
        """`arguments` as their memory is now: what was changed under another name is undecided."""
        if not self._any_written:
            return arguments
        positional = [self.now(each) for each in arguments.positional]
        keywords = {name: self.now(each) for name, each in arguments.keywords.items()}
        return Arguments(positional, keywords, arguments.rest)

    def now(self, value: Value) -> Value:
        """`value`, undecided where its memory was changed under another name since it was made."""
        if isinstance(value, TensorValue):
            memory = self._of.get(ValueId(value))
            if memory is None or memory.written is None or isinstance(value.placement, Wrong):
                return value
            written = Undecided(WRITTEN, memory.written)
            changed = replace(value, placement=written, tags=value.tags & MASK_TAGS)
            self._of[ValueId(changed)] = memory
            return changed
        if isinstance(value, TupleValue | ListValue):
            items = [self.now(each) for each in value.items]
            if any(new is not old for new, old in zip(items, value.items, strict=True)):
                if isinstance(value, TupleValue):
                    return replace(value, items=tuple(items))
                return TupleValue(tuple(items))
        return value

    def called(self, name: str, arguments: Arguments, made: Value, where: Place) -> Value:
        """What the op made, once it is noted which memory it shows, and what it wrote to."""
        first = arguments.positional[0] if arguments.positional else NONE
        short = name.removesuffix(".get").rpartition(".")[2]
        out = arguments.keywords.get("out")
        if isinstance(out, TensorValue):
            return self.written(out, made, where)
        if not isinstance(first, TensorValue):
            return made
        if is_in_place(name) or short == "setitem":
            return self.written(first, made, where)
        if short in SAME_MEMORY:
            for each in made.items if isinstance(made, TupleValue) else (made,):
                if isinstance(each, TensorValue) and each is not first:
                    self._of[ValueId(each)] = self._memory(first)
        return made

    def written(self, target: TensorValue, made: Value, where: Place) -> Value:
        """What `target` is once `made` has been written to it."""
        memory = self._memory(target)
        if not isinstance(made, TensorValue):
            self._spoil(memory, where)
            return made
        whole = memory.whole
        by_position = holds_states(whole) and not keeps_all_tokens(whole, target.shape)
        if by_position and not isinstance(made.placement, Wrong):
            made = replace(made, placement=written_by_position(where))
        settled = isinstance(made.placement, Undecided | Wrong)
        moved = type(made.placement) is not type(target.placement)
        if settled or moved or whole.tags - made.tags - MASK_TAGS:
            self._spoil(memory, where)
        self._of[ValueId(made)] = _Memory(made if target is whole else whole, memory)
        return made

    def overwritten(self, target: TensorValue, where: Place) -> None:
        """Note that `target` now holds something of which nothing is known."""
        self._spoil(self._memory(target), where)

    def _memory(self, value: TensorValue) -> _Memory:
        return self._of.setdefault(ValueId(value), _Memory(value))

    def _spoil(self, memory: _Memory | None, where: Place) -> None:
        self._any_written = True
        while memory is not None:
            memory.written = memory.written or where
            memory = memory.before
