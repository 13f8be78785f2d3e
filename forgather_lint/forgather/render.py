"""Renders a configuration: its text with origins, and what happened on the way."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import field
from types import FrameType, TracebackType

import jinja2
import yaml

from forgather_lint.core.record import record
from forgather_lint.core.source import Place, file_start
from forgather_lint.facts.templates import Chain, Fault, FaultKind, LoadingStep
from forgather_lint.forgather.library import SearchPath, Template
from forgather_lint.forgather.limits import RenderBudget, RenderRefused
from forgather_lint.forgather.places import TemplatePlace
from forgather_lint.forgather.sandbox import TemplateEnvironment
from forgather_lint.forgather.traced import TemplateLine, Traced

# What evaluating a template's expressions can raise, short of a fault in the linter itself.
_TEMPLATE_ERRORS = (
    jinja2.TemplateError,
    yaml.YAMLError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)

_VERBS = {"extends": "extends", "import": "imports"}


@record
class Load:
    """One template loading another; `kind` is extends, include or import."""

    origin: TemplateLine
    kind: str
    name: str
    found: bool

    @property
    def extends(self) -> bool:
        """Whether this makes the loaded template a parent."""
        return self.kind == "extends" and self.found


@record
class UndefinedUse:
    """A use of an undefined variable that would end Forgather's own rendering."""

    message: str
    origin: TemplateLine | None


@record(frozen=False)
class Rendering:
    """The text of a configuration, and everything its templates did."""

    name: str
    search_path: SearchPath
    text: Traced = field(default_factory=lambda: Traced("", ()))
    loads: list[Load] = field(default_factory=list)
    undefined_uses: list[UndefinedUse] = field(default_factory=list)
    entered: set[tuple[str, str]] = field(default_factory=set)
    ended: Fault | None = None

    def undefined(self, message: str) -> None:
        use = UndefinedUse(message, _innermost(_frames(sys._getframe(1))))
        if use not in self.undefined_uses:
            self.undefined_uses.append(use)

    def enters(self, template: str, block: str) -> None:
        self.entered.add((template, block))

    def loading(self, origin: TemplateLine, kind: str, name: str, *, found: bool) -> None:
        load = Load(origin, kind, name, found)
        if load not in self.loads:
            self.loads.append(load)

    def template(self, name: str) -> Template | None:
        """The template called `name`, if this rendering could load it."""
        try:
            return self.search_path.find(name)
        except RenderRefused:
            return None

    def place(self, origin: TemplateLine | None, fragment: str = "") -> Place:
        """The place of `fragment` on the template line `origin`, else the configuration's start."""
        found = self.template(origin.template) if origin else None
        if origin is not None and found is not None:
            file, text = found
            return TemplatePlace(file, text.file_row(origin.line), fragment)
        own = self.template(self.name)
        return file_start(str(own[0].path) if own else self.name)

    def line(self, origin: TemplateLine) -> str:
        """The text of the template row that `origin` names."""
        found = self.template(origin.template)
        return found[0].line(found[1].file_row(origin.line)) if found else ""

    def files(self) -> tuple[str, ...]:
        """The paths of the templates that were rendered."""
        names = dict.fromkeys((self.name, *(load.name for load in self.loads if load.found)))
        found = [self.template(name) for name in names]
        return tuple(dict.fromkeys(str(each[0].path) for each in found if each))

    def chain(self, origin: TemplateLine | None) -> Chain:
        """How the template of `origin` was loaded: the loads from there up to the configuration."""
        if origin is None:
            return ()
        return tuple(
            LoadingStep(
                self.place(load.origin, load.name),
                f"{_VERBS.get(load.kind, 'includes')} `{load.name}`",
            )
            for load in self._climb(origin.template)
        )

    def fault(self, kind: FaultKind, message: str, origin: TemplateLine | None) -> Fault:
        """A fault with `message`, at the line of `origin`."""
        return Fault(kind, message, self.place(origin), self.chain(origin))

    def _climb(self, template: str) -> Iterator[Load]:
        parents: dict[str, Load] = {}
        for load in self.loads:
            parents.setdefault(load.name, load)
        while template != self.name and template in parents:
            load = parents.pop(template)
            yield load
            template = load.origin.template


def render(
    search_path: SearchPath,
    name: str,
    names: Mapping[str, object],
    arguments: Mapping[str, object] | None = None,
    budget: RenderBudget | None = None,
) -> Rendering:
    """Render the template `name` of `search_path`; `names` are globals, `arguments` variables."""
    rendering = Rendering(name, search_path)
    environment = TemplateEnvironment(search_path, budget or RenderBudget(), rendering, names)
    try:
        text = environment.get_template(name).render(arguments or {})
    except jinja2.TemplateSyntaxError as error:
        origin = TemplateLine(error.name or name, error.lineno)
        rendering.ended = rendering.fault(FaultKind.SYNTAX, error.message or "", origin)
    except jinja2.TemplateNotFound as error:
        rendering.ended = _ended(rendering, FaultKind.NOT_FOUND, error)
    except (RenderRefused, jinja2.exceptions.SecurityError, RecursionError) as error:
        rendering.ended = _ended(rendering, FaultKind.REFUSED, error)
    except _TEMPLATE_ERRORS as error:
        rendering.ended = _ended(rendering, FaultKind.ERROR, error)
    else:
        rendering.text = text if isinstance(text, Traced) else Traced(text, ())
    return rendering


def _ended(rendering: Rendering, kind: FaultKind, error: BaseException) -> Fault:
    message = str(error) or type(error).__name__
    return rendering.fault(kind, message, _innermost(_lines(error.__traceback__)))


def _innermost(frames: Iterator[tuple[FrameType, int]]) -> TemplateLine | None:
    """The template line of the first frame that is compiled template code.

    None if there is none.
    """
    for frame, line in frames:
        template = frame.f_globals.get("__jinja_template__")
        if template is not None and template.name:
            return TemplateLine(template.name, template.get_corresponding_lineno(line))
    return None


def _frames(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    while frame is not None:
        yield frame, frame.f_lineno
        frame = frame.f_back


def _lines(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    found = []
    while traceback is not None:
        found.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return reversed(found)
