"""Rotary embeddings that are computed from another base than config.json says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from forgather_lint.documents.python import NodePlace, PythonFile
from forgather_lint.documents.walk import descendants
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.facts.causes.config import RopeThetaOverlooked
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import Known

_THETA = "rope_theta"
_OTHER_WAYS = re.compile(
    r"rope_parameters|rope_scaling|to_dict|__dict__|\bvars\b|ROPE_INIT_FUNCTIONS"
    r"|import[^\n]*RotaryEmbedding"
)
"""How else the code of a model may come by the base."""


@check(Phase.WEIGHTS)
def theta_overlooked(seen: CheckedModel) -> Iterator[ServingProblem]:
    """`rope_parameters.rope_theta` in config.json, and code that reads the older `rope_theta`."""
    said = seen.builder.config_values.get("rope_parameters")
    wanted = said.get(_THETA) if isinstance(said, dict) else None
    held = seen.setting(_THETA)
    here = held.value if isinstance(held, Known) else None
    if not isinstance(wanted, int | float) or not isinstance(here, int | float) or here == wanted:
        return
    files = [file for file in _own_files(seen) if not _defines(seen.config, file)]
    if any(_OTHER_WAYS.search(file.text) for file in files):
        return
    place = next((found for file in files if (found := _read_in(file))), None)
    if place is not None:
        yield ServingProblem(
            cause=RopeThetaOverlooked(here, wanted),
            verdict="",
            where=place,
            target=str(seen.target),
            error="",
            releases=None,
        )


def _own_files(seen: CheckedModel) -> list[PythonFile]:
    files = seen.builder.loader.files.items()
    return [file for name, file in files if name.startswith("model.")]


def _defines(config: object, file: PythonFile) -> bool:
    """Whether the class of the config, which may translate one name to the other, is in `file`."""
    cls = config.cls if isinstance(config, Instance) else None
    return isinstance(cls, ClassValue) and cls.where.span.path == file.path


def _read_in(file: PythonFile) -> NodePlace | None:
    for node in descendants(file.tree):
        if isinstance(node, cst.Attribute) and node.attr.value == _THETA:
            owner = node.value
            if isinstance(owner, cst.Name) and owner.value != "self":
                return NodePlace(file, node)
            if isinstance(owner, cst.Attribute):
                return NodePlace(file, node)
    return None
