"""The model around the layers: embeddings, positions, the base class and the head."""

from __future__ import annotations

from tools.modelsmith.blocks import loop
from tools.modelsmith.design import Design, chosen
from tools.modelsmith.names import fields_of, names_of
from tools.modelsmith.norms import norm_of
from tools.modelsmith.text import Lines, class_of, lines, method

_ROTARY = ("half", "half_buffer", "interleaved", "partial")


def rotary(design: Design, prefix: str) -> str:
    """The module for cosines and sines, and the function that rotates; empty where unused."""
    style = chosen(design, "positions")
    if style not in _ROTARY:
        return ""
    fields = fields_of(design)
    wide = f'getattr(config, "head_dim", None) or config.{fields.width} // config.{fields.heads}'
    half = " // 2" if style == "partial" else ""
    start = [
        "super().__init__()",
        f"size = ({wide}){half}",
        "steps = torch.arange(0, size, 2, dtype=torch.int64).float()",
    ]
    kept = (
        [
            "inverse = 1.0 / config.rope_theta ** (steps / size)",
            'self.register_buffer("inv_freq", inverse, persistent=False)',
        ]
        if style == "half_buffer"
        else ["self.size, self.theta = size, config.rope_theta"]
    )
    inverse = (
        ["inv_freq = self.inv_freq"]
        if style == "half_buffer"
        else [
            "steps = torch.arange(0, self.size, 2, dtype=torch.float32, device=x.device)",
            "inv_freq = 1.0 / self.theta ** (steps / self.size)",
        ]
    )
    doubled = (
        "freqs.repeat_interleave(2, dim=-1)"
        if style == "interleaved"
        else "torch.cat((freqs, freqs), dim=-1)"
    )
    module = class_of(
        f"class {prefix}Rotary(nn.Module):",
        method("def __init__(self, config):", start, kept),
        method(
            "def forward(self, x, position_ids):",
            inverse,
            [
                "freqs = position_ids[..., None].float() * inv_freq",
                f"turns = {doubled}",
                "return turns.cos().to(x.dtype).unsqueeze(1), turns.sin().to(x.dtype).unsqueeze(1)",
            ],
        ),
    )
    return f"{_PAIRS if style == 'interleaved' else _HALVES}\n\n{module}"


_HALVES = """def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin
"""
_PAIRS = """def rotate(x, cos, sin):
    first, second = x[..., ::2], x[..., 1::2]
    return x * cos + torch.stack((-second, first), dim=-1).flatten(-2) * sin
"""


def base_class(design: Design, prefix: str) -> str:
    """The class from which both models inherit."""
    return f"""class {prefix}PreTrainedModel(PreTrainedModel):
    config_class = {prefix}Config
    base_model_prefix = "model"
    _no_split_modules = ["{prefix}Layer"]
    _supports_sdpa = True
    _supports_attention_backend = True
"""


def model_class(design: Design, prefix: str) -> str:
    """The base model."""
    names, fields = names_of(design), fields_of(design)
    width = f"config.{fields.width}"
    padding = ", config.pad_token_id" if chosen(design, "embedding").startswith("padded") else ""
    start = [
        "super().__init__(config)",
        f"self.{names.embed} = nn.Embedding(config.vocab_size, {width}{padding})",
        *_layers(design, prefix),
        f"self.{names.final_norm} = {norm_of(design, prefix, width, f'config.{fields.eps}')}",
        *_made(design, prefix, width),
        "self.post_init()",
    ]
    return class_of(
        f"class {prefix}Model({prefix}PreTrainedModel):",
        method("def __init__(self, config):", start),
        method("def get_input_embeddings(self):", [f"return self.{names.embed}"]),
        method("def set_input_embeddings(self, value):", [f"self.{names.embed} = value"]),
        method(
            "def forward(self, input_ids=None, attention_mask=None, position_ids=None, "
            "past_key_values=None, inputs_embeds=None, use_cache=None, return_dict=None, "
            "**kwargs):",
            [
                "if inputs_embeds is None:",
                f"    inputs_embeds = self.{names.embed}(input_ids)",
                "if position_ids is None:",
                "    positions = torch.arange(inputs_embeds.shape[1], device=inputs_embeds.device)",
                "    position_ids = positions.unsqueeze(0)",
            ],
            _embedded(design, fields.width),
            loop(design),
            [
                f"hidden_states = self.{names.final_norm}(hidden_states)",
                "return BaseModelOutputWithPast(last_hidden_state=hidden_states)",
            ],
        ),
    )


def _layers(design: Design, prefix: str) -> Lines:
    names, fields = names_of(design), fields_of(design)
    count = f"range(config.{fields.layers})"
    if chosen(design, "construction") == "arguments":
        return [
            f"self.{names.layers} = nn.ModuleList()",
            f"for layer_idx in {count}:",
            f"    self.{names.layers}.append({prefix}Layer(config, layer_idx=layer_idx))",
        ]
    return [f"self.{names.layers} = nn.ModuleList([{prefix}Layer(config, i) for i in {count}])"]


def _made(design: Design, prefix: str, width: str) -> Lines:
    style, length = chosen(design, "positions"), f"config.{fields_of(design).length}"
    found = {
        "learned": [f"self.positions = nn.Embedding({length}, {width})"],
        "sinusoidal": [
            f'self.register_buffer("table", sinusoids({length}, {width}), persistent=False)'
        ],
    }.get(style, [f"self.rotary_emb = {prefix}Rotary(config)"] if style in _ROTARY else [])
    if chosen(design, "embedding") == "normed":
        norm = norm_of(design, prefix, width, f"config.{fields_of(design).eps}")
        found = [*found, f"self.embedding_norm = {norm}"]
    return found


def _embedded(design: Design, width: str) -> Lines:
    style = chosen(design, "positions")
    value = {
        "scaled": f"inputs_embeds * self.config.{width}**0.5",
        "normed": "self.embedding_norm(inputs_embeds)",
    }.get(chosen(design, "embedding"), "inputs_embeds")
    found = [f"hidden_states = {value}", "position_embeddings = None"]
    if style in _ROTARY:
        found[1] = "position_embeddings = self.rotary_emb(hidden_states, position_ids)"
    elif style == "learned":
        found.append("hidden_states = hidden_states + self.positions(position_ids)")
    elif style == "sinusoidal":
        found.append("hidden_states = hidden_states + self.table[position_ids]")
    elif style == "alibi":
        found += lines(f"""
            slopes = 2.0 ** -torch.arange(1, self.config.{fields_of(design).heads} + 1).float()
            distance = position_ids[:, None, :] - position_ids[:, :, None]
            bias = slopes[:, None, None] * distance[:, None].float()
            attention_mask = bias.masked_fill(distance[:, None] > 0, float("-inf"))
            """)
    return found


SINUSOIDS = """def sinusoids(length, width):
    angles = torch.arange(length)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
    return torch.cat((angles.sin(), angles.cos()), dim=-1)
"""


def head_class(design: Design, prefix: str) -> str:
    """The causal language model."""
    fields, names, sharing = fields_of(design), names_of(design), chosen(design, "sharing")
    ties = {
        "tied": f'    _tied_weights_keys = {{"lm_head.weight": "model.{names.embed}.weight"}}\n',
        "tied_list": '    _tied_weights_keys = ["lm_head.weight"]\n',
    }.get(sharing, "")
    logits = {
        "scaled": ["logits = self.lm_head(hidden_states) * self.config.logit_scale"],
        "capped": ["logits = 30.0 * torch.tanh(self.lm_head(hidden_states) / 30.0)"],
        "sliced": lines("""
            kept = slice(-logits_to_keep, None) if logits_to_keep else slice(None)
            logits = self.lm_head(hidden_states[:, kept, :])
            """),
    }.get(chosen(design, "head"), ["logits = self.lm_head(hidden_states)"])
    return class_of(
        f"class {prefix}ForCausalLM({prefix}PreTrainedModel, GenerationMixin):\n{ties}",
        method(
            "def __init__(self, config):",
            [
                "super().__init__(config)",
                f"self.model = {prefix}Model(config)",
                f"self.lm_head = nn.Linear(config.{fields.width}, config.vocab_size, bias=False)",
                "self.post_init()",
            ],
        ),
        method("def get_output_embeddings(self):", ["return self.lm_head"]),
        method("def set_output_embeddings(self, value):", ["self.lm_head = value"]),
        method(
            ("@can_return_tuple\n    " if chosen(design, "decorators") == "returns_tuple" else "")
            + "def forward(self, input_ids=None, logits_to_keep=0, labels=None, **kwargs):",
            ["hidden_states = self.model(input_ids, **kwargs).last_hidden_state"],
            logits,
            ["return CausalLMOutputWithPast(logits=logits)"],
        ),
    )
