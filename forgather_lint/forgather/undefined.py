"""Undefined template variables as values.

Forgather renders with Jinja's `StrictUndefined`, which raises at the first use of one. The linter
records the use and goes on, so that the rest of the template is still read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jinja2 import Undefined
from jinja2.exceptions import TemplateRuntimeError, UndefinedError
from jinja2.runtime import missing  # type: ignore[attr-defined]

from forgather_lint.forgather.limits import RenderRefused

STAND_IN = "undefined."
"""How the text of an undefined value begins, before its name."""


class MissingVariable(Undefined):
    """An undefined variable or attribute; using it calls `report` with Jinja's own message."""

    __slots__ = ()

    report: Callable[[str], None]

    def __init__(
        self,
        hint: str | None = None,
        obj: object = missing,
        name: str | None = None,
        exc: type[TemplateRuntimeError] = UndefinedError,
    ) -> None:
        if exc is not UndefinedError:
            raise RenderRefused(hint or "unsafe attribute")
        if isinstance(name, MissingVariable):
            # `1[y]` of an undefined `y`: to tell its name would be a use of it, twice as many for
            # every such name inside of another.
            name = f"{STAND_IN}{name._undefined_name}"
        super().__init__(hint, obj, name, exc)

    def _use(self, *_: object, **__: object) -> MissingVariable:
        self.report(self._undefined_message)
        return self

    def __getattr__(self, name: str) -> MissingVariable:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._use()

    def __str__(self) -> str:
        self._use()
        return f"{STAND_IN}{self._undefined_name}"

    __repr__ = __str__

    def __bool__(self) -> bool:
        self._use()
        return False

    def __iter__(self) -> Iterator[object]:
        self._use()
        return iter(())

    def __len__(self) -> int:
        self._use()
        return 0

    def __eq__(self, other: object) -> bool:
        self._use()
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __contains__(self, item: object) -> bool:
        self._use()
        return False

    __call__ = __getitem__ = _use  # type: ignore[assignment]
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _use  # type: ignore[assignment]
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _use  # type: ignore[assignment]
    __mod__ = __rmod__ = __pow__ = __rpow__ = __pos__ = __neg__ = _use  # type: ignore[assignment]
    __lt__ = __le__ = __gt__ = __ge__ = _use  # type: ignore[assignment]


def reporting(report: Callable[[str], None]) -> type[MissingVariable]:
    """The class of undefined values whose uses are told to `report`."""
    return type("Missing", (MissingVariable,), {"__slots__": (), "report": staticmethod(report)})
