"""What `--hf-overrides` of a command sets on the config."""

from __future__ import annotations

import json

from forgather_lint.facts.command import ServeCommand

_OF_CLASS = ("model_type", "auto_map", "architectures")
"""Keys that choose another class."""


def overrides_of(command: ServeCommand) -> dict[str, object] | None:
    """What `--hf-overrides` sets on the config; None where it is not known, or chooses the class.

    Values that it sets in a sub-config are not followed.
    """
    if "--hf-overrides" not in command.given:
        return {}
    try:
        found = json.loads(command.text("--hf-overrides") or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or any(isinstance(each, dict) for each in found.values()):
        return None
    return found if not any(name in found for name in _OF_CLASS) else None
