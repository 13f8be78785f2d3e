"""The tool's own name, version and address."""

from __future__ import annotations

import os
import re

NAME = "forgather-lint"
ADDRESS = "FORGATHER_LINT_DOCS_URL"
"""The variable that says where a copy of the documentation is served."""
_ADDRESS = re.compile(r"(?:https?|file)://[\w.:%~/-]+", re.ASCII)


def version() -> str:
    """The installed version; `0+source` when the tool runs from a checkout never installed."""
    from importlib import metadata  # 20 ms that only `version` and SARIF need

    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return "0+source"


def documentation() -> str:
    """Where the documentation is served, with a slash at its end; empty while that is nowhere.

    The variable `FORGATHER_LINT_DOCS_URL` says it, else the installed package (`project.urls`).
    """
    address = os.environ.get(ADDRESS) or _of_the_package()
    return f"{address.rstrip('/')}/" if _ADDRESS.fullmatch(address) else ""


def page_of(code: str) -> str:
    """Where the page of the rule `code` is served; empty while that is nowhere."""
    base = documentation()
    return f"{base}rules/{code}.html" if base else ""


def _of_the_package() -> str:
    from importlib import metadata  # as above

    try:
        urls = metadata.metadata(NAME).get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    named = dict(url.split(", ", 1) for url in urls if ", " in url)
    address: str = named.get("Documentation", "")
    return address
