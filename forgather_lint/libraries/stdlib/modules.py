"""Other parts of the standard library, as far as model code uses them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import reduce as fold
from typing import Any, cast

from forgather_lint.python.builtins.counters import update as count
from forgather_lint.python.builtins.sequences import dict_
from forgather_lint.python.interpreter.constants import compute, is_plain, plain
from forgather_lint.python.interpreter.container_operators import held
from forgather_lint.python.interpreter.exceptions import SUPPRESSED
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.interpreter.operators import binary
from forgather_lint.python.interpreter.subscripts import index_of
from forgather_lint.python.values.loop_index import pinned
from forgather_lint.python.values.objects import FunctionValue, Instance, PartialCall
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    CounterValue,
    DefaultDictValue,
    DequeValue,
    DictValue,
    External,
    IterableValue,
    Known,
    ListValue,
    SetValue,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    ValueId,
    known,
    next_serial,
)


def _pure(function: Callable[..., Any]) -> Callable[..., Value]:
    def call(site: Site, *arguments: Value) -> Value:
        if not all(map(is_plain, arguments)):
            machine = cast("Machine", site.evaluator)
            for argument in arguments:
                machine.library.read_number(machine, argument, site.where)
            unknown = next((a for a in arguments if isinstance(a, Unknown)), None)
            return unknown or site.unknown("symbolic-arithmetic")
        operands = [plain(argument) for argument in arguments]
        return compute(site.evaluator.budget, site.where, site.name, function, operands)

    return call


_MATH = (
    "sqrt log log2 log10 log1p exp expm1 floor ceil trunc pow cos sin tan acos asin atan atan2 "
    "cosh sinh tanh gcd lcm isclose fabs fmod hypot degrees radians isnan isinf isfinite isqrt "
    "copysign factorial comb perm"
)
for _name in _MATH.split():
    op(f"math.{_name}")(_pure(getattr(math, _name)))
for _name in "sqrt log exp".split():
    op(f"numpy.{_name}")(_pure(getattr(math, _name)))


@op("math.prod", "numpy.prod")
def prod(site: Site, iterable: Value) -> Value:
    items, rest = site.evaluator.items_of(iterable, site.where)
    machine = cast("Machine", site.evaluator)
    total: Value = known(1)
    for item in items:
        machine.budget.step()
        total = binary(machine, "mul", total, pinned(item), site.where)
    return rest or total


@op("functools.partial")
def partial(site: Site, function: Value, *arguments: Value, **keywords: Value) -> Value:
    return PartialCall(function, arguments, keywords)


@op("functools.reduce")
def reduce(site: Site, function: Value, iterable: Value, initial: Value | None = None) -> Value:
    items, rest = site.evaluator.items_of(iterable, site.where)
    if rest is not None or not (items or initial):
        return rest or site.unknown("empty-reduce")
    start = [initial] if initial is not None else []
    return fold(
        lambda left, right: site.evaluator.call(function, Arguments([left, right]), site.where),
        [*start, *items],
    )


@op("functools.wraps")
def wraps(site: Site, wrapped: Value, *names: Value, **options: Value) -> Value:
    """A decorator that leaves a wrapper as it is, and records what it wraps."""
    return PartialCall(External("functools.update_wrapper"), (), {"wrapped": wrapped})


@op("functools.update_wrapper")
def update_wrapper(site: Site, wrapper: Value, wrapped: Value, *names: Value) -> Value:
    return wrapper


@op("contextlib.contextmanager")
def keeps_function(site: Site, function: Value = NONE, **options: Value) -> Value:
    """A decorator, with or without options, that leaves the function as it is."""
    return External("functools.identity") if isinstance(function, Known) else function


@op("functools.lru_cache", "functools.cache")
def caching(site: Site, function: Value = NONE, **options: Value) -> Value:
    """A decorator, with or without options: what it decorates looks its arguments up."""
    if isinstance(function, Known):
        return External(site.name)
    if not isinstance(function, FunctionValue):
        return function
    return replace(function, decorators=(*function.decorators, External(site.name)))


@op("contextlib.suppress")
def suppress(site: Site, *exceptions: Value) -> Value:
    kinds: dict[str, Value] = {SUPPRESSED: TupleValue(exceptions)}
    return Instance(External("builtins.object"), kinds, site.where)


@op("functools.identity", "copy.copy", "copy.deepcopy", "typing.cast")
def identity(site: Site, value: Value, other: Value | None = None) -> Value:
    if site.name == "typing.cast" and other is not None:
        return other
    if site.name.startswith("copy."):
        return copied(value, {}, deep=site.name == "copy.deepcopy")
    return value


def copied(value: Value, done: dict[ValueId, Value], deep: bool) -> Value:
    """A copy of `value`; with `deep`, of what it holds too."""
    key = ValueId(value)
    if key in done:
        return done[key]
    inner: Callable[[Value], Value] = (lambda v: copied(v, done, deep)) if deep else (lambda v: v)
    result: Value = value
    match value:
        case Instance():
            attributes: dict[str, Value] = {}
            result = done[key] = value.empty_copy(attributes, None)
            attributes.update({n: inner(v) for n, v in value.attributes.items()})
        case IterableValue() if value.source is not None:
            return Unknown("copy-of-iterator")
        case ListValue():
            items_ = [inner(item) for item in value.items]
            result = replace(value, items=items_, serial=next_serial(), writes=0)
        case TupleValue():
            result = replace(value, items=tuple(inner(item) for item in value.items))
        case DictValue():
            items = {key: inner(item) for key, item in value.items.items()}
            result = replace(
                value, items=items, keys=dict(value.keys), serial=next_serial(), writes=0
            )
        case SetValue():
            result = replace(value, items=dict(value.items), serial=next_serial(), writes=0)
        case TensorValue():
            result = TensorValue(
                value.shape, value.placement, value.dtype, value.origin, value.is_parameter
            )
    done[key] = result
    return result


@op("collections.OrderedDict")
def ordered_dict(site: Site, source: Value | None = None, **keywords: Value) -> Value:
    return dict_(site, source, **keywords)


@op("collections.defaultdict")
def default_dict(
    site: Site, factory: Value = NONE, source: Value | None = None, **keywords: Value
) -> Value:
    if isinstance(factory, Known) and factory.value is not None:
        text = "first argument must be callable or None"
        raise Raised("TypeError", text, site.where)
    made = dict_(site, source, **keywords)
    assert isinstance(made, DictValue)
    return DefaultDictValue(made.items, made.keys, made.rest, factory=factory)


@op("collections.Counter")
def counter(site: Site, source: Value = NONE, **keywords: Value) -> Value:
    made = CounterValue({})
    count(site, made, source, **keywords)
    return made


@op("collections.deque")
def deque(site: Site, iterable: Value | None = None, maxlen: Value = NONE) -> Value:
    items, rest = site.evaluator.items_of(iterable, site.where) if iterable else ([], None)
    most = index_of(maxlen)
    if most is None and not (isinstance(maxlen, Known) and maxlen.value is None):
        return DequeValue([], rest or site.unknown("unknown-length"))
    return DequeValue(held(items, most), rest, maxlen=most)


@op("traceback.extract_stack")
def extract_stack(site: Site, *arguments: Value) -> Value:
    """The source lines of the callers; Forgather looks for `AutoModel.from_config` in them."""
    machine = cast("Machine", site.evaluator)
    line = known(f"return {machine.environment.auto_class}.from_config(config)")
    elsewhere = Unknown("frame-of-a-caller", site.where)
    frame = Instance(External("builtins.object"), {"line": line}, site.where, open=elsewhere)
    return ListValue([frame])


@op("logging.getLogger", "transformers.get_logger", "warnings.warn", "builtins.print")
def silent(site: Site, *arguments: Value, **options: Value) -> Value:
    return External("logging.logger")


for _level in "debug info warning error critical exception warning_once warning_advice".split():

    @op(f"logging.logger.{_level}")
    def log(site: Site, *arguments: Value, **options: Value) -> Value:
        return NONE


_SET = "1"
"""What a variable of the environment may be set to."""


@op("os.environ.get", "os.getenv")
def environment(site: Site, key: Value, default: Value = NONE) -> Value:
    """Nothing is known to be set; where something else would come of a variable, that is asked."""
    machine = cast("Machine", site.evaluator)
    if machine.environment.variables is not None:
        return known(machine.environment.variables)
    if not isinstance(default, Known):
        return default
    told: Value = machine.tell(default.value, _SET, "the environment", site.where)
    return told
