"""Token ids of 32 bits, where transformers gives a model 64.

Some functions of torch take 64 bits alone, and products of ids, as in hashed embeddings, are cut
off at 32.
"""

from __future__ import annotations

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.value import Arguments, Known, TensorValue, Unknown, Value

IDS = "ids"
"""The tag of the token ids as a model is handed them."""

WHOLE_IDS = "int64"
"""The type of the ids that transformers gives a model."""
_NARROW = "int32"
_WHOLE_ONLY = {
    "one_hot": "one_hot is only applicable to index tensor of type LongTensor.",
    "take": "take(): Expected a long tensor for index, but got Int",
    "take_along_dim": "torch.take_along_dim(): dtype of indices should be Long but got Int",
}
"""What functions say that take ids of 64 bits alone (torch 2.13)."""
_ASKING = frozenset("dtype type element_size itemsize nbytes".split())
_GROWING = frozenset(
    "mul multiply imul pow ipow float_power square lshift ilshift bitwise_left_shift addcmul "
    "rshift irshift bitwise_right_shift xor ixor bitwise_xor or ior bitwise_or add iadd sub isub "
    "subtract rsub".split()
)
"""Ops whose result may not fit into 32 bits, or depends on bits beyond."""
_SMALL = 1 << 12
"""A factor that no vocabulary makes too large, nor as a term."""
_ADDING = frozenset("add iadd sub isub subtract rsub".split())


def require_whole_ids(name: str, arguments: Arguments, where: Place) -> None:
    """Raise what a function of torch says of narrow ids that takes others alone."""
    short, given = _short(name), arguments.all()
    text = _WHOLE_ONLY.get(short)
    if text is None or not given:
        return
    others = (arguments.keywords.get(each) for each in ("index", "indices"))
    index = (
        given[0]
        if short == "one_hot"
        else next(filter(None, others), given[min(1, len(given) - 1)])
    )
    if _is_narrow(index):
        raise Raised("RuntimeError", text, where)


def note_narrow_ids(
    machine: Machine, name: str, arguments: Arguments, made: Value, where: Place
) -> None:
    """Note where what the op `name` made of narrow ids may be another number than of whole ones."""
    short, given = _short(name), arguments.all()
    if short in _ASKING and any(_is_ids(each) and _is_narrow(each) for each in given):
        machine.leave_unproved(Unknown("asks-who-runs-it", where, "the type of the token ids"))
    narrow = short in _GROWING and _is_narrow(made) and any(map(_is_narrow, given))
    if narrow and not _is_small(short, arguments):
        machine.leave_unproved(Unknown("ids-of-32-bits", where))


def _short(name: str) -> str:
    return name.removesuffix(".get").rpartition(".")[2].strip("_")


def _is_narrow(value: Value) -> bool:
    return isinstance(value, TensorValue) and value.dtype == _NARROW


def _is_ids(value: Value) -> bool:
    return isinstance(value, TensorValue) and IDS in value.tags


def _is_small(short: str, arguments: Arguments) -> bool:
    """Whether the ids are only moved by a small number, or scaled once by one."""
    tensors = [each for each in arguments.all() if isinstance(each, TensorValue)]
    numbers = [each.value for each in arguments.all() if isinstance(each, Known)]
    small = all(isinstance(each, int) and abs(each) < _SMALL for each in numbers)
    if short in _ADDING:
        return small
    scales = short in ("mul", "multiply", "imul")
    return scales and small and len(tensors) == 1 and _is_ids(tensors[0])
