"""Options that `vllm serve` accepts one by one but refuses together, or with this model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import prod

from forgather_lint.core.settings import nearest
from forgather_lint.engines.fact import Fact
from forgather_lint.engines.names import names_in
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.engines.vllm.serve_command import count_of
from forgather_lint.engines.vllm.serve_quantization import (
    CACHE_TYPE,
    QUANTIZATION,
    clash,
    refused_cache,
)
from forgather_lint.facts.command import OptionsConflict, ServeCommand
from forgather_lint.facts.release import Effect, Reaction

TENSOR, PIPELINE = "--tensor-parallel-size", "--pipeline-parallel-size"
CONTEXT = "--decode-context-parallel-size"
DATA, DATA_LOCAL = "--data-parallel-size", "--data-parallel-size-local"
BACKEND, NODES, NODE = "--distributed-executor-backend", "--nnodes", "--node-rank"
PROMPT_RANKS = "--prefill-context-parallel-size"
BATCH, SEQUENCES, LENGTH = "--max-num-batched-tokens", "--max-num-seqs", "--max-model-len"
CHUNKED, EXPERTS = "--enable-chunked-prefill", "--enable-expert-parallel"
BALANCE, BALANCING = "--enable-eplb", "--eplb-config"
TOOLS, PARSER = "--enable-auto-tool-choice", "--tool-call-parser"
PARSER_PLUGIN, REASONING = "--tool-parser-plugin", "--reasoning-parser"
LORA, LORAS, CPU_LORAS = "--enable-lora", "--max-loras", "--max-cpu-loras"


def size_of(command: ServeCommand, name: str) -> int | None:
    """The number that the option `name` has; 1 where it is not given, None where not known."""
    given = command.given.get(name)
    if given is None:
        return 1 if command.complete else None
    return number_of(command, name)


def number_of(command: ServeCommand, name: str) -> int | None:
    """The number that the option `name` has; None where it is not given or not known."""
    text = command.text(name)
    return None if text is None else count_of(text)


def may_have_experts(config: Mapping[str, object], release: VllmProfile) -> bool:
    """Whether the model of a config.json may be a mixture of experts."""
    if any(name.endswith("_config") and name != "quantization_config" for name in config):
        return True  # a model of parts may hold its experts in one of them
    if any(config.get(name) for name in release.config.expert_fields.value):
        return True
    return any("expert" in name for name in config)  # a config class may map other names


def conflicts(
    command: ServeCommand, release: VllmProfile, config: Mapping[str, object] | None
) -> Iterator[OptionsConflict]:
    """What the release refuses; `config` is the model's config.json, if it is on this machine."""
    asks = _Asked(command, release)
    yield from asks.for_tools()
    yield from asks.for_parsers()
    yield from asks.for_batches()
    yield from asks.for_ranks()
    yield from asks.for_balance()
    yield from asks.for_nodes()
    yield from asks.for_adapters()
    if config is not None:
        yield from asks.for_experts(config)
        yield from asks.for_quantization(config)


def refused_caches(
    command: ServeCommand, release: VllmProfile, config: Mapping[str, object]
) -> Iterator[OptionsConflict]:
    """What the release refuses where it gives each attention the method of the weights."""
    yield from _Asked(command, release).for_cache(config)


def _redundant(text: str | None) -> int | None:
    """The number of redundant experts in an EPLBConfig; None where it is not known."""
    try:
        said = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    found = said.get("num_redundant_experts") if isinstance(said, dict) else None
    return found if type(found) is int and found > 0 else None


class _Asked:
    def __init__(self, command: ServeCommand, release: VllmProfile) -> None:
        self.command, self.release = command, release

    def for_tools(self) -> Iterator[OptionsConflict]:
        """Switches that require another option."""
        facts = self.release.command
        pairs = (
            (TOOLS, PARSER, facts.tool_parser_missing),
            ("--enable-log-outputs", "--enable-log-requests", facts.log_requests_missing),
        )
        for switch, needed, fact in pairs:
            lacks = needed not in self.command.given and self.command.complete
            off = needed in self.command.given and self.command.given[needed].on is False
            if self.command.is_on(switch) and (lacks or off):
                yield from self._told(fact, f"`{switch}` needs `{needed}`", switch, {})

    def for_parsers(self) -> Iterator[OptionsConflict]:
        """Names of parsers that the release has not, and that no plugin may add."""
        facts, command = self.release.command, self.command
        parsers = (
            (PARSER, PARSER_PLUGIN, "tool", facts.tool_parser_unknown, command.is_on(TOOLS)),
            (
                REASONING,
                f"{REASONING}-plugin",
                "reasoning",
                facts.reasoning_parser_unknown,
                not command.may_be_on("--skip-tokenizer-init"),
            ),
        )
        for option, plugin, kind, fact, is_asked in parsers:
            parser = command.text(option)
            if not parser or not is_asked or plugin in command.given or not command.complete:
                continue
            known = tuple(names_in(f"vllm_{kind}_parsers", self.release.version))
            if known and parser not in known:
                message = f"there is no {kind} parser `{parser}`{nearest(parser, known)}"
                yield from self._told(fact, message, option, {"parser": parser})

    def for_batches(self) -> Iterator[OptionsConflict]:
        """The tokens of a batch, compared with the prompt length and the number of sequences."""
        facts = self.release.command
        tokens = number_of(self.command, BATCH)
        length, sequences = (number_of(self.command, name) for name in (LENGTH, SEQUENCES))
        if tokens is None:
            return
        chunked = self.command.given.get(CHUNKED)
        if length is not None and tokens < length and chunked is not None and chunked.on is False:
            message = f"`{BATCH} {tokens}` holds no prompt of `{LENGTH} {length}`"
            parts = {"tokens": tokens, "length": length}
            yield from self._told(facts.batch_below_length, message, BATCH, parts)
        if sequences is not None and tokens < sequences:
            message = f"`{BATCH} {tokens}` is below `{SEQUENCES} {sequences}`"
            parts = {"tokens": tokens, "sequences": sequences}
            yield from self._told(facts.batch_below_sequences, message, BATCH, parts)

    def for_ranks(self) -> Iterator[OptionsConflict]:
        """Sizes that do not go together."""
        facts = self.release.command
        size, context = (size_of(self.command, name) for name in (TENSOR, CONTEXT))
        if size and context and CONTEXT in self.command.given and size % context:
            message = f"`{CONTEXT} {context}` does not divide `{TENSOR} {size}`"
            parts = {"size": size, "context": context}
            yield from self._told(facts.context_ranks_uneven, message, CONTEXT, parts)
        whole, local = size_of(self.command, DATA), number_of(self.command, DATA_LOCAL)
        if whole is not None and local is not None and local > whole:
            message = f"`{DATA_LOCAL} {local}` is above `{DATA} {whole}`"
            parts = {"size": whole, "local": local}
            yield from self._told(facts.data_ranks_local, message, DATA_LOCAL, parts)

    def for_balance(self) -> Iterator[OptionsConflict]:
        """Experts that are moved between ranks, which there have to be.

        A device that cannot move them is refused before, in other words.
        """
        facts, command = self.release.command, self.command
        names = {"tensor": TENSOR, "prompt": PROMPT_RANKS, "data": DATA}
        sizes = {name: size_of(command, option) for name, option in names.items()}
        if command.is_on(BALANCE) and command.complete:
            if not command.may_be_on(EXPERTS):
                message = f"`{BALANCE}` needs `{EXPERTS}`"
                yield from self._told(facts.balance_without_experts, message, BALANCE, {})
            elif all(size == 1 for size in sizes.values()):
                message = f"`{BALANCE}` on one rank"
                yield from self._told(facts.balance_of_one, message, BALANCE, sizes)
        elif command.complete and not command.may_be_on(BALANCE):
            experts = _redundant(command.text(BALANCING))
            if experts:
                message, parts = f"`{BALANCING}` needs `{BALANCE}`", {"experts": experts}
                yield from self._told(facts.redundant_without_balance, message, BALANCING, parts)

    def for_nodes(self) -> Iterator[OptionsConflict]:
        """Nodes that do not get as many ranks each, and the number of a node that there is not."""
        facts = self.release.command
        nodes = number_of(self.command, NODES)
        if nodes is None or nodes < 2:
            return
        if self.command.text(BACKEND) == "ray":
            message = f"`{NODES} {nodes}` is not for `{BACKEND} ray`"
            yield from self._told(facts.nodes_of_ray, message, NODES, {})
        sizes = [size_of(self.command, name) for name in (TENSOR, PIPELINE, DATA, PROMPT_RANKS)]
        known = [size for size in sizes if size is not None and size > 0]
        ranks = prod(known)
        if len(known) == len(sizes) and ranks % nodes:
            message = f"`{NODES} {nodes}` does not divide {ranks} ranks"
            parts = {"ranks": ranks, "nodes": nodes}
            yield from self._told(facts.nodes_uneven, message, NODES, parts)
        rank = number_of(self.command, NODE)
        if rank is not None and rank >= nodes:
            message = f"`{NODE} {rank}` of `{NODES} {nodes}`, which are counted from 0"
            parts = {"rank": rank, "nodes": nodes, "last": nodes - 1}
            yield from self._told(facts.node_unknown, message, NODE, parts)

    def for_adapters(self) -> Iterator[OptionsConflict]:
        """Fewer adapters in the memory of the host than on the devices."""
        loras, held = (number_of(self.command, name) for name in (LORAS, CPU_LORAS))
        if not self.command.is_on(LORA) or loras is None or not held or not 0 < held < loras:
            return
        message = f"`{CPU_LORAS} {held}` is below `{LORAS} {loras}`"
        parts = {"held": held, "loras": loras}
        yield from self._told(self.release.command.adapters_held, message, CPU_LORAS, parts)

    def for_experts(self, config: Mapping[str, object]) -> Iterator[OptionsConflict]:
        """Expert parallelism for a model without experts."""
        if not self.command.is_on(EXPERTS) or "--hf-overrides" in self.command.given:
            return
        if may_have_experts(config, self.release):
            return
        message = f"`{EXPERTS}` on a model whose config.json names no experts"
        yield from self._told(self.release.command.no_experts, message, EXPERTS, {})

    def for_quantization(self, config: Mapping[str, object]) -> Iterator[OptionsConflict]:
        """A quantization method that is not that of the weights."""
        if "--hf-overrides" in self.command.given:
            return
        for found in clash(self.command, self.release, config):
            yield from self._told(found.fact, found.message, QUANTIZATION, found.parts)

    def for_cache(self, config: Mapping[str, object]) -> Iterator[OptionsConflict]:
        """A cache of a type that the weights do not go with."""
        if "--hf-overrides" in self.command.given:
            return
        for found in refused_cache(self.command, self.release, config):
            yield from self._told(found.fact, found.message, CACHE_TYPE, found.parts)

    def _told(
        self, fact: Fact[Reaction], message: str, name: str, parts: Mapping[str, object]
    ) -> Iterator[OptionsConflict]:
        outcome = fact.value
        if outcome.effect is Effect.ERROR:
            yield OptionsConflict(
                where=self.command.place(name),
                message=message,
                text=outcome.shown(**parts),
                release=str(self.release),
            )
