"""The verdict on a command that serves a model: its words, its options, its model at its sizes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from forgather_lint.core.files import is_file, is_folder
from forgather_lint.core.record import record
from forgather_lint.core.settings import Device, ModelImpl, Settings, nearest
from forgather_lint.core.source import Place
from forgather_lint.core.version import Version
from forgather_lint.documents.commands.found import ServingCommand
from forgather_lint.documents.config_json import read_config
from forgather_lint.documents.discover import CONFIG, Candidate
from forgather_lint.documents.python import SourceError
from forgather_lint.engines.api import Gather
from forgather_lint.engines.fact import tables
from forgather_lint.engines.vllm.serve_beside import (
    ADAPTERS,
    adapters_loaded,
    of_adapters,
    without_template,
    without_tokenizer,
)
from forgather_lint.engines.vllm.serve_bounds import values_refused
from forgather_lint.engines.vllm.serve_call import read_call, releases_taking
from forgather_lint.engines.vllm.serve_command import OPTIONS_FILE, read_command
from forgather_lint.engines.vllm.serve_conflicts import (
    BACKEND,
    BATCH,
    CONTEXT,
    LENGTH,
    NODES,
    PIPELINE,
    TENSOR,
    conflicts,
    number_of,
    refused_caches,
    size_of,
)
from forgather_lint.engines.vllm.serve_file import FilledCommand, with_file
from forgather_lint.engines.vllm.serve_open import (
    LEFT_OUT,
    Deployed,
    Open,
    is_left_out,
    left_open,
)
from forgather_lint.engines.vllm.serve_options import (
    NEGATED,
    ServeOption,
    left_before,
    options_of,
    releases_with,
)
from forgather_lint.engines.vllm.serve_overrides import overrides_of
from forgather_lint.engines.vllm.server import ServedBy, server_of
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.facts import Judged, NotBuilt, SizesJudged, SizesUndecided
from forgather_lint.facts.cause import Cause
from forgather_lint.facts.causes.adapter import AdapterLayerAbsent, AdapterStrangers
from forgather_lint.facts.causes.config import LengthExceedsPositions
from forgather_lint.facts.causes.placement import CacheNotDivided, DoesNotFit
from forgather_lint.facts.command import (
    CommandJudged,
    CommandRefused,
    RanksExceedDevices,
    RefusedFor,
    RefusedWord,
    RemoteCodeNotTrusted,
    ServeCommand,
)
from forgather_lint.facts.release import Effect
from forgather_lint.facts.sizes import FAILS, SERVES, UNKNOWN, WRONG, named_pairs

MODEL = "--model"
DTYPES = {"half": "float16", "float": "float32"}


@record
class ReadCommand:
    """A command as one release reads it, and the folder of its model if that is here."""

    found: ServingCommand
    command: ServeCommand
    target: VllmTarget
    model: Path | None
    root: Path
    filled: FilledCommand

    @property
    def named(self) -> str:
        """The model as the command names it, else the line of the command."""
        where = self.command.place()
        return (
            _text_of_model(self.command) or f"{Path(where.span.path).name}:{where.span.start.row}"
        )

    @property
    def files(self) -> tuple[str, ...]:
        """The files beside that of the command which hold options of it."""
        return (str(self.filled.file),) if self.filled.file is not None else ()

    def asked(self, settings: Settings) -> Settings | None:
        """`settings` with the options of the command; None when its sizes are not known."""
        return _asked(self, settings)

    def facts(self, settings: Settings, gather: Gather | None) -> Iterator[object]:
        """The facts about the command, and about its model with the command's options."""
        if self.filled.refused is not None:
            yield self.filled.refused
            return
        told = list(self._refusals())
        yield from told
        is_refused = any(not _only_warns(fact) for fact in told)
        if self.model is None:
            if is_left_out(self.command):
                yield _verdict(self, UNKNOWN, None, LEFT_OUT, None, "", OPTIONS_FILE)
            elif gather is None and not is_refused:
                yield _verdict(self, UNKNOWN, None, _why_not_here(self), None, "", MODEL)
        else:
            yield from _judged(self, settings, gather, is_refused=is_refused)

    def left_open(self) -> list[Open]:
        """What in the command leaves its verdict open, where its model is here."""
        if self.model is None:
            return []
        bases, config = _bases(self.found, self.root), _config(self.model) or {}
        return list(left_open(Deployed(self.command, self.target, self.model, config, bases)))

    def _is_built_by_layer(self, config: Mapping[str, object]) -> bool:
        """Whether the engine builds the attention of each layer, and no model of its own does."""
        implementation = _implementation(self.command.text("--model-impl")) or ModelImpl.AUTO
        return server_of(config, self.target, implementation).by is not ServedBy.OWN_MODEL

    def _refusals(self) -> Iterator[object]:
        """What the release refuses of the command before it builds the model."""
        for refused in self.command.refused:
            yield _refused(refused, self.target)
        yield from values_refused(self.command, self.target.vllm)
        config = _config(self.model)
        if not self.found.branches:
            yield from conflicts(self.command, self.target.vllm, config)
            if config is not None and self._is_built_by_layer(config):
                yield from refused_caches(self.command, self.target.vllm, config)
        yield from _devices(self)
        yield from _trusted(self, config)
        yield from of_adapters(self.command, self.target.vllm, _bases(self.found, self.root))
        if self.model is not None:
            yield from without_template(self.command, self.target.vllm, self.model)
            kind = config.get("model_type") if config is not None else None
            yield from without_tokenizer(self.command, self.target, self.model, kind)


def read(found: ServingCommand, target: VllmTarget, root: Path) -> ReadCommand:
    """`found` as `target` reads it. The folder of the model is searched no higher than `root`."""
    filled = FilledCommand(found.arguments)
    if found.call is not None:
        command = read_call(found.call, target.vllm.version)
    else:
        options, bases = options_of(target.vllm.version), _bases(found, root)
        filled = with_file(found, target.vllm, options, bases)
        command = read_command(
            filled.words,
            options,
            environment=found.environment,
            file=found.path,
            positional=found.positional,
        )
    return ReadCommand(found, command, target, _folder(found, command, root), root, filled)


def _only_warns(fact: object) -> bool:
    return isinstance(fact, CommandRefused) and fact.refused.why is RefusedFor.DEPRECATED


def _folder(found: ServingCommand, command: ServeCommand, root: Path) -> Path | None:
    """The folder of the model that the command names; None if it is not on this machine."""
    folders = _folders(found, command, root)
    return next((folder for folder in folders if is_file(folder / CONFIG)), None)


def _folders(found: ServingCommand, command: ServeCommand, root: Path) -> Iterator[Path]:
    """The folders on this machine that the command's name of the model may mean."""
    text = _text_of_model(command)
    if not text:
        return
    path = Path(found.around.on_host(text))
    bases = [Path("/")] if path.is_absolute() else _bases(found, root)
    yield from (base / path for base in bases if is_folder(base / path))


def _text_of_model(command: ServeCommand) -> str | None:
    return command.text(MODEL) if command.model is None else command.model.text


def _why_not_here(read: ReadCommand) -> str:
    """Why of a command its options alone are judged, though its model decides whether it serves."""
    command = read.command
    text = _text_of_model(command)
    if any(_folders(read.found, command, read.root)):
        why = f"its folder has no {CONFIG}"
    elif text:
        is_path = text.startswith(("/", "./", "../", "~"))
        why = "it is no folder here" + ("" if is_path else ", and the hub is not asked")
    elif command.model is None and MODEL not in command.given and command.complete:
        why = "the command names none"
    else:
        why = "its name is not known"
    return f"{why}; the options of the command were judged, the model was not"


def _bases(found: ServingCommand, root: Path) -> tuple[Path, ...]:
    """The folders to which a path in the command may be relative: that of its file, and parents."""
    here = Path(found.path).parent if is_file(found.path) else root
    above = (each for each in here.parents if each.is_relative_to(root))
    return tuple(dict.fromkeys([here, *above, root]))


def _config(folder: Path | None) -> Mapping[str, object] | None:
    if folder is None:
        return None
    try:
        return read_config(folder / CONFIG).values
    except SourceError:
        return None


def _refused(refused: RefusedWord, target: VllmTarget) -> CommandRefused:
    release = str(target.vllm)
    if refused.why is RefusedFor.ARGUMENT:
        existed = _existed(releases_taking(refused.detail, refused.name), target)
        owner = "EngineArgs" if refused.detail == "LLM" else refused.detail
        fact = target.vllm.command.argument_unexpected.value
        text = fact.shown(**{"class": owner, "name": refused.name})
        return CommandRefused(refused, release, existed, text=text)
    if refused.why is not RefusedFor.OPTION:
        return CommandRefused(refused, release)
    name = refused.name
    plain = "--" + name.removeprefix(NEGATED) if name.startswith(NEGATED) else name
    existed = _existed(releases_with(plain), target)
    if not existed and (last := left_before(plain)) is not None:
        existed = f"until {last}"
    instead = tables("serve_instead").get(plain, {}).get("use", "")
    near = "" if existed else _near(name, options_of(target.vllm.version))
    return CommandRefused(refused, release, existed, str(instead), near)


def _existed(having: Sequence[Version], target: VllmTarget) -> str:
    """Words for since or until when something exists that the releases `having` have."""
    if not having:
        return ""
    newer = having[0] > target.vllm.version
    return f"since {having[0]}" if newer else f"until {having[-1]}"


def _near(name: str, options: Mapping[str, ServeOption]) -> str:
    found = nearest(name, [each for each in options if each.startswith("--")])
    return found.partition("'")[2].rpartition("'")[0]


VISIBLE = "CUDA_VISIBLE_DEVICES"


def _devices(read: ReadCommand) -> Iterator[RanksExceedDevices]:
    """More ranks than devices that the container gets, or that a variable leaves visible."""
    command, around = read.command, read.found.around
    outcome = read.target.vllm.command.too_few_devices.value
    ranks, stages = size_of(command, TENSOR), size_of(command, PIPELINE)
    visible = _visible(command.environment.get(VISIBLE))
    by_variable = visible is not None and (around.devices is None or visible < around.devices)
    devices = visible if by_variable else around.devices
    if devices is None or ranks is None or stages is None:
        return
    if BACKEND in command.given or NODES in command.given or not command.complete:
        return
    whole = ranks * stages
    if whole > max(devices, 1) and outcome.effect is Effect.ERROR:
        yield RanksExceedDevices(
            command.place(TENSOR, PIPELINE),
            whole,
            devices,
            None if by_variable else around.devices_at,
            str(read.target.vllm),
            outcome.shown(ranks=whole, devices=devices),
            VISIBLE if by_variable else "",
        )


def _visible(value: str | None) -> int | None:
    """How many devices the variable leaves; None where it is not set or not known.

    Those behind a negative number are not visible (CUDA C++ Programming Guide).
    """
    if value is None or not value.strip():
        return None
    named = [each.strip() for each in value.split(",")]
    return next((at for at, each in enumerate(named) if each.startswith("-")), len(named))


def _trusted(
    read: ReadCommand, config: Mapping[str, object] | None
) -> Iterator[RemoteCodeNotTrusted]:
    """A model whose config class is code in its folder, which nothing allows to run."""
    command = read.command
    if config is None or read.model is None or not command.complete:
        return
    if command.may_be_on("--trust-remote-code"):
        return
    entries = config.get("auto_map")
    kind = config.get("model_type")
    ours = isinstance(entries, dict) and "AutoConfig" in entries
    if ours and isinstance(kind, str) and not _is_known(kind, read.target):
        outcome = read.target.vllm.command.code_not_trusted.value
        named = command.model.text if command.model else command.text("--model")
        text = outcome.shown(model=named or "...")
        in_call = read.found.call is not None
        yield RemoteCodeNotTrusted(command.place(), str(read.target.vllm), text, in_call)


def _is_known(kind: str, target: VllmTarget) -> bool:
    from forgather_lint.engines.names import knows

    return knows("transformers_models", kind, target.transformers.version) or knows(
        "vllm_configs", kind, target.vllm.version
    )


def _asked(read: ReadCommand, settings: Settings) -> Settings | None:
    command = read.command
    ranks, stages = size_of(command, TENSOR), size_of(command, PIPELINE)
    if not ranks or not stages or ranks < 1 or stages < 1:
        return None
    dtype = command.text("--dtype")
    length = number_of(command, LENGTH)
    if "VLLM_ALLOW_LONG_MAX_MODEL_LEN" in command.environment:
        length = None
    implementation = command.text("--model-impl")
    device, overrides = _device(command), overrides_of(command)
    return replace(
        settings,
        device=device,
        hf_overrides=json.dumps(overrides) if overrides else "",
        adapters=adapters_loaded(command, _bases(read.found, read.root)),
        gpu_memory=settings.gpu_memory if device is not None else None,
        target=(str(read.target.vllm), str(read.target.transformers)),
        tensor_parallel_size=(ranks,),
        pipeline_parallel_size=(stages,),
        dtype=DTYPES.get(dtype, dtype) if dtype and dtype != "auto" else settings.dtype,
        max_model_len=length if length is not None and length > 0 else None,
        model_impl=_implementation(implementation) or settings.model_impl,
    )


_OTHER_MEMORY = ("--cpu-offload-gb", "--kv-offloading-size", "--disable-sliding-window")
"""Options that make room for the cache which is not computed here."""


def _device(command: ServeCommand) -> Device | None:
    """What the command says about memory; None where more may fit than can be computed."""
    length, context = number_of(command, LENGTH), size_of(command, CONTEXT)
    fitted = LENGTH in command.given and (length is None or length < 1)
    if fitted or context is None or any(name in command.given for name in _OTHER_MEMORY):
        return None
    share = command.text("--gpu-memory-utilization")
    return Device(
        utilization=_part(share) if share else None,
        cache_dtype=command.text("--kv-cache-dtype") or "auto",
        batched_tokens=number_of(command, BATCH),
        cache_bytes=number_of(command, "--kv-cache-memory-bytes"),
        blocks=number_of(command, "--num-gpu-blocks-override"),
        block_size=number_of(command, "--block-size"),
        context_ranks=context,
    )


def _part(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _implementation(text: str | None) -> ModelImpl | None:
    """The engine's own code is asked for by the name of the engine."""
    own = {"vllm": ModelImpl.OWN}
    return own.get(text or "") or next((each for each in ModelImpl if each.value == text), None)


def _judged(
    read: ReadCommand, settings: Settings, gather: Gather | None, *, is_refused: bool
) -> Iterator[CommandJudged]:
    """The verdict on the model at the sizes of the command, where it does not serve.

    `is_refused`: the engine does not come so far, so that nothing is told of what is undecided.
    Without `gather` the model is judged elsewhere, and only what the command leaves open is told.
    """
    asked = read.asked(settings)
    model = read.model
    if asked is None or model is None:
        yield _verdict(read, UNKNOWN, None, "the sizes of the command are not known", None, "")
        return
    left = read.left_open()
    altered = next((each for each in left if each.alters), None)
    if altered is not None:
        if not is_refused:
            yield _verdict(read, UNKNOWN, None, altered.reason, None, "", altered.option)
        return
    if gather is None:
        if left and not is_refused:
            yield _verdict(read, UNKNOWN, None, left[0].reason, None, "", left[0].option)
        return
    facts, _ = gather(Candidate(model), asked)
    pairs = ((asked.tensor_parallel_size[0], asked.pipeline_parallel_size[0]),)
    sizes = named_pairs(pairs)
    broken = next((fact for fact in facts if isinstance(fact, Judged)), None)
    verdicts = [size for fact in facts if isinstance(fact, SizesJudged) for size in fact.sizes]
    if broken is not None:
        yield _verdict(read, broken.verdict, broken.cause, broken.reason, broken.where, sizes)
        return
    bad = next((size for size in verdicts if size.verdict in (FAILS, WRONG)), None)
    if bad is not None:
        yield _verdict(read, bad.verdict, None, bad.reason, None, sizes)
        return
    unsure = next((fact for fact in facts if isinstance(fact, SizesUndecided)), None)
    if unsure is not None:
        yield _verdict(read, UNKNOWN, None, unsure.reason, unsure.where, sizes)
    elif any(isinstance(fact, NotBuilt) for fact in facts) and not any(
        size.verdict == SERVES for size in verdicts
    ):
        yield _verdict(read, UNKNOWN, None, "its model could not be built", None, sizes)
    elif left and not is_refused:
        yield _verdict(read, UNKNOWN, None, left[0].reason, None, sizes, left[0].option)


def _verdict(
    read: ReadCommand,
    verdict: str,
    cause: Cause | None,
    reason: str,
    origin: Place | None,
    sizes: str,
    option: str | None = None,
) -> CommandJudged:
    command = read.command
    where = command.place(TENSOR) if size_of(command, TENSOR) != 1 else command.place(PIPELINE)
    if isinstance(cause, DoesNotFit | LengthExceedsPositions):
        where = command.place(LENGTH)
    if isinstance(cause, AdapterStrangers | AdapterLayerAbsent):
        where = command.place(ADAPTERS)
    if isinstance(cause, CacheNotDivided):
        where = command.place(CONTEXT)
    if option is not None:
        where = command.place(option)
    return CommandJudged(
        where, verdict, cause, reason, origin, _named(command), sizes, str(read.target.vllm)
    )


def _named(command: ServeCommand) -> str:
    """The model as written in the command."""
    return _text_of_model(command) or "the model"
