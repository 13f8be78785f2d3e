"""Builds a model with torch on the meta device and compares it with the analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from forgather_lint.core.record import record
from forgather_lint.facts import EndKind, NotBuilt, Parameter, PlanEntry, Plans, Structure
from forgather_lint.probes.causes import first_error
from forgather_lint.probes.interpreter import environment
from forgather_lint.probes.runner import (
    CHILDREN,
    NO_RESULTS,
    End,
    Job,
    Ran,
    RunLimits,
    Tell,
    results,
    run,
)
from forgather_lint.probes.static_side import Outputs, Shape, StaticSide

SEQUENCE = 5
_ABSENT = "-"
_ADDED = {"embed_tokens": "embedding_rowwise"}
"""Entries that PreTrainedConfig adds for tied embeddings (transformers configuration_utils)."""

Static = TypeVar("Static")


@record
class Difference:
    """One thing on which source and run disagree; `-` stands for what one of them lacks."""

    kind: str
    name: str
    static: str
    run: str


@record
class TreesCompared:
    """The result: how many things agree, which differ, how many the analysis left open.

    `ended` is the phase (build, build for AutoModel, forward) in which the run raised, with the
    error; that is no difference when the analysis predicts it.
    """

    agreeing: int
    undecided: int
    differences: tuple[Difference, ...]
    releases: Mapping[str, str]
    ended: str | None = None


def verify(
    folder: Path,
    static: StaticSide,
    python: str,
    limits: RunLimits,
    log: Path,
    work: Path,
    tell: Tell,
) -> TreesCompared:
    """Run the model of `folder` on the meta device of `python`, and compare `static` with it.

    Raises `KeyboardInterrupt` when interrupted, with every process ended.
    """
    found = work / "meta.json"
    values = {"folder": str(folder.resolve()), "found": str(found)}
    job = Job(CHILDREN / "meta_model.py", values, python, environment(python, work), log)
    ran = run(job, limits, work, tell)
    error = _error(ran, log) if ran.failed else None
    told = results(found)
    observed = told if isinstance(told, dict) else {}
    if error is None and not observed:
        error = NO_RESULTS
    compared = list(_compare(static, observed, _Raised(ran.phase, error) if error else None))
    return TreesCompared(
        agreeing=sum(result is _AGREES for result in compared),
        undecided=sum(result is _UNDECIDED for result in compared),
        differences=tuple(each for each in compared if isinstance(each, Difference)),
        releases={key: str(ran.said[key]) for key in ("torch", "transformers") if key in ran.said},
        ended=f"{ran.phase}: {error}" if error else None,
    )


def _error(ran: Ran, log: Path) -> str:
    if ran.end is not End.RETURNED:
        return ran.end.value
    said = ran.said.get("error") or first_error(log.read_text("utf-8", "replace"))
    return str(said or ran.silence)


class _Agreement:
    """Something that is the same on both sides, or that the analysis leaves open."""


_AGREES = _Agreement()
_UNDECIDED = _Agreement()
_Result = Difference | _Agreement


@record
class _Raised:
    """The phase in which the run ended early, and the error."""

    phase: str
    error: str


def _compare(
    static: StaticSide, observed: Mapping[str, object], raised: _Raised | None
) -> Iterator[_Result]:
    """Compare phase by phase, up to the one that raised."""
    whole, base, outputs = (observed.get(part) for part in ("whole", "base", "outputs"))
    yield from _part("build", static.whole, whole, raised, partial(_structures, ""))
    yield from _part(
        "build for AutoModel", static.base, base, raised, partial(_structures, "AutoModel: ")
    )
    if static.plans is not None and "plans" in observed:
        yield from _plans(static.plans, _mapping(observed["plans"]))
    yield from _part("forward", static.outputs, outputs, raised, _outputs)


def _part(
    phase: str,
    static: Static | NotBuilt,
    observed: object,
    raised: _Raised | None,
    compare: Callable[[Static, Mapping[str, object]], Iterator[_Result]],
) -> Iterator[_Result]:
    """Compare what both have; where one of them raised, the other should have raised the same."""
    if raised is not None and raised.phase == phase:
        yield _same_error(phase, static, raised.error)
    elif isinstance(static, NotBuilt) and observed is not None:
        yield (
            _UNDECIDED
            if static.kind is EndKind.UNDECIDED
            else Difference(phase, "", static.message, "returns")
        )
    elif not isinstance(static, NotBuilt) and observed is not None:
        yield from compare(static, _mapping(observed))


def _same_error(phase: str, static: object, error: str) -> _Result:
    if not isinstance(static, NotBuilt):
        return Difference(phase, "", "returns", error)
    if static.kind is EndKind.UNDECIDED:
        return _UNDECIDED
    same = static.message.partition(":")[0] == error.partition(":")[0]
    return _AGREES if same else Difference(phase, "", static.message, error)


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, dict)
    return value


def _structures(side: str, static: Structure, observed: Mapping[str, object]) -> Iterator[_Result]:
    modules = {name: str(cls) for name, cls in _mapping(observed["modules"]).items()}
    certain = {m.name: m.cls for m in static.modules if m.name and m.certain}
    maybe = {m.name for m in static.modules if not m.certain}
    for name, cls in modules.items():
        yield _named(f"{side}module", name, certain.get(name), cls, _is_open(static, name, maybe))
    yield from _unbuilt(f"{side}module", certain, modules)
    for kind, tensors in (("parameter", static.parameters), ("buffer", static.buffers)):
        yield from _tensors(side + kind, static, tensors, _mapping(observed[f"{kind}s"]))


def _tensors(
    kind: str, static: Structure, tensors: Iterable[Parameter], observed: Mapping[str, object]
) -> Iterator[_Result]:
    certain = {t.name: t for t in tensors if t.certain}
    maybe = {t.name for t in tensors if not t.certain}
    for name, shape in observed.items():
        text = str(shape)
        known = certain.get(name)
        if known is not None and (known.shape is None or None in known.shape):
            yield _UNDECIDED
            continue
        ours = str(list(known.shape)) if known is not None and known.shape is not None else None
        yield _named(kind, name, ours, text, _is_open(static, name, maybe))
    yield from _unbuilt(kind, certain, observed)


def _named(kind: str, name: str, static: str | None, run: str, is_open: bool) -> _Result:
    if static == run:
        return _AGREES
    if static is None and is_open:
        return _UNDECIDED
    return Difference(kind, name, static or _ABSENT, run)


def _unbuilt(
    kind: str, static: Iterable[str], observed: Mapping[str, object]
) -> Iterator[Difference]:
    """What the analysis is certain of and torch did not build."""
    for name in static:
        if name not in observed:
            yield Difference(kind, name, "built", _ABSENT)


def _is_open(static: Structure, name: str, maybe: set[str]) -> bool:
    """Whether the analysis leaves open that something called `name` exists."""
    above = {""}
    parts = name.split(".")
    above |= {".".join(parts[:end]) for end in range(1, len(parts))}
    return name in maybe or bool(above & {*static.open_at, *maybe})


def _plans(plans: Plans, observed: Mapping[str, object]) -> Iterator[_Result]:
    """Compare the plans as written with those that transformers merged in `post_init`."""
    run_tp = {key: str(style) for key, style in _mapping(observed["tp_plan"]).items()}
    pp_keys = observed["pp_plan"]
    assert isinstance(pp_keys, list)
    written = {entry.full_key: entry.style for entry in _read(plans.tp.entries)}
    of_class = {entry.full_key: entry.style for entry in plans.class_tp.entries}
    if plans.tp.unknown is None:
        yield from _entries("tensor-parallel entry", written, of_class | _ADDED, run_tp)
    stages = {entry.full_key: "present" for entry in plans.pp.entries}
    stages_of_class = {entry.full_key: "present" for entry in plans.class_pp.entries}
    if plans.pp.unknown is None:
        run_pp = dict.fromkeys(pp_keys, "present")
        yield from _entries("pipeline entry", stages, stages_of_class, run_pp)


def _read(entries: Iterable[PlanEntry]) -> Iterator[PlanEntry]:
    return (entry for entry in entries if not entry.undecided)


def _entries(
    kind: str,
    written: Mapping[str, str | None],
    optional: Mapping[str, str | None],
    run: Mapping[str, str],
) -> Iterator[_Result]:
    """Compare entries; `optional` are those of classes, which only some releases merge."""
    for key, value in run.items():
        known = written.get(key) or optional.get(key)
        yield _named(kind, key, known, value, is_open=False)
    for key, style in written.items():
        if key not in run:
            yield Difference(kind, key, style or "not a style", _ABSENT)


def _outputs(static: Outputs, observed: Mapping[str, object]) -> Iterator[_Result]:
    for name, shapes in observed.items():
        known = static.get(name)
        assert isinstance(shapes, list)
        if known is None or any(shape is None or None in shape for shape in known):
            yield _UNDECIDED
            continue
        yield _named("output", name or "(root)", _text(known), str(shapes), is_open=False)


def _text(shapes: Iterable[Shape | None]) -> str:
    return str([list(shape) for shape in shapes if shape is not None])
