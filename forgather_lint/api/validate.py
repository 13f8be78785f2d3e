"""Validation of plans, as scripts call it: true or false, with messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from forgather_lint.api.checking import checked, show
from forgather_lint.api.contained import contained
from forgather_lint.api.live import NoSource
from forgather_lint.api.subject import ModelOrPath, PlannedTree, subject_of
from forgather_lint.core.printable import printable
from forgather_lint.core.source import file_start
from forgather_lint.facts import PlanEntry, PlanOrigin, Structure
from forgather_lint.linting.support.nearest import suggest
from forgather_lint.linting.support.styles import KNOWN
from forgather_lint.linting.support.taking import matched_linears, named_modules, takes_anything
from forgather_lint.linting.support.tree import first_of_each
from forgather_lint.linting.support.wording import one_of

Plan = Mapping[str, object]
_GIVEN = file_start("<plan>")


@contained
def validate_vllm_plans(
    model_or_path: ModelOrPath,
    tp_plan: Plan | None = None,
    pp_plan: Plan | None = None,
    strict: bool = False,
    target: str | Sequence[str] | None = None,
    tensor_parallel_size: int = 2,
    pipeline_parallel_size: int = 1,
) -> bool:
    """Whether `check` passes: no error, no warning, and the model is proved to serve.

    `target` is what `--target` takes; by default what is installed beside the tool, else the newest
    release. A plan that is not given is the model's own. Prints what is wrong; with `strict`, all
    that `check` prints, and which modules each entry of the plans takes.

    Raises `ValueError` when the model cannot be read or its analysis had to be ended.
    """
    asked = {
        "target": () if target is None else target,
        "tensor_parallel_size": str(tensor_parallel_size),
        "pipeline_parallel_size": str(pipeline_parallel_size),
    }
    try:
        run = checked(model_or_path, tp_plan, pp_plan, asked)
    except NoSource as reason:
        print(printable(f"  not judged: {reason}"))
        for problem in _text_problems(subject_of(model_or_path), tp_plan, pp_plan):
            print(printable(f"  {problem}"))
        return False
    if strict:
        _show_entries(model_or_path, tp_plan, pp_plan)
    show(run, strict)
    passes = run.exit_code == 0 and run.serves
    if passes and not (tp_plan is None and pp_plan is None):
        # vLLM may serve a model of its own, which reads no plan; what was passed has to fit still.
        problems = list(_text_problems(subject_of(model_or_path), tp_plan, pp_plan))
        for problem in problems:
            print(printable(f"  {problem}"))
        return not problems
    return passes


@contained
def validate_tp_plan(
    model_or_path: ModelOrPath, tp_plan: Plan | None = None
) -> tuple[bool, list[str]]:
    """Whether every pattern takes a module and every style is known, with messages.

    Raises `ValueError` as `validate_vllm_plans` does.
    """
    subject = subject_of(model_or_path)
    problems = list(_tensor_problems(subject.structure, _or_own(tp_plan, subject.tensor_plan)))
    return not problems, problems


@contained
def validate_pp_plan(
    model_or_path: ModelOrPath, pp_plan: Plan | None = None
) -> tuple[bool, list[str]]:
    """Whether every entry names a module and is a pair of lists of names, with messages.

    Raises `ValueError` as `validate_vllm_plans` does.
    """
    subject = subject_of(model_or_path)
    problems = list(_pipeline_problems(subject.structure, _or_own(pp_plan, subject.pipeline_plan)))
    return not problems, problems


def _or_own(plan: Plan | None, own: Plan) -> Plan:
    return own if plan is None else plan


def _tensor_problems(structure: Structure, plan: Plan) -> Iterator[str]:
    for key, style in plan.items():
        if not takes_anything(_entry(key), structure):
            yield f"`{key}` matches no module{_meant(key, structure)}"
        if not isinstance(style, str) or style not in KNOWN:
            yield f"`{key}`: unknown style {style!r}"


def _pipeline_problems(structure: Structure, plan: Plan) -> Iterator[str]:
    for key, value in plan.items():
        if structure.module(key) is None:
            yield f"`{key}` names no module{_meant(key, structure)}"
        if not _is_pair_of_names(value):
            yield f"`{key}`: not a pair of lists of names: {value!r}"


def _is_pair_of_names(value: object) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        return False
    return all(
        isinstance(part, list | tuple) and all(isinstance(name, str) for name in part)
        for part in value
    )


def _meant(key: str, structure: Structure) -> str:
    names = suggest(key, first_of_each(structure.modules)).names
    return f": did you mean {one_of(names)}?" if names else ""


def _entry(key: str) -> PlanEntry:
    return PlanEntry(key, _GIVEN, _GIVEN, "", PlanOrigin.MODEL_CLASS, "")


def _text_problems(
    subject: PlannedTree, tp_plan: Plan | None, pp_plan: Plan | None
) -> Iterator[str]:
    """What is wrong with the plans by their text and the module tree, without source to judge."""
    yield from _tensor_problems(subject.structure, _or_own(tp_plan, subject.tensor_plan))
    yield from _pipeline_problems(subject.structure, _or_own(pp_plan, subject.pipeline_plan))


def _show_entries(model: ModelOrPath, tp_plan: Plan | None, pp_plan: Plan | None) -> None:
    """Print what each entry of the plans takes; nothing for a model that cannot be built."""
    try:
        subject = subject_of(model)
    except ValueError:
        return
    for title, plan in (
        ("Tensor parallel plan", _or_own(tp_plan, subject.tensor_plan)),
        ("Pipeline parallel plan", _or_own(pp_plan, subject.pipeline_plan)),
    ):
        print(printable(f"{title}: {len(plan)} entries"))
        for key in plan:
            taken = _taken(key, subject.structure)
            print(printable(f"  {key}: {', '.join(taken[:3]) or '-'}{_more(taken)}"))


def _taken(key: str, structure: Structure) -> list[str]:
    entry = _entry(key)
    found = (*matched_linears(entry, structure), *named_modules(entry, structure))
    return list(dict.fromkeys(module.name for module in found))


def _more(names: list[str]) -> str:
    return f" and {len(names) - 3} more" if len(names) > 3 else ""
