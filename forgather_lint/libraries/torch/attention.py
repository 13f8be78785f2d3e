"""Attention as one op: F.scaled_dot_product_attention and transformers' attention functions."""

from __future__ import annotations

from dataclasses import replace

from forgather_lint.core.port import port_of
from forgather_lint.facts.causes.placement import SizesDiffer
from forgather_lint.libraries.dtypes import kind
from forgather_lint.libraries.element_types import common_dtype
from forgather_lint.libraries.names import ATTENTION_INTERFACE
from forgather_lint.libraries.operands import (
    LAST,
    flag,
    is_none,
    is_number,
    result,
    shape_of,
    tensor,
    tensor_op,
    value_op,
)
from forgather_lint.libraries.propagation import Operand, Role, propagate
from forgather_lint.libraries.shapes import differ, numel, size_text
from forgather_lint.libraries.torch.activations import dropped
from forgather_lint.libraries.torch.elementwise import check_written, elementwise
from forgather_lint.libraries.torch.expansion import repeat_interleave
from forgather_lint.libraries.torch.linear import product
from forgather_lint.libraries.torch.masking import triangle
from forgather_lint.libraries.torch.permute import matrix_transpose, permuted
from forgather_lint.libraries.torch.softmax import softmax
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.value import (
    FALSE,
    NONE,
    TRUE,
    Known,
    TensorValue,
    TupleValue,
    Value,
    integer,
)

_ATTENDED = "Expected query, key, and value to have the same dtype, but got {left} and {right}"


@tensor_op("torch.nn.functional.scaled_dot_product_attention")
def scaled_dot_product_attention(
    site: Site,
    query: Value,
    key: Value,
    value: Value,
    attn_mask: Value = NONE,
    dropout_p: Value = NONE,
    is_causal: Value = FALSE,
    scale: Value = NONE,
    enable_gqa: Value = FALSE,
) -> Value:
    """`softmax(query @ key.mT * scale + attn_mask) @ value` on (batch, heads, length, features)."""
    queries, keys = tensor(site, query, "query"), tensor(site, key, "key", 2)
    values = tensor(site, value, "value", 3)
    if flag(enable_gqa):
        keys, values = (_heads_repeated(site, queries, each) for each in (keys, values))
    common_dtype(site, [queries, keys, values], _ATTENDED)
    scores = product(site, queries, tensor(site, matrix_transpose(site, keys)))
    if is_number(scale):
        scores = elementwise(site, [(scores, "factor"), (scale, "factor")])
    if not is_none(attn_mask):
        mask = tensor(site, attn_mask, "attn_mask", 4)
        is_additive = mask.dtype is None or kind(mask.dtype) > 0
        role: Role = "term" if is_additive else "argument"
        masked = elementwise(site, [(scores, "term"), (mask, role)])
        check_written(shape_of(scores), shape_of(masked))
        scores = replace(masked, dtype=queries.dtype)
    if flag(is_causal):
        scores = tensor(site, triangle(site, scores))
    weights = dropped(site, tensor(site, softmax(site, scores, LAST)), dropout_p)
    return product(site, weights, values)


def _heads_repeated(site: Site, queries: TensorValue, keys: TensorValue) -> TensorValue:
    """Keys or values with each head repeated as often as there are query heads for it."""
    heads, own = shape_of(queries)[-3], shape_of(keys)[-3]
    if heads == own or heads is None or own is None:
        return keys
    group = dims.divide_exactly(heads, own)
    if group is None:
        group = dims.divide_exactly(dims.local(heads), dims.local(own))
    if group is None:
        text = "Number of heads in key and value must divide the number of heads in "
        raise OpFailure("RuntimeError", text)
    return tensor(site, repeat_interleave(site, keys, integer(group), Known(-3)))


def _beside_sinks(site: Site, attended: TensorValue, sinks: TensorValue) -> TensorValue:
    """The result of attention, reduced by what the sink of each head takes."""
    shape, heads = shape_of(attended), numel(shape_of(sinks))
    if differ(shape[-3], heads):
        raise OpFailure(
            "RuntimeError",
            "Sizes of tensors must match except in dimension 3. Expected size "
            f"{size_text(shape[-3])} but got size {size_text(heads)} for tensor number 1 in the "
            "list.",
            SizesDiffer(size_text(shape[-3]), size_text(heads)),
        )
    labels = tuple(range(len(shape)))
    operands = [Operand(attended, labels), Operand(sinks, (len(shape) - 3,), "argument")]
    return result(site, shape, propagate(site, operands, labels), attended.dtype)


@port_of("transformers/integrations/sdpa_attention.py", "sdpa_attention_forward")
@value_op(ATTENTION_INTERFACE)
def attention_interface(
    site: Site,
    module: Value,
    query: Value,
    key: Value,
    value: Value,
    attention_mask: Value = NONE,
    scaling: Value = NONE,
    dropout: Value = NONE,
    s_aux: Value = NONE,
    **_: Value,
) -> Value:
    """The result of `ALL_ATTENTION_FUNCTIONS[...]`: (batch, length, heads, features), no weights.

    transformers/integrations/sdpa_attention.py, `sdpa_attention_forward`; `s_aux` are sinks, one
    for each head, beside the scores (`eager_attention_forward` of gpt_oss).
    """
    attended = scaled_dot_product_attention(
        site, query, key, value, attention_mask, scale=scaling, enable_gqa=TRUE
    )
    source = tensor(site, attended)
    if not is_none(s_aux):
        source = _beside_sinks(site, source, tensor(site, s_aux, "s_aux", 5))
    rank = len(shape_of(source))
    return TupleValue(
        (permuted(site, source, [*range(rank - 3), rank - 2, rank - 3, rank - 1]), NONE)
    )
