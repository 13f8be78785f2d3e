"""The text for a place under the pointer: an entry, a module, a value of the config."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from forgather_lint.core.printable import printable
from forgather_lint.core.source import Position, Span
from forgather_lint.session.picture import EntrySeen, ModuleSeen, Picture, shown

_MOST = 8


class Told(NamedTuple):
    """A text in Markdown, and the stretch that it is about."""

    text: str
    span: Span


def at(picture: Picture, path: str, where: Position) -> Told | None:
    """The text for a point of the file `path`; None if there is none."""
    entry = picture.entry_at(path, where)
    if entry is not None:
        return Told("\n".join(_of_entry(picture, entry)), entry.key_where)
    modules = picture.modules_at(path, where)
    if modules:
        texts = ["\n".join(_of_module(picture, each)) for each in modules[:_MOST]]
        return Told("\n\n".join(texts), modules[0].where)
    value = picture.value_at(path, where)
    if value is not None:
        return Told(f"`{_code(value.key)}`: {printable(value.told)}", value.where)
    return None


def _of_entry(picture: Picture, entry: EntrySeen) -> Iterator[str]:
    yield f"`{_code(entry.key)}`: `{_code(entry.value)}`"
    yield ""
    if not entry.modules:
        yield "names no module"
    elif not entry.of_pipeline:
        yield from _of_tensor_entry(picture, entry)
    for stages, holds in entry.holds.items():
        yield f"- {stages} stages: {', '.join(map(_code, holds)) or 'undecided'}"
    yield ""
    yield f"{'read' if entry.read else 'not read'} by {printable(picture.release)}"


def _of_tensor_entry(picture: Picture, entry: EntrySeen) -> Iterator[str]:
    for name in entry.modules[:_MOST]:
        module = picture.named(name)
        if module is not None:
            yield f"- {_counted(module)}"
            yield from (f"  {each}" for each in _split(module))
    if len(entry.modules) > _MOST:
        yield f"- and {len(entry.modules) - _MOST} more"


def _of_module(picture: Picture, module: ModuleSeen) -> Iterator[str]:
    yield f"{_counted(module)}: `{_code(module.cls)}`"
    yield ""
    yield from _split(module)
    if module.style:
        entry = next((each for each in picture.entries if each.key_where == module.entry), None)
        by = f"the entry `{_code(entry.key)}`" if entry is not None else "no entry of the plan"
        yield f"- by {by}, as {printable(picture.release)} reads it"


def _split(module: ModuleSeen) -> Iterator[str]:
    if module.shape is not None:
        yield f"- weight `{shown(module.shape)}`" + (
            f", `{shown(module.part)}` on each of {module.ranks} ranks"
            if module.part is not None and module.part != module.shape
            else ""
        )
    if module.style:
        exchange = f": {module.exchange}" if module.exchange else ""
        yield f"- `{_code(module.style)}`{exchange}"
    elif module.exchange:
        yield f"- {module.exchange}"
    if module.bytes is not None:
        yield f"- {_size(module.bytes)} on each of {module.ranks} ranks, in bfloat16"


def _counted(module: ModuleSeen) -> str:
    times = f" ({module.count} of them)" if module.count > 1 else ""
    return f"`{_code(module.name)}`{times}"


def _size(amount: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.3g} {unit}" if unit != "bytes" else f"{amount:.0f} bytes"
        amount /= 1024
    return f"{amount:.3g} GiB"


def _code(text: str) -> str:
    """`text` made safe between backticks."""
    return printable(text).replace("`", "'")
