"""Compares a static module tree with what PyTorch built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from forgather_lint.documents.model_input import ModelInput
from forgather_lint.facts import EndKind, NotBuilt, Parameter, Structure
from forgather_lint.model.analysis import build_tree, builder_of
from forgather_lint.python.interpreter.environment import Environment
from tests.meta_truth import Shape
from tests.meta_truth import Structure as Truth


class Status(StrEnum):
    """The result of comparing a static tree with the real one; only `DIFFERS` is a false claim."""

    EXACT = "exact"
    UNDECIDED = "undecided"
    DIFFERS = "differs"
    CRASHED = "crashed"
    RAISES_TOO = "raises too"
    NO_TRUTH = "no truth"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The status of one model, with the first reasons for it."""

    status: Status
    reasons: tuple[str, ...] = ()


def compared(
    model: ModelInput,
    truth: Truth | None,
    error: str | None = None,
    environment: Environment | None = None,
) -> Comparison:
    """Build `model` from source and compare; a bug of ours is a crash.

    `error` is what PyTorch raised, where it could not build the model. That it raises where we
    build is a difference, unless it only misses a package. `environment` is that of the release of
    transformers with which it ran.
    """
    try:
        built = build_tree(builder_of(model, environment))
    except Exception as crash:  # noqa: BLE001 - crashes are what is counted
        return Comparison(Status.CRASHED, (repr(crash),))
    if isinstance(built, NotBuilt):
        return _not_built(built, truth, error)
    if truth is not None:
        return compare(built.structure, truth)
    if error is None or _misses_package(error):
        return Comparison(Status.NO_TRUTH, (error or "",))
    return Comparison(Status.DIFFERS, (f"builds; PyTorch: {error}",))


def _misses_package(error: str) -> bool:
    return any(text in error for text in _NOT_INSTALLED)


_NOT_INSTALLED = ("No module named", "requires the following packages", "requires the `")
"""What PyTorch is told of packages that are not installed where it ran."""


def _not_built(built: NotBuilt, truth: Truth | None, error: str | None) -> Comparison:
    said = f"{built.kind}: {built.message} ({built.where.span})"
    if truth is None and (error is None or _misses_package(error)):
        return Comparison(Status.NO_TRUTH, (f"{said}; PyTorch: {error}" if error else said,))
    real = f"{said}; PyTorch: {error or 'builds'}"
    if built.kind is EndKind.UNDECIDED:
        return Comparison(Status.UNDECIDED, (real,))
    if built.kind is EndKind.RAISES and error and _kind(error) == _kind(built.message):
        return Comparison(Status.RAISES_TOO, (real,))
    return Comparison(Status.DIFFERS, (real,))


def _kind(error: str) -> str:
    return error.partition(":")[0]


def compare(tree: Structure, truth: Truth) -> Comparison:
    """What `tree` claims wrongly, else what it leaves open."""
    wrong = [*_wrong_modules(tree, truth), *_wrong_tensors(tree, truth), *_missing(tree, truth)]
    if wrong:
        return Comparison(Status.DIFFERS, tuple(wrong))
    open_ends = tuple(dict.fromkeys(unknown.reason for unknown in tree.unknowns))
    if open_ends or _unsure(tree):
        return Comparison(Status.UNDECIDED, open_ends or tuple(_unsure(tree)))
    return Comparison(Status.EXACT)


def _wrong_modules(tree: Structure, truth: Truth) -> Iterator[str]:
    for module in tree.modules:
        real = truth["modules"].get(module.name, truth["root"] if not module.name else None)
        if module.certain and real is None:
            yield f"{module.name}: no such module"
        elif module.certain and real != module.cls:
            yield f"{module.name}: {module.cls}, not {real}"


def _wrong_tensors(tree: Structure, truth: Truth) -> Iterator[str]:
    yield from _wrong_shapes(tree.parameters, truth["parameters"], "parameter")
    yield from _wrong_shapes(tree.buffers, truth["buffers"], "buffer")


def _wrong_shapes(
    tensors: Iterable[Parameter], real: Mapping[str, Shape], kind: str
) -> Iterator[str]:
    for tensor in tensors:
        if tensor.certain and tensor.name not in real:
            yield f"{tensor.name}: no such {kind}"
        elif tensor.certain and not _fits(tensor.shape, real[tensor.name]):
            yield f"{tensor.name}: {tensor.shape}, not {tuple(real[tensor.name])}"


def _fits(ours: tuple[int | None, ...] | None, real: Shape) -> bool:
    """Whether a shape with unknown sizes may be the real one."""
    if ours is None:
        return True
    return len(ours) == len(real) and all(a in (None, b) for a, b in zip(ours, real, strict=True))


def _missing(tree: Structure, truth: Truth) -> Iterator[str]:
    """What PyTorch built and the tree neither lists nor leaves open."""
    parameters = {parameter.name for parameter in tree.parameters}
    buffers = {buffer.name for buffer in tree.buffers}
    modules = {module.name for module in tree.modules}
    for real, ours in (
        (truth["modules"], modules),
        (truth["parameters"], parameters),
        (truth["buffers"], buffers),
    ):
        for name in real:
            if name not in ours and not _below(tree.open_at, name):
                yield f"{name}: not found"


def _below(owners: tuple[str, ...], name: str) -> bool:
    return any(not owner or name == owner or name.startswith(f"{owner}.") for owner in owners)


def _unsure(tree: Structure) -> list[str]:
    """Modules and parameters that are listed as uncertain."""
    tensors = (*tree.parameters, *tree.buffers)
    shapes = [t.name for t in tensors if t.shape is None or None in t.shape]
    maybes = [m.name for m in tree.modules if not m.certain]
    maybes += [t.name for t in tensors if not t.certain]
    return [f"unknown shape: {name}" for name in shapes] + [f"maybe: {name}" for name in maybes]
