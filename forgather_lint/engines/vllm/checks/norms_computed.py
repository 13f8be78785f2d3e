"""Norms that newer releases recognise by what they compute, and what they overlook in it.

A release takes whatever is multiplied by the inverse root for the input.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.port import port_of
from forgather_lint.engines.common.forward_text import forward_of
from forgather_lint.engines.common.rms_norm import adds_one, is_inverse_root, is_rms_norm, made
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.fact_values import NormSearch
from forgather_lint.execution.dataflow import Body, Step
from forgather_lint.execution.trace import signature_of
from forgather_lint.facts.causes.modules import NormCentreOverlooked, NormFactorLost
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.tree import class_name
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import External, Known, TensorValue


@port_of("vllm/model_executor/models/transformers/fusers/rms_norm.py", "RMSNormFuser.match")
@check(Phase.WEIGHTS)
def centre_overlooked(seen: CheckedModel) -> Iterator[ServingProblem]:
    """`(1 + weight) * x * rsqrt(...)`: the replacement multiplies by the weight alone."""
    fact = seen.target.vllm.modules.norm_found_by
    if seen.judge is None or fact.value is not NormSearch.DATAFLOW:
        return
    told: set[ClassValue | External] = set()
    for name, module in seen.judge.subject.tree.instances.items():
        if module.cls in told:
            continue
        told.add(module.cls)
        forward = forward_of(seen.builder.machine, module)
        if forward is None or not adds_one(forward):
            continue
        body = seen.judge.bodies.get(module.first_alike)
        if body is None or not _is_leaf(seen, module):
            continue
        if not _is_taken_for_plain(
            body, seen.judge.engine.profile.modules.norm_power_recognised.value
        ):
            continue
        yield ServingProblem(
            cause=NormCentreOverlooked(class_name(module)),
            verdict="wrong",
            where=forward.where,
            target=str(seen.target),
            error="",
            releases=releases_of(fact),
            module=name,
        )


@port_of("vllm/model_executor/models/transformers/fusers/rms_norm.py", "RMSNormFuser.fuse")
@check(Phase.WEIGHTS)
def factor_lost(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A norm that is replaced by `weight * x * rsqrt(...)` and multiplies by something else."""
    fact = seen.target.vllm.modules.norm_found_by
    by_name = fact.value is NormSearch.CLASS_NAME
    if seen.judge is None or not (by_name or fact.value is NormSearch.DATAFLOW):
        return
    told: set[ClassValue | External] = set()
    power = by_name or seen.judge.engine.profile.modules.norm_power_recognised.value
    for name, module in seen.judge.subject.tree.instances.items():
        body = seen.judge.bodies.get(module.first_alike)
        forward = forward_of(seen.builder.machine, module)
        if body is None or forward is None or module.cls in told:
            continue
        told.add(module.cls)
        if by_name and not class_name(module).endswith("RMSNorm"):
            continue
        if not by_name and not is_rms_norm(seen.builder.machine, module, body, power=power):
            continue
        lost = _lost_factor(body, module, power)
        if lost is not None:
            yield ServingProblem(
                cause=NormFactorLost(class_name(module)),
                verdict="wrong",
                where=lost.where or forward.where,
                target=str(seen.target),
                error="",
                releases=releases_of(fact),
                module=name,
            )


def _lost_factor(body: Body, module: Instance, power: bool) -> Step | None:
    """The product with a number that is neither the input, its inverse root, the weight nor one."""
    weight, given = module.attributes.get("weight"), body.placeholders[0]
    waiting = [body.peeled(body.result)]
    while waiting:
        step = body.made_by(waiting.pop())
        if not made(step, "mul"):
            continue
        for value in step.arguments.all():
            number = value.value if isinstance(value, Known) else None
            own = isinstance(value, TensorValue) and value.is_parameter and value is not weight
            if own or (isinstance(number, int | float) and number != 1):
                return step
        parts = (body.peeled(each) for each in step.inputs)
        waiting += [
            each
            for each in parts
            if each != given and not is_inverse_root(body, each, given, power=power)
        ]
    return None


def _is_leaf(seen: CheckedModel, module: Instance) -> bool:
    """Whether it has a weight only, and its forward one parameter: no other module is looked at.

    Then its epsilon is a number, without which the computation is not recognised.
    """
    children = any(isinstance(value, Instance) for value in module.attributes.values())
    signature = signature_of(seen.builder.machine, module)
    inputs = (*signature.positional, *signature.keyword_only) if signature else ()
    tensors = [name for name, each in module.attributes.items() if isinstance(each, TensorValue)]
    return not children and module.open is None and len(inputs) == 1 and tensors == ["weight"]


def _is_taken_for_plain(body: Body, power: bool) -> bool:
    """Whether the result is computed from the input times its inverse root mean square."""
    if len(body.placeholders) != 1:
        return False
    given, last = body.placeholders[0], body.made_by(body.peeled(body.result))
    if not made(last, "mul") or len(last.inputs) != 2:
        return False
    for root, other in (last.inputs, last.inputs[::-1]):
        scaled = body.made_by(body.peeled(other))
        if is_inverse_root(body, root, given, power=power) and made(scaled, "mul"):
            return any(body.peeled(value) == given for value in scaled.inputs)
    return False
