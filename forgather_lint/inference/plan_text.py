"""Plans as text: a table, Python, a Forgather template block, or JSON; and differences."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping

from forgather_lint.inference.infer import InferredPlan

Pipeline = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]


def as_python(plan: InferredPlan) -> str:
    """The plans as two attributes of the config class."""
    lines = ["base_model_tp_plan = {"]
    lines += [f'    "{key}": "{style}",' for key, style in plan.tensor.items()]
    lines += ["}", "base_model_pp_plan = {"]
    lines += [
        f'    "{key}": ({_list(given)}, {_list(made)}),'
        for key, (given, made) in plan.pipeline.items()
    ]
    return "\n".join([*lines, "}"])


def as_template(plan: InferredPlan) -> str:
    """The plans as lines below `[model_code_generator]` in a Forgather template."""
    lines = ["[model_code_generator]", "    == super()", "    base_model_tp_plan:"]
    lines += [f'        "{key}": "{style}"' for key, style in plan.tensor.items()]
    lines.append("    base_model_pp_plan:")
    for key, (given, made) in plan.pipeline.items():
        lines += [
            f'        "{key}":',
            f"            - {_list(given)}",
            f"            - {_list(made)}",
        ]
    return "\n".join(lines)


def as_json(plan: InferredPlan) -> str:
    """Both plans as one JSON object."""
    pipeline = {key: [list(given), list(made)] for key, (given, made) in plan.pipeline.items()}
    content = {"base_model_tp_plan": dict(plan.tensor), "base_model_pp_plan": pipeline}
    return json.dumps(content, indent=2)


def _list(names: tuple[str, ...]) -> str:
    return json.dumps(list(names))


def difference(written: InferredPlan, inferred: InferredPlan) -> Iterator[str]:
    """A unified diff from the `written` plan to the `inferred` one.

    Entries in both keep their order, and their names of inputs and outputs, which nothing reads.
    """
    tensor = {key: inferred.tensor[key] for key in _aligned(written.tensor, inferred.tensor)}
    kept = {key: names for key, names in written.pipeline.items() if key in inferred.pipeline}
    aligned = InferredPlan(tensor, {**inferred.pipeline, **kept})
    before, after = as_python(written).splitlines(), as_python(aligned).splitlines()
    yield from difflib.unified_diff(before, after, "plan", "inferred", lineterm="", n=2)


def _aligned(written: Iterable[str], inferred: Iterable[str]) -> list[str]:
    """The inferred keys in the written order; new ones come behind the key that they follow."""
    keys = list(inferred)
    aligned = [key for key in written if key in keys]
    before = -1
    for key in keys:
        if key not in aligned:
            aligned.insert(before + 1, key)
        before = aligned.index(key)
    return aligned
