"""`matrix --output-format html`: a table for each release, its reasons, and what the words mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import click

from forgather_lint.engines.api import Cell
from forgather_lint.execution.outcome import Verdict
from forgather_lint.facts.release import Release
from forgather_lint.shell.memory_table import memory_tables
from forgather_lint.shell.pages.page import page, prose, text
from forgather_lint.shell.size_table import (
    Shown,
    legend,
    named_ranks,
    named_stages,
    parts_of,
    reasons_of,
)

_CLASSES = {
    Verdict.SERVES: "serves",
    Verdict.FAILS: "fails",
    Verdict.WRONG: "wrong",
    Verdict.UNKNOWN: "unknown",
    Verdict.OWN_MODEL: "own",
}


def render(name: str, cells: Sequence[Cell], titles: Mapping[Release, str], shown: Shown) -> str:
    """The page about the model called `name`; `shown` writes a place."""
    return page(f"Sizes at which {name} serves", _body(cells, titles, shown))


def _body(cells: Sequence[Cell], titles: Mapping[Release, str], shown: Shown) -> Iterator[str]:
    for release in dict.fromkeys(cell.target for cell in cells):
        of_release = [cell for cell in cells if cell.target == release]
        yield f"<h2>{text(titles[release])}</h2>"
        yield from _table(of_release)
        reasons = list(reasons_of(of_release, shown))
        if reasons:
            yield "<ul>"
            for each in reasons:
                at = f" at {text(each.sizes)}" if each.sizes else ""
                place = f"<code>{text(each.place)}</code>: " if each.place else ""
                yield f"<li><b>{text(each.code)}</b>{at}: {place}{prose(each.text)}</li>"
            yield "</ul>"
    memory = [click.unstyle(line) for line in memory_tables(cells, titles)]
    if memory:
        yield "<h2>Memory of the fullest rank</h2>"
        yield "<pre>" + "\n".join(map(text, memory)) + "</pre>"
    yield f'<p class="faint">{text(legend(cells))}</p>'


def _table(cells: Sequence[Cell]) -> Iterator[str]:
    stages = dict.fromkeys(cell.pipeline_parallel_size for cell in cells)
    heads = "".join(f'<th scope="col">{named_stages(number)}</th>' for number in stages)
    yield '<div class="wide"><table>'
    yield f"<thead><tr><td></td>{heads}</tr></thead>"
    yield "<tbody>"
    for ranks in dict.fromkeys(cell.tensor_parallel_size for cell in cells):
        row = (cell for cell in cells if cell.tensor_parallel_size == ranks)
        yield f'<tr><th scope="row">{named_ranks(ranks)}</th>{"".join(map(_cell, row))}</tr>'
    yield "</tbody></table></div>"


def _cell(cell: Cell) -> str:
    verdict, code, size = map(text, parts_of(cell))
    beside = "".join(f' <span class="faint">{each}</span>' for each in (code, size) if each)
    kind = _CLASSES[cell.outcome.verdict]
    word = f'<span class="verdict {kind}">{verdict}</span>'
    return f'<td class="cell">{word}{beside}</td>'
