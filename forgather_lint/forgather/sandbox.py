"""The Jinja environment in which templates are rendered: limited, traced and fenced in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from datetime import date
from typing import Protocol

from jinja2 import BaseLoader, Environment, Template, TemplateNotFound, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

from forgather_lint.forgather import instrument, limits, traced
from forgather_lint.forgather.builtins import to_yaml
from forgather_lint.forgather.library import SearchPath
from forgather_lint.forgather.limits import RenderBudget, RenderRefused
from forgather_lint.forgather.traced import TemplateLine
from forgather_lint.forgather.undefined import reporting

NOTHING = "forgather-lint nothing"
"""The name of the empty template that replaces an included one that does not exist."""

_PARSER = Environment(trim_blocks=True)
_UNBOUNDED = ("random", "urlize", "xmlattr")
_DEAR = ("wordwrap", "pprint", "sort", "unique", "groupby", "dictsort", "min", "max", "map")
_DEARNESS = dict.fromkeys((*_DEAR, "select", "reject", "selectattr", "rejectattr"), 480)
"""How much longer than others these filters take for a character or an element."""
_STEPS_OF_A_USE = 12
"""The cost of recording the use of an undefined value, in rounds of a loop."""
_NOT_WIDTHS = ("default", "d", "toyaml")


class Journal(Protocol):
    """Is told what a rendering does."""

    def undefined(self, message: str) -> None:
        """An undefined value is used in a way that ends Forgather's rendering."""

    def loading(self, origin: TemplateLine, kind: str, name: str, *, found: bool) -> None:
        """The template at `origin` extends, includes or imports `name`."""

    def enters(self, template: str, block: str) -> None:
        """The block of that name, as defined in `template`, is rendered."""


class TemplateLoader(BaseLoader):
    """Gives Jinja the templates of a search path, compiled once per library."""

    def __init__(self, search_path: SearchPath) -> None:
        self.search_path = search_path

    def load(
        self,
        environment: Environment,
        name: str,
        globals: MutableMapping[str, object] | None = None,
    ) -> Template:
        if name == NOTHING:
            return environment.from_string("")
        found = self.search_path.find(name)
        if found is None:
            raise TemplateNotFound(name)
        file, text = found
        codes, key = self.search_path.library.code, (file.path, name)
        if key not in codes:
            limits.check_statements(text.jinja)
            codes[key] = environment.compile(text.jinja, name, str(file.path))
        return Template.from_code(environment, codes[key], globals or {})


class TemplateEnvironment(SandboxedEnvironment):
    """Renders templates of `search_path` within `budget`, telling `journal` about it."""

    intercepted_binops = frozenset(limits.OPERATORS)
    concat = staticmethod(traced.join)

    def __init__(
        self,
        search_path: SearchPath,
        budget: RenderBudget,
        journal: Journal,
        names: Mapping[str, object],
    ) -> None:
        super().__init__(
            loader=TemplateLoader(search_path),
            trim_blocks=True,
            undefined=reporting(self._undefined_use),
            auto_reload=False,
            cache_size=-1,
            optimized=False,
        )
        self.budget, self.journal, self.search_path = budget, journal, search_path
        del self.globals["lipsum"]
        self.globals.update(names, range=limits.limited_range)
        self.filters = self._limited_filters()
        self.filters.update(self._hooks())

    def is_safe_callable(self, obj: object) -> bool:
        return not isinstance(obj, type) or obj in (dict, self.globals["namespace"])

    def call(__self, __context: Context, __obj: object, *args: object, **kwargs: object) -> object:
        values = (*args, *kwargs.values())
        __self.budget.spend(sum(limits.weigh(value) for value in values))
        # Jinja wraps str.format; __wrapped__ is the method itself.
        receiver = getattr(getattr(__obj, "__wrapped__", __obj), "__self__", None)
        if isinstance(receiver, str | bytes | int | list | tuple | dict | date):
            limits.check_method(receiver, getattr(__obj, "__name__", ""), values)
        result = super().call(__context, __obj, *args, **kwargs)
        limits.weigh(receiver), limits.weigh(result)
        return result

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        limits.check_binary(operator, left, right)
        result = limits.OPERATORS[operator](left, right)
        self.budget.spend(limits.weigh(result))
        return result

    def handle_exception(self, source: str | None = None) -> None:  # type: ignore[override]
        # Jinja would rewrite the traceback to name template lines; places are found by the caller.
        raise

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,
    ) -> str:
        return super()._generate(
            instrument.instrument(source, name or ""), name, filename, defer_init
        )

    def _limited_filters(self) -> dict[str, Callable[..., object]]:
        filters = {**self.filters, "toyaml": to_yaml, "trim": _trim, "indent": _indent}
        kept = {name: function for name, function in filters.items() if name not in _UNBOUNDED}
        return {name: self._limited(name, function) for name, function in kept.items()}

    def _limited(self, name: str, function: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(function)
        def call(*args: object, **kwargs: object) -> object:
            first = 1 if hasattr(function, "jinja_pass_arg") else 0
            value, values = args[first], (*args[first + 1 :], *kwargs.values())
            if name not in _NOT_WIDTHS:
                limits.check_method(value, name, values)
            self.budget.spend(_DEARNESS.get(name, 4) * limits.weigh(value))
            result = function(*args, **kwargs)
            self.budget.spend(limits.weigh(result))
            return result

        return call

    def _hooks(self) -> dict[str, Callable[..., object]]:
        return {
            instrument.PLACED: self._placed,
            instrument.LOADS: self._loads,
            instrument.ENTERS: self._enters,
            instrument.TURNS: self._turns,
            instrument.JOINED: self._joined,
        }

    def _undefined_use(self, message: str) -> None:
        self.budget.spend(_STEPS_OF_A_USE)
        self.journal.undefined(message)

    # pass_context keeps Jinja from evaluating the hooks while it compiles.

    @pass_context
    def _placed(
        self, _: Context, value: object, template: str, line: int, literal: bool
    ) -> traced.Traced:
        self.budget.spend(limits.weigh(value))
        return traced.place(str(value), TemplateLine(template, line), literal=literal)

    @pass_context
    def _loads(
        self, _: Context, asked: object, template: str, line: int, kind: str
    ) -> str | Sequence[str]:
        self.budget.spend()
        names = [asked] if isinstance(asked, str) else list(_names(asked))
        found = next((name for name in names if self.search_path.find(name)), None)
        shown = found or ", ".join(names)
        self.journal.loading(TemplateLine(template, line), kind, shown, found=found is not None)
        missing = NOTHING if kind == "include" else shown
        return found or missing

    @pass_context
    def _enters(self, _: Context, __: None, template: str, block: str) -> None:
        self.budget.spend()
        self.journal.enters(template, block)

    @pass_context
    def _turns(self, _: Context, __: None) -> None:
        self.budget.spend()

    @pass_context
    def _joined(self, _: Context, parts: list[object]) -> str:
        self.budget.spend(limits.weigh(parts))
        return "".join(map(str, parts))


def syntax_tree(source: str) -> nodes.Template:
    """The syntax tree of a Jinja text. Raises `TemplateSyntaxError`."""
    return _PARSER.parse(source)


def _names(asked: object) -> Iterable[str]:
    if not isinstance(asked, list | tuple):
        raise RenderRefused(f"a template is loaded by a {type(asked).__name__}, not by its name")
    return (str(name) for name in asked)


def _trim(value: object, characters: str | None = None) -> str:
    """Jinja's `trim`, keeping origins."""
    text = value if isinstance(value, str) else str(value)
    if isinstance(text, traced.Traced):
        return text.trimmed(characters)
    return text.strip(characters)


def _indent(value: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    """Jinja's `indent`, keeping origins."""
    step = width if isinstance(width, str) else " " * width
    if blank or not isinstance(value, traced.Traced):
        from jinja2.filters import do_indent

        return do_indent(value, width, first, blank)
    text = traced.indented(value, step)
    return traced.join([step, text]) if first else text
