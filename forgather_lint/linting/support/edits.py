"""Fixes that change one entry of a plan. All are unsafe: they change what the plan means."""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.core.diagnostics import Applicability, Edit, Fix
from forgather_lint.facts import PlanEntry


def rename_key(entry: PlanEntry, full_key: str) -> Fix | None:
    """Replace the key; `full_key` starts at the base model, as `PlanEntry.full_key` does."""
    key = _as_written(entry, full_key)
    if key is None:
        return None
    edit = Edit(entry.key_where, f'"{key}"')
    return Fix(f"Rename the pattern to `{key}`", (edit,), Applicability.UNSAFE)


def change_style(entry: PlanEntry, style: str) -> Fix:
    """Replace the style of a tensor-parallel entry."""
    edit = Edit(entry.value_where, f'"{style}"')
    return Fix(f"Use `{style}`", (edit,), Applicability.UNSAFE)


def add_after(entry: PlanEntry, styles: Mapping[str, str]) -> Fix | None:
    """Write more tensor-parallel entries, full key to style, behind `entry`."""
    keys = {_as_written(entry, full_key): style for full_key, style in styles.items()}
    if None in keys or not keys:
        return None
    added = (f'"{key}": "{style}"' for key, style in keys.items())
    edit = Edit(entry.value_where, ", ".join((f'"{entry.style}"', *added)))
    names = ", ".join(f"`{key}`" for key in keys)
    return Fix(f"Add {names} to the plan", (edit,), Applicability.UNSAFE)


def _as_written(entry: PlanEntry, full_key: str) -> str | None:
    """`full_key` without what `post_init` puts before the keys of this plan."""
    prefix = f"{entry.prefix}." if entry.prefix else ""
    return full_key.removeprefix(prefix) if full_key.startswith(prefix) else None
