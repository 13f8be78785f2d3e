"""`packaging.version`: by it models ask which release of a library they run beside."""

from __future__ import annotations

import re

from forgather_lint.libraries.operands import Undetermined, reason_of, value_op
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import External, Known, TupleValue, Value, known

_VERSION = "packaging.version.Version"
_RELEASE = re.compile(r"\s*v?(\d{1,9}(?:\.\d{1,9}){0,5})\s*")


@value_op("packaging.version.parse", _VERSION)
def parse(site: Site, version: Value) -> Value:
    """Numbers with dots between them; what else a version may have is not read."""
    found = _RELEASE.fullmatch(str(version.value)) if isinstance(version, Known) else None
    if found is None:
        raise Undetermined(reason_of(version))
    parts = tuple(known(int(part)) for part in found[1].split("."))
    major, minor, micro, *_ = (*parts, *[known(0)] * 3)
    attributes: dict[str, Value] = {"release": TupleValue(parts), "major": major, "minor": minor}
    attributes |= {"micro": micro, "base_version": known(found[1])}
    return Instance(
        External(_VERSION), attributes, site.where, open=site.unknown("other-attribute")
    )


@value_op(f"{_VERSION}.__lt__", f"{_VERSION}.__ge__")
def before_or_not(site: Site, self: Value, other: Value) -> Value:
    """Decided for equal numbers too: one with a local part, such as `+cpu`, is the newer one."""
    return known((_numbers(self) < _numbers(other)) is site.name.endswith("__lt__"))


@value_op(f"{_VERSION}.__gt__", f"{_VERSION}.__le__")
def after_or_not(site: Site, self: Value, other: Value) -> Value:
    """Not decided for equal numbers: the release of torch is known without its local part."""
    if _numbers(self) == _numbers(other):
        raise Undetermined("local-version")
    return known((_numbers(self) > _numbers(other)) is site.name.endswith("__gt__"))


def _numbers(version: Value) -> tuple[int, ...]:
    """The numbers of a release without zeros at its end, which mean nothing."""
    release = version.attributes.get("release") if isinstance(version, Instance) else None
    if not isinstance(release, TupleValue):
        raise Undetermined(reason_of(version))
    text = ".".join(str(each.value) for each in release.items if isinstance(each, Known))
    numbers = list(map(int, text.split(".")))
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
