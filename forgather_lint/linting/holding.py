"""Restricts findings to the chosen targets, and lets no error stand against a proof.

A rule that reads the model alone does not know what will serve it. Here its findings are compared
with the releases that it names and with the verdicts of the targets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.engines.api import Target
from forgather_lint.engines.registry import LIBRARY
from forgather_lint.facts import Judged, NotExplained, SizesJudged
from forgather_lint.facts.sizes import SERVES, named_sizes
from forgather_lint.linting.registry import code_of


def holding(
    found: Iterable[Diagnostic],
    targets: Sequence[Target],
    judged: Sequence[SizesJudged],
    engines: Mapping[str, Collection[str]],
) -> Iterator[Diagnostic]:
    """The findings that hold for at least one of `targets`, each with those that it holds for.

    `engines` has, by code of a rule, the engines that it is about; for none it is about the model.

    A finding that is no defect at any judged size is no error: it becomes a warning where the
    targets serve the model all the same.
    """
    served = {each.target: each for each in judged if _serves_all_the_same(each)}
    for each in found:
        spoken_of = engines.get(each.code)
        concerned = [
            target
            for target in targets
            if holds_for(each, target)
            and (each.targets or not spoken_of or target.release.project in spoken_of)
        ]
        if not concerned:
            continue
        proved = bool(each.targets)
        if not proved and len(concerned) < len(targets):
            each = replace(each, targets=tuple(str(target.release) for target in concerned))
        verdicts = [served.get(target.release) for target in concerned]
        if each.severity is Severity.ERROR and not proved and all(verdicts):
            yield _softened(each, [verdict for verdict in verdicts if verdict is not None])
        else:
            yield each


def holds_for(found: Diagnostic, target: Target) -> bool:
    """Whether `found` was made for `target`, or names no releases that exclude it."""
    if found.targets:
        return str(target.release) in found.targets
    named = found.releases
    if named is None:
        return True
    if named.project not in (target.release.project, LIBRARY):
        return False
    return named.admits(target.transformers.version if named.project == LIBRARY else target.version)


def not_explained(facts: Iterable[object], found: Sequence[Diagnostic]) -> Iterator[NotExplained]:
    """The verdicts in `facts` that no error in `found` explains, by the rule for their cause."""
    for fact in facts:
        if isinstance(fact, Judged) and not any(_explains(each, fact) for each in found):
            yield NotExplained(fact)


def _explains(found: Diagnostic, fact: Judged) -> bool:
    same = found.code == code_of(fact) and found.severity is Severity.ERROR
    return same and (not found.targets or str(fact.target) in found.targets)


def _serves_all_the_same(judged: SizesJudged) -> bool:
    """Whether all sizes serve, except those for which the model is too small."""
    of_model = [each for each in judged.sizes if not each.of_size]
    return bool(of_model) and all(each.verdict == SERVES for each in of_model)


def _softened(found: Diagnostic, served: Sequence[SizesJudged]) -> Diagnostic:
    names = (f"{each.target.said} at {named_sizes(each.at(SERVES))}" for each in served)
    text = f"the model serves all the same ({'; '.join(names)})"
    return replace(found, severity=Severity.WARNING, consequence=text)
