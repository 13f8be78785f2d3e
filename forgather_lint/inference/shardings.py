"""Ways to shard one group of projections, from the one that shards most to those that do less."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from forgather_lint.core.record import record
from forgather_lint.inference.projections import ProjectionGroup

MOST_COLUMNS = 5
"""Up to so many columns, subsets that lack one or two are tried; of more, those that lack one."""


@record
class StyleNames:
    """The names of the styles in the release that a plan is for; None: it has no such style.

    `gathers_attention`: the release can use attention of which every rank has all heads; an engine
    with an attention of its own expects the heads to be split. `names_local`: parameters with one
    value for each head have to be named in the plan; some engines split them by themselves.
    """

    column: str = "colwise"
    row: str = "rowwise"
    gathered: str | None = "colwise_gather_output"
    splitting: str | None = "rowwise_split_input"
    packed_column: str | None = "packed_colwise"
    packed_row: str | None = "packed_rowwise"
    experts: str | None = "moe_tp_experts"
    identity: str | None = "moe_identity_expert"
    local: str | None = "local_params"
    table: str | None = "embedding_rowwise"
    whole: str | None = "replicate"
    gathers_attention: bool = True
    names_local: bool = True


Styles = Mapping[str, str]
"""Styles by attribute name; the style of the module itself under the empty name."""


def paired(group: ProjectionGroup, style_names: StyleNames) -> Iterator[Styles]:
    """Column-parallel and row-parallel projections in pairs; first all columns, then fewer.

    For a group of parameters, the ways of `_of_parameters`.
    """
    if group.parameters:
        yield from _of_parameters(group, style_names)
        return
    rows = dict.fromkeys(group.rows, style_names.row)
    for columns in _subsets(group):
        yield {**dict.fromkeys(columns, style_names.column), **rows}


def with_parameters(group: ProjectionGroup, style_names: StyleNames) -> Iterator[Styles]:
    """The ways of `paired`, with the module's own parameters by head or channel split as well."""
    if not group.bare or style_names.local is None:
        return
    own = {**dict.fromkeys(sorted(group.bare), style_names.column), "": style_names.local}
    for styles in paired(group, style_names):
        yield {**styles, **own}


def gathered(group: ProjectionGroup, style_names: StyleNames) -> Iterator[Styles]:
    """Column-parallel projections whose output is gathered, and rows that split a whole input."""
    if group.parameters or style_names.gathered is None or style_names.splitting is None:
        return
    if group.attends and not style_names.gathers_attention:
        return
    rows = dict.fromkeys(group.rows, style_names.splitting)
    yield {**dict.fromkeys(_outer(group), style_names.gathered), **rows}


def _outer(group: ProjectionGroup) -> tuple[str, ...]:
    return tuple(name for name in group.columns if name not in group.inner)


def _subsets(group: ProjectionGroup) -> Iterator[tuple[str, ...]]:
    columns = group.columns
    yield columns
    outer = _outer(group)
    if outer and outer != columns:
        yield outer
    smallest = max(1, len(columns) - (2 if len(columns) <= MOST_COLUMNS else 1))
    for size in range(len(columns) - 1, smallest - 1, -1):
        yield from (each for each in combinations(columns, size) if each != outer)


def _of_parameters(group: ProjectionGroup, style_names: StyleNames) -> Iterator[Styles]:
    """Ways to shard the weights of experts; two projections in one tensor are packed.

    Either dimension may be the output, as the weights may be transposed. The output of the experts
    is summed over the ranks; experts without weights (identities) contribute a share of their
    input.
    """
    if style_names.experts is None:
        return
    shared = (
        dict.fromkeys(sorted(group.identities), style_names.identity)
        if style_names.identity
        else {}
    )
    pairs = ((style_names.column, style_names.row), (style_names.row, style_names.column))
    packed = (
        (style_names.packed_column, style_names.row),
        (style_names.packed_row, style_names.column),
    )
    for column, row in (*packed, *pairs):
        if column is not None:
            columns, rows = dict.fromkeys(group.columns, column), dict.fromkeys(group.rows, row)
            yield {**columns, **rows, **shared, "": style_names.experts}
