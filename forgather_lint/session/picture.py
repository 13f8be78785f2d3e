"""What an editor can show of a model besides its findings: plans, modules and where they stand.

Made in a worker (`picturing`); all of it can be sent, and read without what it was made with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Position, Span

Shape = tuple[int | None, ...]


@record
class ModuleSeen:
    """Modules that differ in numbers only, such as one in each layer.

    `name` has `*` for each number, `where` is the expression that builds them. `style` is what the
    plan or the release says of them, `entry` the place of the key that says it. Of `shape`, that of
    the weight, each of `ranks` ranks holds `part`; `bytes` are those of all its parameters on
    one rank, and of all modules of the name. `exchange` tells what the ranks send each other.
    """

    name: str
    count: int
    cls: str
    where: Span
    defined: Span | None = None
    shape: Shape | None = None
    part: Shape | None = None
    style: str = ""
    entry: Span | None = None
    ranks: int = 2
    bytes: int | None = None
    exchange: str = ""


@record
class EntrySeen:
    """One entry of a plan as it is written.

    `modules` are the names that it is applied to, `read` whether the release reads it at all.
    Of a pipeline plan `holds` tells what each stage holds, by the number of stages.
    """

    key: str
    value: str
    key_where: Span
    value_where: Span
    modules: tuple[str, ...] = ()
    read: bool = True
    of_pipeline: bool = False
    holds: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


@record
class PlanSeen:
    """A plan with the attribute or key that holds it, and where that stands."""

    name: str
    owner: str
    where: Span
    entries: tuple[EntrySeen, ...]


@record
class ValueSeen:
    """A value of config.json that decides at which sizes the model serves, and how."""

    key: str
    where: Span
    told: str


@record
class Picture:
    """One model as a release sees it. `undecided` says why there is no more of it.

    `names` are all modules of the base model, with `*` for numbers, `styles` what the release
    knows to say of one; `base` is where the class stands that plans are about, `whole` the class
    that has the head.
    """

    path: str
    release: str
    modules: tuple[ModuleSeen, ...] = ()
    plans: tuple[PlanSeen, ...] = ()
    values: tuple[ValueSeen, ...] = ()
    names: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    base: Span | None = None
    whole: Span | None = None
    undecided: str = ""

    @property
    def entries(self) -> Iterator[EntrySeen]:
        """The entries of all plans."""
        for plan in self.plans:
            yield from plan.entries

    def entry_at(self, path: str, where: Position) -> EntrySeen | None:
        """The entry that `where` in the file `path` lies in."""
        found = (
            each
            for each in self.entries
            if lies_in(path, where, each.key_where) or lies_in(path, where, each.value_where)
        )
        return next(found, None)

    def modules_at(self, path: str, where: Position) -> tuple[ModuleSeen, ...]:
        """The modules that the line of `where` builds."""
        return tuple(
            each
            for each in self.modules
            if each.where.path == path and each.where.start.row <= where.row <= each.where.end.row
        )

    def value_at(self, path: str, where: Position) -> ValueSeen | None:
        """The value of config.json whose line `where` is on."""
        found = (
            each
            for each in self.values
            if each.where.path == path and each.where.start.row <= where.row <= each.where.end.row
        )
        return next(found, None)

    def named(self, name: str) -> ModuleSeen | None:
        """The modules of that name, with `*` for numbers."""
        return next((each for each in self.modules if each.name == name), None)


def lies_in(path: str, where: Position, span: Span) -> bool:
    """Whether a point of the file `path` lies in `span`, its end included."""
    return span.path == path and span.start <= where <= span.end


def shown(shape: Shape | None) -> str:
    """A shape as Python writes it, with `?` for what is not known."""
    if shape is None:
        return "?"
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"
