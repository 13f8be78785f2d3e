"""The tool's own name and version."""

from __future__ import annotations

NAME = "forgather-lint"


def version() -> str:
    """The installed version; `0+source` when the tool runs from a checkout never installed."""
    from importlib import metadata  # 20 ms that only `version` and SARIF need

    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return "0+source"
