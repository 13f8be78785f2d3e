"""The fixture hf_llama with statements of a stranger at the places where models keep state."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forgather_lint.engines.matrix import cell
from forgather_lint.execution.outcome import Outcome
from tests.fixture_models import copy_model
from tests.verdicts import V032, Static

_CLASS = "\n\nclass HfLlamaDecoderLayer"
_BUILT = "        self.self_attn = HfLlamaAttention(config=config, layer_idx=layer_idx)\n"
_FORWARD = "    def forward(self, hidden_states: torch.Tensor, **kwargs):\n"
_RESULT = "        return residual + hidden_states\n\n\nclass HfLlamaPreTrained"
_MODEL = "        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)\n"
_BEGIN = "        hidden_states = inputs_embeds\n"
_CALL = "            hidden_states = decoder_layer(\n                hidden_states,\n"
_END = "        hidden_states = self.norm(hidden_states)\n"


@dataclass(frozen=True, slots=True)
class Way:
    """Statements, by where they stand.

    `top` before the class of the layers, `built` in their constructor and `of_model` in the
    model's, `made` before the loop over the layers, `layer` at the start of a layer's forward,
    `then` behind the call of a layer, `after` behind the loop. `passed` is the name of a value that
    is passed to each layer, `result` what a layer returns.
    """

    top: str = ""
    built: str = ""
    of_model: str = ""
    made: str = ""
    passed: str = ""
    layer: str = ""
    result: str = "residual + hidden_states"
    then: str = ""
    after: str = ""


def outcome_of(model: Path, stages: int = 1, dtype: str = "float32") -> Outcome:
    """The outcome of serving `model` in `dtype` by vLLM 0.32 on one rank of each stage."""
    return cell(Static(model, V032, dtype).examined, 1, stages).outcome


def write_llama(way: Way, folder: Path, instead: Sequence[tuple[str, str]] = ()) -> Path:
    """A copy of the model in `folder` that is changed in that way.

    `instead` replaces text of the model by other text, wherever it stands.
    """
    model = copy_model("hf_llama", folder)
    passed = f"                {way.passed}={way.passed},\n" if way.passed else ""
    argument = f", {way.passed}=None" if way.passed else ""
    changes = {
        _CLASS: f"\n\n{way.top}\n{_CLASS}",
        _BUILT: _BUILT + _indented(way.built, 8),
        _FORWARD: _FORWARD.replace(", **kwargs", f"{argument}, **kwargs") + _indented(way.layer, 8),
        _RESULT: _RESULT.replace("residual + hidden_states", way.result),
        _MODEL: _MODEL + _indented(way.of_model, 8),
        _BEGIN: _BEGIN + _indented(way.made, 8),
        _CALL: _CALL + passed,
        _END: _indented(way.then, 12) + _indented(way.after, 8) + _END,
    }
    file = model / "modeling_hf_llama.py"
    text = file.read_text("utf-8")
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    for old, new in instead:
        assert old in text, old
        text = text.replace(old, new)
    file.write_text(text, "utf-8")
    return model


def _indented(statements: str, spaces: int) -> str:
    text = statements.strip()
    return textwrap.indent(text, " " * spaces) + "\n" if text else ""
