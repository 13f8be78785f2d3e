"""Runs a model in transformers, on one rank: the reference for the answers of an engine.

With `draw`, every parameter is first drawn from a seeded normal distribution and saved beside the
model's files in `folder`, so that no answer is right by accident: fresh models have norms of one,
biases of zero and an output close to their input.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

if TYPE_CHECKING:
    from forgather_lint.probes.children.reporting import Reporter
else:
    from reporting import Reporter  # beside this script, wherever it runs

_SEED = 20_011
_LENGTHS = (5, 11, 8)
_TOP = 3
_causal: Any = AutoModelForCausalLM  # untyped in transformers


def build(folder: str, draw: bool, dtype: torch.dtype) -> Any:
    """The causal language model of `folder`, in evaluation mode."""
    if not draw:
        return _causal.from_pretrained(folder, trust_remote_code=True, dtype=dtype).eval()
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    model = _causal.from_config(config, trust_remote_code=True).to(dtype).eval()
    draw_parameters(model)
    _save_weights(model, Path(folder))
    return model


def _save_weights(model: Any, folder: Path) -> None:
    """Save the weights alone: all else in the folder stays as its author wrote it.

    `save_pretrained` writes config.json and generation_config.json as this release would.
    """
    with tempfile.TemporaryDirectory(dir=folder) as name:
        model.save_pretrained(name, safe_serialization=True)
        for each in Path(name).glob("*.safetensors*"):
            each.replace(folder / each.name)


@torch.no_grad()
def draw_parameters(model: torch.nn.Module) -> None:
    """Draw matrices that keep the variance, and vectors close to their present values."""
    generator = torch.Generator().manual_seed(_SEED)
    tables = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    for parameter in model.parameters():
        if not parameter.is_floating_point():
            continue
        noise = torch.randn(parameter.shape, generator=generator).to(parameter.dtype)
        if parameter.dim() < 2:
            parameter.add_(0.1 * noise)
        else:
            parameter.copy_(noise * (1 if id(parameter) in tables else parameter.shape[-1] ** -0.5))


def prompts(vocabulary: int) -> list[list[int]]:
    """Token ids that differ within and between prompts.

    The first few ids are avoided as special.
    """
    usable = max(1, vocabulary - 8)
    return [
        [min(vocabulary - 1, 4 + (7 * place + 13 * row + 5) % usable) for place in range(length)]
        for row, length in enumerate(_LENGTHS)
    ]


@torch.no_grad()
def answer(model: Any, prompt: list[int], new_tokens: int) -> dict[str, object]:
    """The greedy continuation of `prompt`, with the log-probabilities of prompt and choices."""
    ids = list(prompt)
    for _ in range(new_tokens):
        ids.append(int(log_probabilities(model, ids)[-1].argmax()))
    logits = log_probabilities(model, ids)
    chosen = range(len(prompt) - 1, len(ids) - 1)
    return {
        "prompt": prompt,
        "tokens": ids[len(prompt) :],
        "prompt_logprobs": [float(logits[i, ids[i + 1]]) for i in range(len(prompt) - 1)],
        "logprobs": [_likeliest(logits[i]) for i in chosen],
    }


def _likeliest(row: torch.Tensor) -> dict[int, float]:
    top = row.topk(min(_TOP, row.numel()))
    return dict(zip(top.indices.tolist(), top.values.tolist(), strict=True))


def log_probabilities(model: Any, ids: list[int]) -> torch.Tensor:
    """`[tokens, vocabulary]`; the model may return an output object, a tuple or bare logits."""
    output = model(input_ids=torch.tensor([ids]), use_cache=False)
    if not isinstance(output, torch.Tensor):
        output = output.logits if hasattr(output, "logits") else output[0]
    return torch.log_softmax(output[0].float(), dim=-1)


def main() -> None:
    """Build the model, then answer every prompt."""
    reporter = Reporter()
    values = reporter.values
    reporter.phase("reference")
    model = build(values["folder"], values["draw"], getattr(torch, values["dtype"]))
    vocabulary = model.config.get_text_config().vocab_size
    found = [answer(model, prompt, values["new_tokens"]) for prompt in prompts(vocabulary)]
    Path(values["answers"]).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main()
