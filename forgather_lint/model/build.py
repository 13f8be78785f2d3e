"""Runs a model's constructor abstractly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place, file_start
from forgather_lint.documents.config_json import ConfigFile
from forgather_lint.documents.python import NotAnalysed
from forgather_lint.documents.sources import Sources
from forgather_lint.libraries.names import CONFIG, MODULE, PRETRAINED
from forgather_lint.libraries.standard import StandardLibrary
from forgather_lint.model import entry
from forgather_lint.model.loader import LOCAL, SourceLoader
from forgather_lint.model.release_sources import ReleaseSources, installed_sources
from forgather_lint.model.source_store import PROJECT
from forgather_lint.model.values import from_json
from forgather_lint.python.interpreter.budget import BudgetExceeded, SourceNotHere
from forgather_lint.python.interpreter.classes import (
    annotation_of,
    find_member,
    is_subclass,
    order_of,
)
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.frame import SOURCE_NOT_HERE
from forgather_lint.python.interpreter.kept_state import KeptState
from forgather_lint.python.interpreter.machine import Machine, Observer
from forgather_lint.python.interpreter.names import look_up
from forgather_lint.python.values.endings import Ending
from forgather_lint.python.values.objects import ClassValue, Instance, Namespace
from forgather_lint.python.values.value import Arguments, External, Known, Unknown, Value


class NoModel(Ending):
    """There is no model to build; `where` is the place that says so."""

    def __init__(self, where: Place, message: str, nothing: bool = False) -> None:
        super().__init__(message)
        self.where = where
        self.message = message
        self.nothing = nothing


class NoText(NoModel):
    """The file with a class that is named cannot be read, which is told of the file itself."""


@record(frozen=False, eq=False, slots=False)
class ModelBuilder:
    """The files of one model with the interpreter that runs them in one environment."""

    sources: Sources
    config_file: ConfigFile | None
    main: str | None = None
    environment: Environment = field(default_factory=Environment)
    loader: SourceLoader = field(init=False)
    machine: Machine = field(init=False)
    _built: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        named = self.environment.transformers
        self.loader = SourceLoader(
            self.sources, ReleaseSources(named) if named else installed_sources()
        )
        self.machine = Machine(StandardLibrary(), self.loader, self.environment)

    @property
    def config_values(self) -> Mapping[str, object]:
        """The values of config.json; empty without one."""
        return self.config_file.values if self.config_file else {}

    @property
    def where(self) -> Place:
        """The place of a finding that has no other: the config, or the start of the main file."""
        if self.config_file:
            return self.config_file.place("architectures")
        return file_start(self.sources.paths.get(self.main or "", ""))

    def find_class(self, reference: entry.ClassReference) -> ClassValue:
        """The class that `reference` names. Raises `NoModel`."""
        for module in self._modules_for(reference):
            namespace = self.loader.load(self.machine, module)
            if isinstance(namespace, Unknown):
                problem = self.loader.problems[-1]
                if isinstance(problem, NotAnalysed):
                    raise BudgetExceeded(problem.message, problem.where)
                raise NoText(problem.where, f"{reference.name} cannot be read")
            names = namespace.globals if isinstance(namespace, Namespace) else {}
            found = names.get(reference.name)
            if isinstance(found, ClassValue):
                return found
        if not reference.module and self.loader.release.lacks(PROJECT, reference.name):
            raise SourceNotHere(self.loader.release.why_absent(reference.name), self.where)
        raise NoModel(self.where, f"no class {reference.name} in {reference.module or 'any file'}")

    def _modules_for(self, reference: entry.ClassReference) -> Iterator[str]:
        if reference.module:
            if not self.sources.has(reference.module):
                raise NoModel(self.where, f"no file {reference.module}.py for {reference.name}")
            yield f"{LOCAL}.{reference.module}"
            return
        names = [self.main] if self.main else [*self.sources.paths, *self.sources.texts]
        yield from (f"{LOCAL}.{name}" for name in names)
        home = self.loader.release.home_of_class(reference.name)
        if home is not None:
            yield home

    def model_class(self, auto_class: str | None = None) -> ClassValue:
        """The class to build for `auto_class`, by default `architectures[0]`. Raises `NoModel`."""
        reference = entry.model_reference(self.config_values, auto_class)
        native = None if reference else self._native_class(auto_class or entry.AUTO_CAUSAL)
        if native is not None:
            reference = entry.ClassReference("", native)
        if reference is not None:
            return self.find_class(reference)
        if auto_class is not None:
            raise NoModel(self.where, f"auto_map names no {auto_class}")
        return self._class_in_files()

    def _class_in_files(self) -> ClassValue:
        """Without a config: the last model class of the file, preferring one with a head."""
        found = [cls for cls in self._own_classes() if is_subclass(self.machine, cls, _PRETRAINED)]
        if not found:
            self._need_bases()
            found = [cls for cls in self._own_classes() if is_subclass(self.machine, cls, _MODULE)]
        if not found:
            raise NoModel(
                self.where, "no model here: no class of a model is named or defined", True
            )
        heads = [cls for cls in found if cls.name.endswith(("ForCausalLM", "LMHeadModel"))]
        return (heads or found)[-1]

    def _need_bases(self) -> None:
        """Raise where a class may be a model by virtue of a base that is not known."""
        for cls in self._own_classes():
            for base in order_of(self.machine, cls):
                if not isinstance(base, Unknown):
                    continue
                if base.reason == SOURCE_NOT_HERE:
                    raise SourceNotHere(base.detail, cls.where)
                why = f"a base of {cls.name} is not known, so that it may be the model"
                raise BudgetExceeded(why, cls.where)

    def _own_classes(self) -> list[ClassValue]:
        names = [self.main] if self.main else list(self.sources.paths)
        spaces = [self.loader.load(self.machine, f"{LOCAL}.{name}") for name in names]
        return [
            value
            for space in spaces
            if isinstance(space, Namespace)
            for value in space.globals.values()
            if isinstance(value, ClassValue) and value.scope.namespace is space
        ]

    def all_classes(self) -> list[ClassValue]:
        """Every class of every file of the model that was read."""
        return [
            value
            for space in self.loader.namespaces()
            for value in space.globals.values()
            if isinstance(value, ClassValue) and value.scope.namespace is space
        ]

    def config_class(self, model: ClassValue) -> ClassValue | None:
        """The config class of `model`: the one that AutoConfig loads, else its `config_class`."""
        reference = entry.config_reference(self.config_values)
        if reference is not None:
            return self.find_class(reference)
        declared = _declared_config(self.machine, model)
        if declared is not None:
            return declared
        own = [c for c in self._own_classes() if is_subclass(self.machine, c, External(CONFIG))]
        return own[-1] if own else None

    def build(self, auto_class: str | None = None, observer: Observer | None = None) -> Instance:
        """The model that `auto_class` would load, built abstractly.

        `observer` is told what happens.

        Each model is built from freshly run modules, as in a process of its own: what an earlier
        constructor counted or kept in a module is gone. Only where the engine itself builds the
        model twice does the second find what the first left behind.

        Raises `NoModel`, `Raised` when the constructor raises, `BudgetExceeded`.
        """
        if self._built:
            other = ModelBuilder(self.sources, self.config_file, self.main, self.environment)
            return other.build(auto_class, observer)
        self._built = True
        model = self.model_class(auto_class)
        found = replace(self.environment, auto_class=auto_class or entry.AUTO_CAUSAL)
        with self.machine.kept_run(environment=found):
            config = self.config(model)
        building = replace(found, building=True)
        kept = KeptState(self.machine)
        with self.machine.kept_run(observer=observer or kept, environment=building):
            arguments = Arguments([config]) if self._takes_config(model) else Arguments()
            with kept.watching():
                built = self.machine.call(model, arguments, model.where)
            if kept.found and self.environment.built_twice:
                built = self.machine.call(model, arguments, model.where)
        if not isinstance(built, Instance):
            raise NoModel(model.where, f"{model.name} does not build a module")
        return built

    def base_child(self, root: Instance) -> Instance | None:
        """The child of `root` that AutoModel would load; None where there is none."""
        child = root.attributes.get(self.base_name(root))
        return child if isinstance(child, Instance) else None

    def base_name(self, root: Instance) -> str:
        """The name of the attribute that holds `base_child`; nearly always `base_model_prefix`.

        A model of transformers itself is known by its type: `Llama4ForCausalLM` has its base model
        in `model`, whatever its prefix says.
        """
        native = self._native_class(entry.AUTO_MODEL)
        for name, child in root.attributes.items():
            cls = child.cls if isinstance(child, Instance) else None
            if isinstance(cls, ClassValue) and cls.name == native:
                return name
        return self.base_prefix(root)

    def _native_class(self, auto_class: str) -> str | None:
        """The class that transformers itself loads for the model type.

        None for a model with own code.
        """
        model_type = self.config_values.get("model_type")
        if self.sources.paths or self.sources.texts or not isinstance(model_type, str):
            return None
        if self.loader.release.folder is None:
            raise SourceNotHere(self.loader.release.why_absent(model_type), self.where)
        return self.loader.release.model_class_name(auto_class, model_type)

    def base_prefix(self, root: Instance) -> str:
        """`base_model_prefix` of the class of `root`."""
        member = find_member(self.machine, root.cls, "base_model_prefix")
        value = member.value if member is not None else None
        return value.value if isinstance(value, Known) and isinstance(value.value, str) else ""

    def _takes_config(self, model: ClassValue) -> bool:
        return is_subclass(self.machine, model, _PRETRAINED) is not False

    def config(self, model: ClassValue) -> Value:
        """The config object: the values of config.json over the defaults of its class."""
        cls = self.config_class(model)
        file, where = self.config_file, self.where
        written = file.written if file is not None else {}
        values = {key: from_json(value) for key, value in written.items()}
        values |= self._undecided_values()
        if cls is None:
            why = Unknown("no-config-class", where)
            # A dtype is no text in a config that is loaded; without its class it is not known.
            values |= {name: why for name in ("dtype", "torch_dtype") if name in values}
            config: Value = Instance(External(CONFIG), values, where, open=why)
        else:
            config = self.machine.call(cls, Arguments([], values), where)
        for name, value in (file.overridden if file is not None else {}).items():
            self.machine.set_attribute(config, name, from_json(value), where)
        patch = self.machine.environment.config_patched
        if patch is not None and isinstance(config, Instance):
            patch(self.machine, config, where)
        return config

    def _undecided_values(self) -> Mapping[str, Value]:
        file = self.config_file
        undecided = file.undecided.items() if file else ()
        return {
            key: Unknown("undecided-in-template", file.place(key) if file else None, reason)
            for key, reason in undecided
        }


_PRETRAINED = External(PRETRAINED)
_MODULE = External(MODULE)


@port_of("transformers/modeling_utils.py", "PreTrainedModel.__init_subclass__")
def _declared_config(machine: Machine, model: ClassValue) -> ClassValue | None:
    """The config class that `model` or its nearest base names, as an attribute or an annotation.

    Raises `SourceNotHere`.
    """
    for cls in order_of(machine, model):
        if not isinstance(cls, ClassValue):
            continue
        annotation = annotation_of(cls, "config")
        annotated = look_up(cls.scope, annotation) if annotation else None
        for found in (cls.namespace.get("config_class"), annotated):
            if isinstance(found, ClassValue):
                return found
            if isinstance(found, Unknown) and found.reason == SOURCE_NOT_HERE:
                raise SourceNotHere(found.detail, cls.where)
    return None
