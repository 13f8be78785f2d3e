"""How a value was computed, as a graph of terms that crosses the borders of modules.

It is made from the bodies of `dataflow.py`. Two computations are compared by their terms. A term is
known by identity: one value has one term, so what is used twice is the same term twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.execution.dataflow import Body, Step, flattened
from forgather_lint.execution.writes import writes
from forgather_lint.libraries.operands import is_in_place
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    External,
    Known,
    TensorValue,
    TupleValue,
    Value,
    ValueId,
)

INPUT, ATTRIBUTE, CONSTANT, ITEM = "input", "attribute", "constant", "item"
MODULE, LIBRARY, EITHER = "module", "library module", "either"
CHANGED = "changed"

CASTS = frozenset(
    {"to", "float", "double", "half", "bfloat16", "type", "type_as", "contiguous", "clone"}
)
"""Ops that leave the numbers as they are, up to rounding."""
RESHAPES = frozenset({"reshape", "view", "flatten", "unflatten", "squeeze"})
"""Ops that leave the numbers as they are, in another shape."""
_VIEWS = (
    *RESHAPES,
    *("item", "getitem", "chunk", "split", "tensor_split", "unbind", "select", "narrow", "t"),
    *("T.get", "mT.get", "transpose", "permute", "unsqueeze", "expand", "expand_as", "detach"),
)
"""Ops whose result consists of elements of their input."""
_PASSING = ("torch.nn.Identity", "torch.nn.Dropout")
"""Modules that return their input, outside of training."""


@record(eq=False)
class Term:
    """`value` as it was computed: by `op`, from `positional` and `keywords`.

    `op` has no prefix: it is `softmax` for the function and for the method. Some ops have a meaning
    of their own: `INPUT` is an argument of the outermost body; `ATTRIBUTE` what `owner` holds under
    `name`; `ITEM` the item at `place` of a tuple; `MODULE` the result of a module that is not
    looked into (`owner`, held under `name`); `LIBRARY` that of a module without source; `EITHER`
    one of its inputs, by an undecided condition; `CHANGED` a tensor that is written to while in
    use.
    """

    op: str
    value: Value
    positional: tuple[Term, ...] = ()
    keywords: Mapping[str, Term] = field(default_factory=dict)
    where: Place | None = None
    owner: Instance | None = None
    name: str = ""
    place: int = 0

    @property
    def inputs(self) -> tuple[Term, ...]:
        """All the terms that it was computed from."""
        return (*self.positional, *self.keywords.values())

    @property
    def shape(self) -> tuple[object, ...] | None:
        """The shape; None unless the value is a tensor of known rank."""
        return self.value.shape if isinstance(self.value, TensorValue) else None

    @property
    def number(self) -> float | None:
        """The value of a constant; None for anything else."""
        held = self.value.value if isinstance(self.value, Known) else None
        return float(held) if isinstance(held, int | float) else None

    @property
    def kind(self) -> str:
        """The class of the library module that computed it; empty for others."""
        cls = self.owner.cls if self.op == LIBRARY and self.owner is not None else None
        return cls.name if isinstance(cls, External) else ""

    def argument(self, name: str, place: int) -> Term | None:
        """The argument passed as `name`, or by position at `place`; None where there is none."""
        if name in self.keywords:
            return self.keywords[name]
        return self.positional[place] if place < len(self.positional) else None


@record(frozen=False, eq=False)
class _Frame:
    """A body, with the terms of its arguments."""

    body: Body
    given: dict[ValueId, Term]
    known: dict[ValueId, Term] = field(default_factory=dict)
    steps: dict[ValueId, Step] = field(default_factory=dict)
    inner: dict[Step, _Frame] = field(default_factory=dict)
    changed: dict[ValueId, Step] = field(default_factory=dict)

    def __post_init__(self) -> None:
        there = set(self.body.placeholders)
        for step in self.body.steps:
            # A step may hand on what was there before it ran, such as a None among its items.
            there.update(step.inputs)
            if step.output not in there:
                self.steps.setdefault(step.output, step)
        for place, step in enumerate(self.body.steps):
            if writes(step):
                self._note_changed(step, place)

    def _note_changed(self, step: Step, place: int) -> None:
        """Mark what `step` writes to, and what shares its memory, if either is used later."""
        later = self.body.steps[place + 1 :]
        used = set(map(ValueId, flattened([self.body.result.value])))
        used.update(each for step_behind in later for each in step_behind.inputs)
        if step.name.endswith("setitem"):
            used.add(step.inputs[0])
        for value in self._sharing(step.inputs[0], place):
            if value in used:
                self.changed.setdefault(value, step)

    def _sharing(self, value: ValueId, place: int) -> set[ValueId]:
        """What may share the memory of `value`, of all that was there before a step."""
        source = self.steps.get(value)
        while source is not None and self._may_share(source):
            value = source.inputs[0]
            source = self.steps.get(value)
        found = {value}
        for step in self.body.steps[:place]:
            if self._may_share(step) and step.inputs[0] in found:
                found.add(step.output)
        return found

    def _may_share(self, step: Step) -> bool:
        """Whether the result may show the memory of the first input: a cast to its own type does.

        What an op returns in a tuple are tensors of their own, unless they are parts of its input.
        """
        if step.name == ITEM:
            whole = self.steps.get(step.inputs[0])
            return whole is not None and self._may_share(whole)
        op = _op_of(step.name)
        return bool(step.inputs) and (op in _VIEWS or op in CASTS - {"clone"})


@record(frozen=False, eq=False, slots=False)
class Terms:
    """The terms of one body; the modules in `opaque` are not looked into."""

    body: Body
    bodies: Mapping[Instance, Body]
    opaque: Collection[Instance] = ()

    def __post_init__(self) -> None:
        self._frame = _Frame(self.body, {})

    def of(self, value: Value) -> Term:
        """The term of a value of the body."""
        return self._of(value, self._frame)

    def result(self) -> Term:
        """The term of what the body returns."""
        return self.of(self.body.result.value)

    def call_of(self, module: Instance) -> Term | None:
        """The term of the only call of `module` in the body.

        None where there is none or several.
        """
        calls = [step for step in self.body.steps if step.module is module]
        return self._of(calls[0].output.value, self._frame) if len(calls) == 1 else None

    def _of(self, value: Value, frame: _Frame) -> Term:
        known = frame.known.get(ValueId(value)) or frame.given.get(ValueId(value))
        if known is None:
            options = frame.body.merged.get(ValueId(value))
            writing = frame.changed.get(ValueId(value))
            if writing is not None:
                known = Term(CHANGED, value, where=writing.where)
            elif options is None:
                known = self._made(value, frame)
            else:
                each = [self._of_option(option, value, frame) for option in options]
                known = Term(EITHER, value, tuple(each))
            frame.known[ValueId(value)] = known
        return known

    def _of_option(self, option: Value, value: Value, frame: _Frame) -> Term:
        """The term of what one branch left, maybe the very value that stands for all."""
        return self._made(value, frame) if option is value else self._of(option, frame)

    def _made(self, value: Value, frame: _Frame) -> Term:
        step = frame.steps.get(ValueId(value))
        return self._leaf(value, frame) if step is None else self._step(step, value, frame)

    def _leaf(self, value: Value, frame: _Frame) -> Term:
        if ValueId(value) in frame.body.placeholders:
            return Term(INPUT, value, place=frame.body.placeholders.index(ValueId(value)))
        if isinstance(value, TensorValue):
            for name, held in frame.body.owner.attributes.items():
                if held is value:
                    return Term(ATTRIBUTE, value, owner=frame.body.owner, name=name)
        parts = tuple(self._of(item, frame) for item in _items(value))
        return Term(CONSTANT, value, parts)

    def _step(self, step: Step, value: Value, frame: _Frame) -> Term:
        if step.name == ITEM:
            return self._item(step, value, frame)
        inner = self._inside(step, frame)
        if inner is not None:
            return self._of(inner.body.result.value, inner)
        return self._computed(step, value, frame)

    def _item(self, step: Step, value: Value, frame: _Frame) -> Term:
        whole = step.arguments.positional[0]
        caller = frame.steps.get(ValueId(whole))
        inner = self._inside(caller, frame) if caller is not None else None
        returned = inner.body.result.value if inner is not None else None
        if inner is not None and isinstance(returned, TupleValue):
            return self._of(returned.items[step.place], inner)
        tuple_term = self._of(whole, frame)
        return Term(ITEM, value, (tuple_term,), where=step.where, place=step.place)

    def _inside(self, step: Step, frame: _Frame) -> _Frame | None:
        """The body of the module that a step calls; None where it is not looked into."""
        if step.module is None or _stands_alone(step.module, self.opaque):
            return None
        body = self.bodies.get(step.module.first_alike)
        if body is None or body is frame.body:
            return None
        if step not in frame.inner:
            outer = flattened(step.arguments.all())
            pairs = zip(body.placeholders, outer, strict=False)
            given = {inner: self._of(value, frame) for inner, value in pairs}
            frame.inner[step] = _Frame(body, given)
        return frame.inner[step]

    def _computed(self, step: Step, value: Value, frame: _Frame) -> Term:
        given, module = step.arguments, step.module
        keywords = {name: self._of(each, frame) for name, each in given.keywords.items()}
        op, name = _op_of(step.name), step.name
        if module is not None:
            op = LIBRARY if isinstance(module.cls, External) else MODULE
            held = frame.body.owner.attributes.items()
            name = next((name for name, each in held if each is module), "")
        positional = tuple(self._of(each, frame) for each in given.positional)
        return Term(op, value, positional, keywords, step.where, module, name)


def _stands_alone(module: Instance, opaque: Collection[Instance]) -> bool:
    return isinstance(module.cls, External) or module in opaque


def _op_of(name: str) -> str:
    """The op of a qualified name.

    `softmax` for `torch.nn.functional.softmax`, `mul` for `Tensor.mul_` and `*=`, `T.get` for a
    property.
    """
    owner, _, last = name.rpartition(".")
    if last == "get":
        return f"{owner.rpartition('.')[2]}.get"
    if is_in_place(name) and (owner == "operator" or last.endswith("__")):
        return last.strip("_").removeprefix("i")
    return last.removesuffix("_") if not last.startswith("_") else last


def _items(value: Value) -> Iterator[Value]:
    if isinstance(value, TupleValue):
        yield from value.items


def peeled(term: Term) -> Term:
    """The term below casts and reshapes that leave the last dimension as it is."""
    while term.positional:
        inner = term.positional[0]
        same = term.op in RESHAPES and bool(term.shape) and _last(term) == _last(inner)
        if term.op not in CASTS and term.kind not in _PASSING and not same:
            break
        term = inner
    return term


def _last(term: Term) -> object:
    return term.shape[-1] if term.shape else None
