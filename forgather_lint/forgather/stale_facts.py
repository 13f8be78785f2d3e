"""Generated files that differ from what the templates now generate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from forgather_lint.core.files import is_file
from forgather_lint.facts.templates import StaleFile
from forgather_lint.forgather.model import CONFIG_FILE, RenderedModel
from forgather_lint.forgather.parts import read_part


def stale_files(model: RenderedModel) -> tuple[StaleFile, ...]:
    """The files of an earlier generation that differ from what would be generated now."""
    folder = model.project.path / model.output_folder
    if not is_file(folder / model.main_file) or not model.project.fence.admits(folder):
        return ()
    texts = {name: text for name, text in model.files.items() if name != CONFIG_FILE}
    found = [stale for name, text in texts.items() for stale in _compare(folder / name, text)]
    return (*found, *_compare_config(folder / CONFIG_FILE, model))


def _compare(file: Path, expected: str) -> Iterator[StaleFile]:
    if not is_file(file):
        yield StaleFile(str(file), 1, "", "", missing=True)
        return
    now, then = expected.splitlines(), read_part(file).splitlines()
    for row, (new, old) in enumerate(zip(now, then, strict=False), 1):
        if new != old:
            yield StaleFile(str(file), row, new.strip(), old.strip())
            return
    if len(now) != len(then):
        row = min(len(now), len(then)) + 1
        yield StaleFile(str(file), row, "".join(now[row - 1 : row]), "".join(then[row - 1 : row]))


def _compare_config(file: Path, model: RenderedModel) -> Iterator[StaleFile]:
    """Values that differ; keys that transformers itself adds are ignored."""
    text = read_part(file) if is_file(file) else ""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    values: Mapping[str, object] = found if isinstance(found, dict) else {}
    for key, expected in model.config.items():
        if key in values and values[key] != expected:
            row = next((n for n, line in enumerate(text.splitlines(), 1) if f'"{key}"' in line), 1)
            yield StaleFile(str(file), row, f"{key}: {expected!r}", f"{key}: {values[key]!r}")
