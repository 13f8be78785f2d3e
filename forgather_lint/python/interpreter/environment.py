"""What the code that is run can find out about the world it runs in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from forgather_lint.core.record import record

if TYPE_CHECKING:
    from forgather_lint.core.source import Place
    from forgather_lint.python.interpreter.machine import Machine
    from forgather_lint.python.values.objects import Instance


@record
class LayerTypes:
    """Which entries a config accepts in its lists of layer types, and how it refuses others.

    `renamed` maps older names of entries of `layer_types` to the present ones. `unknown` is the
    reaction to any other entry, `length` that to a list that is not as long as there are layers.
    """

    allowed: Mapping[str, tuple[str, ...]]
    renamed: Mapping[str, str]
    unknown: str
    length: str


def _none_taken(_name: str) -> bool:
    return False


class Modules(Protocol):
    """Which modules and names the libraries have that a model finds.

    Each answer is the error that Python raises, with its type in front; "" where nothing is known
    to be missing.
    """

    def module_error(self, name: str) -> str:
        """For `import name`."""

    def import_error(self, module: str, name: str) -> str:
        """For `from module import name`."""

    def attribute_error(self, module: str, name: str) -> str:
        """For `module.name`, where `module` is the name of a module, or of anything else."""


class _All:
    """Every module and name that is asked for."""

    def module_error(self, _name: str) -> str:
        return ""

    def import_error(self, _module: str, _name: str) -> str:
        return ""

    def attribute_error(self, _module: str, _name: str) -> str:
        return ""


@record
class Environment:
    """How the model is loaded, and how the transformers release treats its plans and configs.

    `auto_class` is the class whose `from_config` builds it, `attention` the implementation that was
    set. `variables` is the value of each environment variable, None where none is set. `host` is
    the package that runs the model, which is installed there.

    `class_plans_kept`: `post_init` keeps `_tp_plan` and `_pp_plan` of the class (from
    transformers 5.14 on); `config_plan_everywhere`: it gives the plan of the config to every model,
    not the base model alone (before 5.0). `rope_parameters`: the config keeps `rope_scaling` under
    that name (from 5.0 on); `mask_takes_input_embeds`: the functions that make masks still accept
    the keyword's old name (before 5.9). `neighbours_by_name`: `import x` finds a file beside the
    model's, as when the folder of the model is on `sys.path`. `transformers` is the release whose
    source is read, "" for the one installed here.

    `dtype` is the element type in which the model is built and loaded. Only with `dtype_named` does
    an op that refuses operands of two types end the run: otherwise the type may be another one.

    `torch` is the release of torch that the engine installs, "" where that is not known;
    `absent_members` are members of library classes that exist in other releases only, `activations`
    the keys of `ACT2FN`, empty where any key is accepted.

    `building`: the constructor of a model is running. During that, `tensors_on` is the device of
    tensors made without naming one, `parameters_on` the device of parameters; on `meta` a tensor
    has no values, "" is an unknown device. Some engines first build a model with everything on
    `meta`, then a second one that they keep (`built_twice`): `tensors_stay_on` is the device of
    tensors in the second, and only its parameters are initialised by `post_init`, while
    `initialising` is set. `holders_initialised`: a model's own `_init_weights` is called only for
    modules that hold tensors themselves (from 5.3).

    For configs: `fields_generated`: a class without an `__init__` gets one that sets its fields
    (from 5.4 on); `removed_fields` are those that the base class no longer sets, `popped_fields`
    those it takes out of the values that it is given; `layer_types` is how `layer_types` is
    validated, None where it is not. `rope_keys_missing` is the error for rotary
    parameters that lack a key, "" where none is raised; `config_patched` is what the host does to a
    config that it has loaded, None where it takes it as it is. `rope_types` are the keys of
    `ROPE_INIT_FUNCTIONS`, empty where any key is found; `model_type_taken` tells whether
    `AutoConfig` has a config of its own for a
    model type, `has_class` whether the release exports a model class of that name.

    `modules` has what can be imported of libraries. `imports_told`: all that a file imports at its
    top is looked at elsewhere, so that what is missing there is not raised.
    """

    auto_class: str = "AutoModelForCausalLM"
    attention: str = "sdpa"
    variables: str | None = None
    host: str = ""
    class_plans_kept: bool = True
    config_plan_everywhere: bool = False
    rope_parameters: bool = False
    mask_takes_input_embeds: bool = True
    neighbours_by_name: bool = True
    transformers: str = ""
    dtype: str = "float32"
    dtype_named: bool = False
    torch: str = ""
    absent_members: frozenset[str] = frozenset()
    activations: tuple[str, ...] = ()
    building: bool = False
    tensors_on: str = ""
    parameters_on: str = ""
    tensors_stay_on: str = ""
    initialising: bool = False
    holders_initialised: bool = False
    fields_generated: bool = True
    removed_fields: tuple[str, ...] = ()
    popped_fields: tuple[str, ...] = ()
    layer_types: LayerTypes | None = None
    rope_keys_missing: str = ""
    config_patched: Callable[[Machine, Instance, Place], None] | None = None
    rope_types: tuple[str, ...] = ()
    model_type_taken: Callable[[str], bool] = _none_taken
    has_class: Callable[[str], bool] = _none_taken
    modules: Modules = _All()
    imports_told: bool = True

    @property
    def default_dtype(self) -> str:
        """Torch's default dtype, which is that of the model only while this is built."""
        return self.dtype if self.building else "float32"

    @property
    def built_twice(self) -> bool:
        """Whether the engine builds a first model in the same process, only to throw it away."""
        return self.tensors_on == "meta"
