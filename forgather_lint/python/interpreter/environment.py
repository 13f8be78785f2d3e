"""What the code that is run can find out about the world it runs in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from forgather_lint.core.record import record


@record
class LayerTypes:
    """The entries that a config takes in each list of types of layers, and what it says.

    `renamed` are older names of entries of `layer_types`. `unknown` is said of another entry,
    `length` of another number of them than there are layers.
    """

    allowed: Mapping[str, tuple[str, ...]]
    renamed: Mapping[str, str]
    unknown: str
    length: str


def _none_taken(_name: str) -> bool:
    return False


@record
class Environment:
    """How the model is loaded, and what the transformers release makes of its plans.

    `auto_class` is the class whose `from_config` builds it, `attention` the implementation that
    was set. `class_plans_kept`: `post_init` keeps `_tp_plan` and `_pp_plan` of the class (from
    transformers 5.14 on); `config_plan_everywhere`: it gives the plan of the config to every model,
    not the base model alone (before 5.0). `rope_parameters`: the config keeps `rope_scaling` under
    that name (from 5.0 on); `mask_takes_input_embeds`: the functions that make masks still know the
    keyword's old name (before 5.9). `neighbours_by_name`: `import x` finds a file beside the
    model's, as it does where the folder of the model is on the path. `transformers` is the release
    whose source is read, "" for the one installed here.

    `torch` is the release of torch that the engine brings, "" where that is not known;
    `absent_members` are those of library classes that other releases have, `activations` the names
    that `ACT2FN` knows, none where any may be.

    `building`: the constructor of a model is running. There `tensors_on` is the device that tensors
    are made on where none is named, and `parameters_on` where a module keeps its parameters; on
    `meta` a tensor has no values. "": that is not known. Where that is so of all of a model, a
    second is built that stays (`built_twice`), whose tensors are made on `tensors_stay_on`; its
    parameters alone `post_init` initialises, which it does while `initialising`.
    `holders_initialised`: to
    `_init_weights` of a model's own code go only modules that hold tensors themselves (from 5.3).

    Of its configs: `fields_generated`: a class without an `__init__` gets one that sets its fields
    (from 5.4 on); `removed_fields` are those that the base no longer sets, `popped_fields` those it
    takes out of what it is given; `layer_types` is what `layer_types` is held against, None where
    it is not. `rope_types` are the keys of `ROPE_INIT_FUNCTIONS`, empty where any is found;
    `model_type_taken` says whether `AutoConfig` has a config of its own for a model type,
    `has_class` whether the release exports a class of models of that name.
    """

    auto_class: str = "AutoModelForCausalLM"
    attention: str = "sdpa"
    class_plans_kept: bool = True
    config_plan_everywhere: bool = False
    rope_parameters: bool = False
    mask_takes_input_embeds: bool = True
    neighbours_by_name: bool = True
    transformers: str = ""
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
    rope_types: tuple[str, ...] = ()
    model_type_taken: Callable[[str], bool] = _none_taken
    has_class: Callable[[str], bool] = _none_taken

    @property
    def built_twice(self) -> bool:
        """Whether a first model is built to be thrown away, in the same process."""
        return self.tensors_on == "meta"
