"""The model around the layers: embeddings, positions, the base class and the head."""

from __future__ import annotations

from tools.modelsmith import positions
from tools.modelsmith.blocks import collects, loop
from tools.modelsmith.design import Design, chosen
from tools.modelsmith.names import fields_of, names_of
from tools.modelsmith.norms import norm_of
from tools.modelsmith.text import Lines, class_of, lines, method


def base_class(design: Design, prefix: str) -> str:
    """The class from which both models inherit."""
    return f"""class {prefix}PreTrainedModel(PreTrainedModel):
    config_class = {prefix}Config
    base_model_prefix = "model"
    _no_split_modules = ["{prefix}Layer"]
    _supports_sdpa = True
    _supports_attention_backend = True
{_initialization(design)}"""


def _initialization(design: Design) -> str:
    """The method that draws weights before a training."""
    output = names_of(design).output
    return {
        "usual": _USUAL,
        "named": f"""{_USUAL}        for name, parameter in module.named_parameters():
            if name.endswith("{output}.weight"):
                parameter.data.normal_(mean=0.0, std=0.01)
""",
    }.get(chosen(design, "initialization"), "")


_USUAL = """
    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            module.weight.data.normal_(mean=0.0, std=0.02)
            if module.bias is not None:
                module.bias.data.zero_()
        elif isinstance(module, nn.Embedding):
            module.weight.data.normal_(mean=0.0, std=0.02)
            if module.padding_idx is not None:
                module.weight.data[module.padding_idx].zero_()
"""


def model_class(design: Design, prefix: str) -> str:
    """The base model."""
    names, fields = names_of(design), fields_of(design)
    width = f"config.{fields.width}"
    start = [
        "super().__init__(config)",
        *_whole(design, prefix, width),
        *positions.made(design, prefix, width),
        *_embedding_made(design, prefix, width),
        *(["self.gradient_checkpointing = False"] if _branches(design) else []),
        "self.post_init()",
    ]
    embedding = f"self.{names.embed}{'.words' if chosen(design, 'embedding') == 'wrapped' else ''}"
    return class_of(
        f"class {prefix}Model({prefix}PreTrainedModel):",
        method("def __init__(self, config):", start),
        method("def get_input_embeddings(self):", [f"return {embedding}"]),
        method("def set_input_embeddings(self, value):", [f"{embedding} = value"]),
        method(
            "def forward(self, input_ids=None, attention_mask=None, position_ids=None, "
            "past_key_values=None, inputs_embeds=None, use_cache=None, return_dict=None, "
            f"{'output_hidden_states=None, ' if collects(design) else ''}**kwargs):",
            [
                "if inputs_embeds is None:",
                f"    inputs_embeds = self.{names.embed}(input_ids)",
                "if position_ids is None:",
                "    positions = torch.arange(inputs_embeds.shape[1], device=inputs_embeds.device)",
                "    position_ids = positions.unsqueeze(0)",
            ],
            _cache_made(design),
            _mask_made(design),
            [f"hidden_states = {_embedded(design, fields.width)}"],
            positions.embedded(design),
            loop(design),
            [f"hidden_states = self.{names.final_norm}(hidden_states)"],
            _result(design),
        ),
    )


def _cache_made(design: Design) -> Lines:
    if chosen(design, "cache") == "none":
        return []
    return lines("""
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        """)


def _mask_made(design: Design) -> Lines:
    """The mask that the model hands to its layers instead of the one that it was given."""
    return {
        "created": lines("""
            attention_mask = create_causal_mask(
                config=self.config,
                inputs_embeds=inputs_embeds,
                attention_mask=attention_mask,
                past_key_values=past_key_values,
                position_ids=position_ids,
            )
            """),
        "added": lines("""
            length = inputs_embeds.shape[1]
            lowest = torch.finfo(inputs_embeds.dtype).min
            future = torch.full((length, length), lowest, device=inputs_embeds.device).triu(1)
            attention_mask = future[None, None].to(inputs_embeds.dtype)
            """),
        "by_positions": [
            "attention_mask = position_ids[:, None, None, :] <= position_ids[:, None, :, None]"
        ],
    }.get(chosen(design, "mask"), [])


def _result(design: Design) -> Lines:
    if not collects(design):
        return ["return BaseModelOutputWithPast(last_hidden_state=hidden_states)"]
    return lines("""
        if output_hidden_states:
            all_hidden_states = all_hidden_states + (hidden_states,)
        return BaseModelOutputWithPast(
            last_hidden_state=hidden_states, hidden_states=all_hidden_states
        )
        """)


def _branches(design: Design) -> bool:
    return chosen(design, "layer_call") == "branch"


def _whole(design: Design, prefix: str, width: str) -> Lines:
    """Embedding, layers and last norm: attributes of the model, or of one module with all."""
    names, fields = names_of(design), fields_of(design)
    norm = norm_of(design, prefix, width, f"config.{fields.eps}")
    made = {
        names.embed: _embedding(design, prefix, width),
        names.layers: _layers(design, prefix),
        names.final_norm: norm,
    }
    if chosen(design, "container") == "moduledict":
        items = [f'        "{name.partition(".")[2]}": {value},' for name, value in made.items()]
        owner = names.embed.partition(".")[0]
        return [f"self.{owner} = nn.ModuleDict(", "    {", *items, "    }", ")"]
    if chosen(design, "construction") == "arguments" and made[names.layers].startswith(
        "nn.ModuleL"
    ):
        return [
            f"self.{names.embed} = {made[names.embed]}",
            f"self.{names.layers} = nn.ModuleList()",
            f"for layer_idx in range(config.{fields.layers}):",
            f"    self.{names.layers}.append({prefix}Layer(config, layer_idx=layer_idx))",
            f"self.{names.final_norm} = {norm}",
        ]
    return [f"self.{name} = {value}" for name, value in made.items()]


def _embedding(design: Design, prefix: str, width: str) -> str:
    """The expression that makes the embedding of tokens."""
    padding = ", config.pad_token_id" if chosen(design, "embedding").startswith("padded") else ""
    if chosen(design, "embedding") == "wrapped":
        return f"{prefix}Embedding(config.vocab_size, {width})"
    return f"nn.Embedding(config.vocab_size, {width}{padding})"


def embedding_class(design: Design, prefix: str) -> str:
    """A module around the embedding; empty where there is none."""
    if chosen(design, "embedding") != "wrapped":
        return ""
    return class_of(
        f"class {prefix}Embedding(nn.Module):",
        method(
            "def __init__(self, count, width):",
            ["super().__init__()", "self.words = nn.Embedding(count, width)"],
        ),
        method("def forward(self, input_ids):", ["return self.words(input_ids).contiguous()"]),
    )


def _layers(design: Design, prefix: str) -> str:
    """The expression that makes the layers."""
    count = f"range(config.{fields_of(design).layers})"
    if chosen(design, "container") == "numbered":
        return f"nn.ModuleDict({{str(i): {prefix}Layer(config, i) for i in {count}}})"
    return f"nn.ModuleList([{prefix}Layer(config, i) for i in {count}])"


def _embedding_made(design: Design, prefix: str, width: str) -> Lines:
    """What else the constructor makes for the embedding."""
    norm = norm_of(design, prefix, width, f"config.{fields_of(design).eps}")
    return {
        "normed": [f"self.embedding_norm = {norm}"],
        "dropout": ["self.drop = nn.Dropout(0.1)"],
    }.get(chosen(design, "embedding"), [])


def _embedded(design: Design, width: str) -> str:
    """The expression for what the first layer is given, of `inputs_embeds`."""
    return {
        "scaled": f"inputs_embeds * self.config.{width}**0.5",
        "normed": "self.embedding_norm(inputs_embeds)",
        "dropout": "self.drop(inputs_embeds)",
    }.get(chosen(design, "embedding"), "inputs_embeds")


def head_class(design: Design, prefix: str) -> str:
    """The causal language model."""
    fields, names, sharing = fields_of(design), names_of(design), chosen(design, "sharing")
    embedding = f"model.{names.embed}{'.words' if chosen(design, 'embedding') == 'wrapped' else ''}"
    ties = {
        "tied": f'    _tied_weights_keys = {{"lm_head.weight": "{embedding}.weight"}}\n',
        "tied_list": '    _tied_weights_keys = ["lm_head.weight"]\n',
    }.get(sharing, "")
    logits = {
        "scaled": ["logits = self.lm_head(hidden_states) * self.config.logit_scale"],
        "capped": ["logits = 30.0 * torch.tanh(self.lm_head(hidden_states) / 30.0)"],
        "sliced": lines("""
            kept = slice(-logits_to_keep, None) if logits_to_keep else slice(None)
            logits = self.lm_head(hidden_states[:, kept, :])
            """),
        "in_float": ["logits = self.lm_head(hidden_states).float()"],
    }.get(chosen(design, "head"), ["logits = self.lm_head(hidden_states)"])
    loss = "loss=loss, " if chosen(design, "loss") == "labels" else ""
    head = f"{prefix}Head" if chosen(design, "head") == "normalized" else "nn.Linear"
    found = class_of(
        f"class {prefix}ForCausalLM({prefix}PreTrainedModel, GenerationMixin):\n{ties}",
        method(
            "def __init__(self, config):",
            [
                "super().__init__(config)",
                f"self.model = {prefix}Model(config)",
                f"self.lm_head = {head}(config.{fields.width}, config.vocab_size, bias=False)",
                *([f"self.lm_head.weight = self.{embedding}.weight"] * (sharing == "assigned")),
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
            _LOSS if loss else [],
            [f"return CausalLMOutputWithPast({loss}logits=logits)"],
        ),
    )
    return f"{_NORMALIZED.format(head=head)}\n\n{found}" if head != "nn.Linear" else found


_LOSS = lines("""
    loss = None
    if labels is not None:
        shifted = logits[:, :-1].reshape(-1, self.config.vocab_size)
        loss = F.cross_entropy(shifted, labels[:, 1:].reshape(-1))
    """)
_NORMALIZED = """class {head}(nn.Module):
    def __init__(self, width, count, bias=False):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, width))

    def forward(self, hidden_states):
        return F.linear(hidden_states, F.normalize(self.weight))
"""
