"""What checks the value of a strict field beside its annotation: `interval(min=0)(default=8)`.

Source: huggingface_hub/dataclasses.py, `validated_field`; transformers/utils/type_validators.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.values.objects import Instance, PartialCall
from forgather_lint.python.values.value import (
    FALSE,
    NONE,
    External,
    Known,
    ListValue,
    Unknown,
    Value,
)

FIELD = External("dataclasses.Field")
VALIDATORS = "validators"
_MAKER = External("huggingface_hub.dataclasses.validated_field")


def validators_of(default: Value | None) -> Iterator[Value]:
    """The functions that are called with a value of the field."""
    if isinstance(default, Instance) and default.cls == FIELD:
        held = default.attributes.get(VALIDATORS)
        yield from held.items if isinstance(held, ListValue) else ()


@op("huggingface_hub.dataclasses.validated_field")
def validated_field(site: Site, validator: Value, **options: Value) -> Value:
    """A field with a default that is checked by one function or several."""
    each = list(validator.items) if isinstance(validator, ListValue) else [validator]
    held: dict[str, Value] = {VALIDATORS: ListValue(each)}
    for name in ("default", "default_factory"):
        if name in options:
            held[name] = options[name]
    return Instance(FIELD, held, site.where)


@op("huggingface_hub.dataclasses.as_validated_field")
def as_validated_field(site: Site, validator: Value) -> Value:
    """What makes fields that this function checks."""
    return PartialCall(_MAKER, (validator,), {})


@op("transformers.interval")
def interval(site: Site, **bounds: Value) -> Value:
    return as_validated_field(
        site, PartialCall(External("transformers.interval.check"), (), bounds)
    )


@op("transformers.interval.check")
def check_interval(
    site: Site,
    value: Value,
    min: Value = NONE,
    max: Value = NONE,
    exclude_min: Value = FALSE,
    exclude_max: Value = FALSE,
) -> Value:
    """Raises for a number outside of the interval."""
    given = [each.value if isinstance(each, Known) else None for each in (value, min, max)]
    number, low, high = (each if isinstance(each, int | float) else None for each in given)
    open_low, open_high = (machine_of(site).truth(each) for each in (exclude_min, exclude_max))
    if number is None or open_low is None or open_high is None:
        if isinstance(value, Known):
            text = "'<=' not supported between instances"
            raise Raised("TypeError", text, site.where)
        return Unknown("validator-not-followed", site.where)
    above = low is None or (low < number if open_low else low <= number)
    below = high is None or (number < high if open_high else number <= high)
    if above and below:
        return NONE
    words = []
    if low is not None:
        words.append(f"greater {'than' if open_low else 'or equal to'} {low}")
    if high is not None:
        words.append(f"smaller {'than' if open_high else 'or equal to'} {high}")
    raise Raised("ValueError", f"Value must be {' and '.join(words)}, got {number}.", site.where)


@op("transformers.probability")
def probability(site: Site, **options: Value) -> Value:
    checks = PartialCall(External("transformers.probability.check"), (), {})
    return validated_field(site, checks, **options)


@op("transformers.probability.check")
def check_probability(site: Site, value: Value) -> Value:
    """Raises for a number that is no probability."""
    number = value.value if isinstance(value, Known) else None
    if isinstance(number, int | float) and not 0 <= number <= 1:
        text = f"Value must be a probability between 0.0 and 1.0, got {number}."
        raise Raised("ValueError", text, site.where)
    return NONE
