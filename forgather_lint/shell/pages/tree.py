"""`structure --output-format html` and `svg`: the tree with styles, shapes and bytes on a rank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from forgather_lint.core.printable import width
from forgather_lint.core.record import record
from forgather_lint.engines.api import AnyPreparedModel, Judge
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.memory import HEAD, RankBytes
from forgather_lint.facts import Structure
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.shell.outline import Line, outline, own_parameters
from forgather_lint.shell.pages.page import page, text
from forgather_lint.shell.size_table import bytes_in_words, named_ranks

_LINE, _CELL, _EDGE, _GAP = 20, 7.8, 16, 2
_SVG_STYLE = """
text { font: 13px ui-monospace, monospace; fill: #1f2328; white-space: pre; }
.back { fill: #ffffff; } .band { fill: #f6f8fa; } .faint { fill: #59636e; }
.cut { fill: #116329; } .title { font-weight: 600; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .back { fill: #0d1117; }
.band { fill: #151b23; } .faint { fill: #9198a1; } .cut { fill: #4ac26b; } }
"""


@record
class TreeRow:
    """One line of the tree; `bytes` are those on a rank for each number of ranks, None: unknown."""

    depth: int
    label: str
    cls: str
    shapes: str
    style: str
    bytes: tuple[int | None, ...]


@record
class TreePicture:
    """The tree of a model as a release splits it over each of `ranks`."""

    name: str
    release: str
    ranks: tuple[int, ...]
    rows: tuple[TreeRow, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the columns mean."""
        return (
            "style: what the release makes of a layer by the plan; empty: whole on every rank, but "
            "for the vocabulary and for experts that the release shares out",
            "sizes: parameters in bfloat16 on one rank, all that is below a line together; below "
            "layers that share a line those of one layer",
        )


def picture(
    prepared: AnyPreparedModel,
    name: str,
    ranks: Sequence[int],
    max_depth: int | None,
    expand: bool,
) -> TreePicture:
    """The tree that `prepared` judges, on each number of `ranks`."""
    judge = prepared.judge
    assert judge is not None
    structure = judge.subject.tree.structure
    held = [judge.held_on(number) for number in ranks]
    below = [_below(each) if each is not None else None for each in held]
    styles = _styles(judge)
    rows = [_row(structure, line, below, styles) for line in outline(structure, max_depth, expand)]
    if any(each is not None and each.head for each in held):
        sizes = tuple(None if each is None else each.head for each in held)
        rows.append(TreeRow(1, HEAD, "of its own, not tied to the embedding", "", "", sizes))
    return TreePicture(name, prepared.target.release.said, tuple(ranks), tuple(rows))


def _below(held: RankBytes) -> Mapping[str, int]:
    """The bytes of everything in a module, by its name."""
    sums: dict[str, int] = {"": held.head}
    for name, size in held.by_parameter.items():
        parts = name.split(".")
        for count in range(len(parts)):
            above = ".".join(parts[:count])
            sums[above] = sums.get(above, 0) + size
    return sums


def _styles(judge: Judge) -> Mapping[str, Assignment]:
    """What becomes of each layer, on two ranks if that is possible."""
    for ranks in (2, 1):
        try:
            found = judge.assignments(ranks)
        except (Raised, BudgetExceeded):
            continue
        instances = judge.subject.tree.instances
        return {name: found[each] for name, each in instances.items() if each in found}
    return {}


def _row(
    structure: Structure,
    line: Line,
    below: Sequence[Mapping[str, int] | None],
    styles: Mapping[str, Assignment],
) -> TreeRow:
    module = line.module
    assignment = styles.get(module.name)
    shapes = (
        f"{each.name.rpartition('.')[2]} {_shape(each.shape)}"
        for each in own_parameters(structure, module)
    )
    return TreeRow(
        depth=line.depth,
        label="" if line.depth == 0 else line.label,
        cls=module.cls,
        shapes="  ".join(shapes),
        style=assignment.role.value if assignment is not None else "",
        bytes=tuple(
            None if sums is None else sums.get(module.name, 0) * line.count for sums in below
        ),
    )


def _shape(shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return "?"
    return "x".join("?" if size is None else str(size) for size in shape)


def _size(size: int | None) -> str:
    return "?" if size is None else bytes_in_words(size) if size else ""


def as_html(tree: TreePicture) -> str:
    """The tree as a page."""
    return page(tree.name, _body(tree))


def _body(tree: TreePicture) -> Iterator[str]:
    heads = "".join(f'<th scope="col" class="number">{named_ranks(n)}</th>' for n in tree.ranks)
    yield f'<p class="faint">as {text(tree.release)} splits it</p>'
    yield '<div class="wide"><table>'
    yield (
        '<thead><tr><th scope="col">module</th><th scope="col">class</th>'
        f'<th scope="col">parameters</th><th scope="col">style</th>{heads}</tr></thead>'
    )
    yield "<tbody>"
    for row in tree.rows:
        sizes = "".join(f'<td class="number">{_size(each)}</td>' for each in row.bytes)
        indent = f'style="padding-left: {0.7 + 1.2 * row.depth:.1f}rem"'
        kind = ' class="serves"' if row.style not in ("", "replicated") else ""
        yield (
            f"<tr><td {indent}><code>{text(row.label) or '&nbsp;'}</code></td>"
            f"<td>{text(row.cls)}</td><td><code>{text(row.shapes)}</code></td>"
            f"<td{kind}>{text(row.style)}</td>{sizes}</tr>"
        )
    yield "</tbody></table></div>"
    yield from (f'<p class="faint">{text(note)}</p>' for note in tree.notes)


def as_svg(tree: TreePicture) -> str:
    """The tree as a drawing, light or dark as the reader prefers."""
    sizes = [named_ranks(number) for number in tree.ranks]
    heads = ("module", "class", "parameters", "style", *sizes)
    table = [heads, *map(_cells, tree.rows)]
    widths = [max(width(line[n]) for line in table) for n in range(len(heads))]
    starts = [_EDGE + _CELL * (sum(widths[:n]) + _GAP * n) for n in range(len(heads))]
    right = starts[-1] + _CELL * widths[-1] + _EDGE
    title = f"{tree.name}, as {tree.release} splits it"
    across = max(right, _EDGE * 2 + _CELL * width(title))
    height = _LINE * (len(table) + len(tree.notes) + 2) + _EDGE
    lines = [_written(_EDGE, _LINE + 4, title, "title")]
    for number, line in enumerate(table):
        top = _LINE * (number + 2)
        if number % 2 == 0:
            lines.append(
                f'<rect class="band" x="0" y="{top}" width="{across:.0f}" height="{_LINE}"/>'
            )
        lines += _line(line, starts, widths, top + 14, head=number == 0)
    below = _LINE * (len(table) + 2)
    lines += [
        _written(_EDGE, below + _LINE * (n + 1), note, "faint") for n, note in enumerate(tree.notes)
    ]
    box = f'width="{across:.0f}" height="{height}" viewBox="0 0 {across:.0f} {height}"'
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img">',
            f"<title>{text(title)}</title>",
            f"<style>{_SVG_STYLE}</style>",
            f'<rect class="back" x="0" y="0" width="{across:.0f}" height="{height}"/>',
            *lines,
            "</svg>",
        )
    )


def _cells(row: TreeRow) -> tuple[str, ...]:
    label = "  " * row.depth + row.label
    return (label, row.cls, row.shapes, row.style, *map(_size, row.bytes))


def _line(
    line: Sequence[str], starts: Sequence[float], widths: Sequence[int], y: int, *, head: bool
) -> Iterator[str]:
    for column, (content, start) in enumerate(zip(line, starts, strict=True)):
        if not content:
            continue
        kind = "title" if head else "cut" if column == 3 and content != "replicated" else ""
        # Sizes stand at the right of their column.
        shift = (widths[column] - width(content)) if column > 3 else 0
        yield _written(start + _CELL * shift, y, content, kind)


def _written(x: float, y: int, content: str, kind: str) -> str:
    styled = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.0f}" y="{y}"{styled} xml:space="preserve">{text(content)}</text>'
