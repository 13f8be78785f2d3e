"""What a model hands to its attention and only some of transformers' functions take.

transformers chooses between them by `_supports_sdpa`: its sdpa drops caps and sinks without a word,
a function of the model's own takes what it is written to take, and the engine takes sinks as they
are handed on, and a cap from the config. Where two of them differ, nobody knows which is right.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.core.source import Place
from forgather_lint.documents.python import NodePlace
from forgather_lint.engines.common.attention_call import interface_call, keyword
from forgather_lint.engines.common.forward_text import forward_of
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.subject import PreparedModel
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import ClassValue, FunctionValue, Instance
from forgather_lint.python.values.value import Known, Value

CAP, SINKS = "softcap", "s_aux"
CAP_OF_CONFIG = "attn_logit_softcapping"


@port_of("transformers/integrations/sdpa_attention.py", "sdpa_attention_forward")
def taken_by_some(prepared: PreparedModel) -> Iterator[tuple[str, Place | None]]:
    """Why it is open what the attention computes: a reason, and where it is called."""
    judge, builder = prepared.judge, prepared.builder
    if judge is None or builder is None or not isinstance(judge.subject.root.cls, ClassValue):
        return
    flag = find_member(builder.machine, judge.subject.root.cls, "_supports_sdpa")
    by_default = flag is not None and flag.value == Known(True)
    cap = judge.config.setting(CAP_OF_CONFIG)
    capped = cap is not None and cap != Known(None)
    takes_sinks = prepared.target.vllm.attention.sinks_lost.value.effect is Effect.ERROR
    for module in judge.subject.tree.instances.values():
        forward = forward_of(builder.machine, module)
        call = interface_call(forward) if forward is not None else None
        if forward is None or call is None:
            continue
        where = _place_of(forward, call)
        if takes_sinks and by_default and _is_handed(builder.machine, module, call, SINKS):
            yield f"transformers' sdpa drops `{SINKS}`, and vLLM takes it", where
        if _is_handed(builder.machine, module, call, CAP) and (capped or not by_default):
            said = f"`{CAP_OF_CONFIG}` of the config" + ("" if capped else ", which has none")
            other = "transformers' sdpa drops" if by_default else "a function of the model's takes"
            yield f"{other} `{CAP}`, vLLM caps by {said}", where


def _place_of(forward: FunctionValue, call: cst.Call) -> Place:
    """Where `forward` calls its attention."""
    where = forward.where
    return NodePlace(where.file, call) if isinstance(where, NodePlace) else where


def _is_handed(machine: Machine, module: Instance, call: cst.Call, name: str) -> bool:
    """Whether `call` hands on something under `name` that may be other than None."""
    given = keyword(call, name)
    if given is None or (isinstance(given, cst.Name) and given.value == "None"):
        return False
    return _of_self(machine, module, given) != Known(None)


def _of_self(machine: Machine, module: Instance, given: cst.BaseExpression) -> Value | None:
    """The value of `self.a.b`; None for any other expression, or where there is none."""
    if isinstance(given, cst.Name):
        return module if given.value == "self" else None
    if not isinstance(given, cst.Attribute):
        return None
    owner = _of_self(machine, module, given.value)
    try:
        return machine.attribute(owner, given.attr.value, module.where) if owner else None
    except Raised:
        return None
