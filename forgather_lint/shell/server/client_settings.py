"""The client's settings as options of the tool; `modelImpl` may be written for `model-impl`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from forgather_lint.core.record import record
from forgather_lint.core.settings import nearest
from forgather_lint.shell import configuration

SECTION = "forgather-lint"
_OWN = ("inlay-hints", "config")


@record
class ClientSettings:
    """Options for the analysis, those of the server itself, and messages about unusable ones."""

    options: Mapping[str, object]
    config: str | None = None
    inlay_hints: bool = False
    notes: tuple[str, ...] = ()


def client_settings(given: object) -> ClientSettings:
    """The options in a client's settings or initialization options."""
    if not isinstance(given, Mapping):
        return ClientSettings({})
    inner = given.get(SECTION, given)
    written = inner if isinstance(inner, Mapping) else {}
    values = {_kebab(str(key)): value for key, value in written.items()}
    config, hints = values.get("config"), values.get("inlay-hints")
    known = configuration.keys()
    return ClientSettings(
        {key.replace("-", "_"): value for key, value in values.items() if key in known},
        config if isinstance(config, str) and config else None,
        hints is True,
        tuple(_notes(values)),
    )


def _notes(values: Mapping[str, object]) -> Iterator[str]:
    known = (*configuration.keys(), *_OWN)
    for key in values:
        if key not in known:
            yield f"unknown setting {key!r}{nearest(key, known)}"


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda found: f"-{found[0].lower()}", name).replace("_", "-")
