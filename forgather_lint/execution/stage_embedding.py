"""Whether `get_input_embeddings` works on stages that do not hold the embedding.

vLLM asks for the embedding on every stage while it builds the model, after it has put placeholders
where a stage holds nothing (vllm/model_executor/models/transformers/base.py, `pipeline_parallel`).
"""

from __future__ import annotations

from itertools import islice

from forgather_lint.core.source import Place
from forgather_lint.execution.outcome import Outcome, Verdict
from forgather_lint.execution.partition import stages_apart
from forgather_lint.execution.stages import Pipeline
from forgather_lint.facts.causes.stages import EmbeddingUnreachable
from forgather_lint.libraries.names import PLACEHOLDER
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import FunctionValue, Instance
from forgather_lint.python.values.value import Arguments, External, Known, Value

GETTER = "get_input_embeddings"
_SEARCHED = "AttributeError: 'NoneType' object has no attribute 'modules'"


def embedding_unreachable(pipeline: Pipeline, stages: int) -> Outcome | None:
    """What the method raises on the first of the later stages, if not on the whole model."""
    if isinstance(_asked(pipeline), Raised):
        return None
    for stage in islice(stages_apart(pipeline.layers, stages), 1, None):
        found = _asked(pipeline, stage, stages)
        if isinstance(found, Raised):
            return Outcome(Verdict.FAILS, EmbeddingUnreachable(), found.shown, found.where)
        if found == Known(None) and pipeline.engine.stages.embedding_searched:
            return Outcome(Verdict.FAILS, EmbeddingUnreachable(), _SEARCHED, _getter(pipeline))
    return None


def _asked(pipeline: Pipeline, stage: int = 0, stages: int = 1) -> Value | Raised | None:
    """What the method returns or raises on a stage; None when that cannot be decided."""
    machine, root = pipeline.machine, pipeline.root
    try:
        with machine.undone_run():
            for key in _absent(pipeline, stage, stages):
                owner, name = _owner(pipeline, key)
                if not isinstance(owner, Instance) or name not in owner.attributes:
                    return None
                placeholder = Instance(External(PLACEHOLDER), {}, root.where)
                machine.trail.stand_in(owner, name, placeholder)
            method = machine.attribute(root, GETTER, root.where)
            return machine.call(method, Arguments(), root.where)
    except Raised as error:
        return error


def _absent(pipeline: Pipeline, stage: int, stages: int) -> list[str]:
    """The entries of the plan, other than layers, for which a stage has placeholders."""
    last = stage == stages - 1
    here = stage == 0 or (last and pipeline.tied)
    before = [] if here else [key for key, _ in pipeline.parts.before]
    return before + ([] if last else [key for key, _ in pipeline.parts.after])


def _owner(pipeline: Pipeline, key: str) -> tuple[Value, str]:
    """The module that has the attribute named by an entry, and the attribute's name."""
    *path, name = key.split(".") if pipeline.engine.stages.dotted_names else [key]
    owner: Value = pipeline.root
    for each in path:
        owner = pipeline.machine.attribute(owner, each, pipeline.root.where)
    return owner, name


def _getter(pipeline: Pipeline) -> Place:
    member = find_member(pipeline.machine, pipeline.root.cls, GETTER)
    function = member.value if member is not None else None
    return function.where if isinstance(function, FunctionValue) else pipeline.root.where
