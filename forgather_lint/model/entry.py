"""Which class is the model: the one that config.json names, or one that a file defines."""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.core.record import record

AUTO_MODEL = "AutoModel"
AUTO_CAUSAL = "AutoModelForCausalLM"
AUTO_CONFIG = "AutoConfig"


@record
class ClassReference:
    """A class by name and module; `module` is empty when any file may define it."""

    module: str
    name: str


def reference(text: object) -> ClassReference | None:
    """Parse `file.Class` as transformers' remote-code loader does; a prefix `repo--` is dropped.

    None for anything that is not such a text.
    """
    if not isinstance(text, str):
        return None
    module, _, name = text.rpartition("--")[2].rpartition(".")
    return ClassReference(module, name) if module and name else None


def model_reference(config: Mapping[str, object], auto_class: str | None) -> ClassReference | None:
    """The class that `auto_class` loads; without one, `architectures[0]`.

    None where none is named.
    """
    auto_map = config.get("auto_map")
    entries = auto_map if isinstance(auto_map, dict) else {}
    if auto_class is not None:
        return reference(entries.get(auto_class))
    wanted = first_architecture(config)
    found = [reference(entry) for key, entry in entries.items() if key.startswith(AUTO_MODEL)]
    named = [entry for entry in found if entry and entry.name == wanted]
    if named:
        return named[0]
    if wanted is not None:
        return ClassReference("", wanted)
    return next((entry for entry in reversed(found) if entry), None)


def config_reference(config: Mapping[str, object]) -> ClassReference | None:
    """The class that AutoConfig loads; None where config.json names none."""
    auto_map = config.get("auto_map")
    return reference(auto_map.get(AUTO_CONFIG)) if isinstance(auto_map, dict) else None


def first_architecture(config: Mapping[str, object]) -> str | None:
    """`architectures[0]`; None where there is none."""
    names = config.get("architectures")
    if isinstance(names, list) and names and isinstance(names[0], str):
        return names[0]
    return None
