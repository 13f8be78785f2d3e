"""Output formats for findings: each module of this folder is one.

A format is a function `render(run: Run, style: Style) -> Iterator[str]` that yields lines. Its name
is that of the module, with `-` for `_`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import cast

from forgather_lint.core.settings import SettingsError, nearest
from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters.parts.style import Style

Render = Callable[[Run, Style], Iterator[str]]

FOR_PEOPLE = ("concise", "full", "grouped")
"""The formats beside which other lines may be printed; programs read the rest."""


def formats() -> tuple[str, ...]:
    """The values of `--output-format`."""
    modules = (module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return tuple(name.replace("_", "-") for name in modules)


def reporter(name: str) -> Render:
    """The format `name`; no other is imported. Raises `SettingsError`."""
    if name not in formats():
        raise SettingsError(f"unknown output format {name!r}{nearest(name, formats())}")
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return cast("Render", module.render)
