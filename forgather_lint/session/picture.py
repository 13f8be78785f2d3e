"""What an editor can show about a model besides findings: plans, modules, and their places.

It is made in a worker (`picturing`), can be pickled, and can be read without what it was made from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Position, Span

Shape = tuple[int | None, ...]


@record
class ModuleSeen:
    """Modules whose names differ in numbers only, such as one in each layer.

    `name` has `*` for each number, `where` is the expression that builds them. `style` is their
    style by the plan or the release, `entry` the place of the plan key that decides it. `shape` is
    that of the weight, of which each of `ranks` ranks holds `part`; `bytes` is the size on one rank
    of all parameters of all these modules. `exchange` says what the ranks send each other.
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

    `modules` are the names that it is applied to, `read` tells whether the release reads it at all.
    For a pipeline plan `holds` says what each stage holds, by the number of stages.
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
    """A plan, the attribute or key that holds it, and the place of that."""

    name: str
    owner: str
    where: Span
    entries: tuple[EntrySeen, ...]


@record
class ValueSeen:
    """A value of config.json that has a part in deciding at which sizes the model serves."""

    key: str
    where: Span
    told: str


@record
class TemplateLink:
    """A place in a template that names something, such as its parent, and the place of that."""

    where: Span
    target: Span


@record
class Picture:
    """One model as a release sees it. `undecided` says why nothing more is known.

    `names` are all modules of the base model, with `*` for numbers, `styles` the styles that the
    release knows; `base` is the place of the class that plans are about, `whole` that of the class
    with the head.
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
    links: tuple[TemplateLink, ...] = ()
    undecided: str = ""

    @property
    def entries(self) -> Iterator[EntrySeen]:
        """The entries of all plans."""
        for plan in self.plans:
            yield from plan.entries

    def entry_at(self, path: str, where: Position) -> EntrySeen | None:
        """The entry at the position `where` in the file `path`; None if there is none."""
        found = (
            each
            for each in self.entries
            if lies_in(path, where, each.key_where) or lies_in(path, where, each.value_where)
        )
        return next(found, None)

    def modules_at(self, path: str, where: Position) -> tuple[ModuleSeen, ...]:
        """The modules that are built on the line of `where`."""
        return tuple(
            each
            for each in self.modules
            if each.where.path == path and each.where.start.row <= where.row <= each.where.end.row
        )

    def value_at(self, path: str, where: Position) -> ValueSeen | None:
        """The value of config.json on the line of `where`; None if there is none."""
        found = (
            each
            for each in self.values
            if each.where.path == path and each.where.start.row <= where.row <= each.where.end.row
        )
        return next(found, None)

    def named(self, name: str) -> ModuleSeen | None:
        """The modules called `name`, with `*` for numbers; None if there are none."""
        return next((each for each in self.modules if each.name == name), None)


def lies_in(path: str, where: Position, span: Span) -> bool:
    """Whether a position in the file `path` is inside `span`, its end included."""
    return span.path == path and span.start <= where <= span.end


def shown(shape: Shape | None) -> str:
    """A shape as Python writes it, with `?` for what is not known."""
    if shape is None:
        return "?"
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"
