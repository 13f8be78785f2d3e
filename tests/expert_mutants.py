"""A mixture of experts with many kinds of routers, calls and experts: what vLLM keeps of them.

`hf_moe` with another feed-forward: a router of its own, and experts in two stacks of weights, as
transformers 5 writes them. Outcomes are stored by their names in `fixtures/verdicts`.
"""

from __future__ import annotations

from forgather_lint.core.version import Version
from tests.mutants import Edit, Mutant

EXPERTS_SINCE = Version(0, 25)
"""Before, vLLM refuses experts with the transformers that it can have (FGL506)."""

MOE = "modeling_hf_moe.py"
_CONFIGURATION = "configuration_hf_moe.py"
_EXPERTS = """class HfMoeExperts(nn.Module):
    def __init__(self, config: HfMoeConfig):
        super().__init__()
        self.num_experts = config.num_experts
        width, hidden = config.moe_intermediate_size, config.hidden_size
        self.gate_up_proj = nn.Parameter(torch.zeros(config.num_experts, 2 * width, hidden))
        self.down_proj = nn.Parameter(torch.zeros(config.num_experts, hidden, width))
        self.act_fn = nn.SiLU()

    def forward(self, hidden_states, top_k_index, top_k_weights):
        output = torch.zeros_like(hidden_states)
        for expert in range(self.num_experts):
            token, slot = torch.where(top_k_index == expert)
            both = nn.functional.linear(hidden_states[token], self.gate_up_proj[expert])
            gate, up = both.chunk(2, dim=-1)
            part = nn.functional.linear(self.act_fn(gate) * up, self.down_proj[expert])
            part = part * top_k_weights[token, slot, None]
            output.index_add_(0, token, part.to(output.dtype))
        return output


"""
_ROUTER = """class HfMoeRouter(nn.Module):
    def __init__(self, config: HfMoeConfig):
        super().__init__()
        self.top_k = config.num_experts_per_tok
        self.weight = nn.Parameter(torch.zeros(config.num_experts, config.hidden_size))

    def forward(self, hidden_states):
        logits = nn.functional.linear(hidden_states, self.weight)
        scores = nn.functional.softmax(logits, dim=-1, dtype=torch.float32)
        weights, index = torch.topk(scores, self.top_k, dim=-1)
        weights = weights / weights.sum(dim=-1, keepdim=True)
        return logits, weights.to(hidden_states.dtype), index


"""
_BLOCK = """class HfMoeSparseBlock(nn.Module):
    def __init__(self, config: HfMoeConfig):
        super().__init__()
        self.gate = HfMoeRouter(config)
        self.experts = HfMoeExperts(config)

    def forward(self, hidden_states):
        shape = hidden_states.shape
        hidden_states = hidden_states.view(-1, shape[-1])
        _, weights, index = self.gate(hidden_states)
        output = self.experts(hidden_states, index, weights)
        return output.reshape(shape)


"""
_LISTED = "class HfMoeExperts(nn.ModuleList):\n"
_SPARSE = "class HfMoeSparseBlock(nn.Module):\n"

Change = tuple[str, str]


def _mutant(
    name: str,
    *changes: Change,
    config: str = "",
    stacked: bool = True,
    edits: tuple[Edit, ...] = (),
) -> Mutant:
    """The model with some lines of its feed-forward replaced, and `config` added to its config."""
    parts = [_EXPERTS if stacked else "", _ROUTER, _BLOCK]
    for old, new in changes:
        here = next((i for i, part in enumerate(parts) if old in part), None)
        assert here is not None, old
        parts[here] = parts[here].replace(old, new)
    experts, *block = parts
    written = [Edit(MOE, _SPARSE, "".join(block) + _SPARSE.replace("Sparse", "Former"))]
    if stacked:
        written.append(Edit(MOE, _LISTED, experts + _LISTED.replace("Experts", "Listed")))
    if config:
        written.append(
            Edit("config.json", '  "num_experts": 4,\n', f'{config}  "num_experts": 4,\n')
        )
    return Mutant("hf_moe", f"experts: {name}", edits=(*written, *edits))


_RENORMALIZED = "        weights = weights / weights.sum(dim=-1, keepdim=True)\n"
_SOFTMAX = "scores = nn.functional.softmax(logits, dim=-1, dtype=torch.float32)"
_SIGMOID = (_SOFTMAX, "scores = logits.float().sigmoid()")
_CALL = "self.experts(hidden_states, index, weights)"
_RETURN = "        return output.reshape(shape)\n"
_RETURNED = "        return logits, weights.to(hidden_states.dtype), index\n"
_RAW = Edit("config.json", '"norm_topk_prob": true', '"norm_topk_prob": false')
_SCALED = (_RETURNED, "        weights = weights * 2.5\n" + _RETURNED)
_ONE_GROUP = '  "n_group": 1,\n  "topk_group": 1,\n'
_LINEAR_GATE = (
    (
        "self.gate = HfMoeRouter(config)",
        "self.top_k = config.num_experts_per_tok\n"
        "        self.gate = nn.Linear(config.hidden_size, "
        "config.num_experts, bias=False)",
    ),
    (
        "        _, weights, index = self.gate(hidden_states)\n",
        "        scores = self.gate(hidden_states).softmax(-1)\n"
        "        weights, index = torch.topk(scores, "
        "self.top_k, dim=-1)\n",
    ),
)
_BIAS = (
    (
        "(torch.zeros(config.num_experts, config.hidden_size))\n",
        "(torch.zeros(config.num_experts, config.hidden_size))\n"
        "        bias = torch.tensor([0.5, -0.4, 0.1, -0.2])\n"
        '        self.register_buffer("e_score_correction_bias"'
        ", bias)\n",
    ),
    (
        "        weights, index = torch.topk(scores, self.top_k, dim=-1)\n",
        "        _, index = torch.topk(scores + "
        "self.e_score_correction_bias, self.top_k, dim=-1)\n"
        "        weights = scores.gather(1, index)\n",
    ),
)
_TWO_GROUPS = '  "n_group": 2,\n  "topk_group": 1,\n'
_GROUP_MASK = (
    "        best = torch.topk(groups, k=1, dim=-1, sorted=False)[1]\n"
    "        mask = torch.zeros_like(groups)\n"
    "        mask.scatter_(1, best, 1)\n"
    "        mask = mask.unsqueeze(-1).expand(-1, 2, 2).reshape(-1, 4)\n"
    '        choice = choice.masked_fill(~mask.bool(), float("-inf"))\n'
    "        _, index = torch.topk(choice, self.top_k, dim=-1, sorted=False)\n"
    "        weights = scores.gather(1, index)\n"
)
_WITHIN_GROUPS = (
    _SIGMOID,
    _BIAS[0],
    (
        _BIAS[1][0],
        "        choice = scores + self.e_score_correction_bias\n"
        "        groups = choice.view(-1, 2, 2).topk(2, dim=-1)[0].sum(dim=-1)\n" + _GROUP_MASK,
    ),
)
_BY_BEST = (
    (
        _BIAS[1][0],
        "        choice = scores\n"
        "        groups = choice.view(-1, 2, 2).max(dim=-1).values\n" + _GROUP_MASK,
    ),
)
_SHARED = (
    (
        "        self.experts = HfMoeExperts(config)\n",
        "        self.experts = HfMoeExperts(config)\n"
        "        self.shared_expert = HfMoeMLP(config, "
        "config.moe_intermediate_size)\n",
    ),
)
_SHARED_GATE = (
    "        self.shared_expert = HfMoeMLP(config, config.moe_intermediate_size)\n",
    "        self.shared_expert = HfMoeMLP(config, "
    "config.moe_intermediate_size)\n"
    "        self.shared_gate = "
    "nn.Linear(config.hidden_size, 1, bias=False)\n",
)
_FUNCTIONAL_SHARED = Edit(
    MOE,
    "class HfMoeMLP(nn.Module):\n",
    "class HfMoeSharedMLP(nn.Module):\n"
    "    def __init__(self, config, width):\n"
    "        super().__init__()\n"
    "        self.gate_proj = "
    "nn.Linear(config.hidden_size, width, bias=False)\n"
    "        self.up_proj = nn.Linear(config.hidden_size, "
    "width, bias=False)\n"
    "        self.down_proj = nn.Linear(width, "
    "config.hidden_size, bias=False)\n"
    "\n"
    "    def forward(self, x):\n"
    "        return "
    "self.down_proj(nn.functional.silu(self.gate_proj(x)) "
    "* self.up_proj(x))\n"
    "\n"
    "\n"
    "class HfMoeMLP(nn.Module):\n",
)
_SHARED_PLAN = Edit(
    _CONFIGURATION,
    '        "layers.*.mlp.experts.*.gate_proj": "colwise",\n',
    '        "layers.*.mlp.shared_expert.gate_proj": "colwise",\n'
    '        "layers.*.mlp.shared_expert.up_proj": "colwise",\n'
    '        "layers.*.mlp.shared_expert.down_proj": "rowwise",\n'
    '        "layers.*.mlp.experts.*.gate_proj": "colwise",\n',
)
_OWN_SHARED = (
    "self.shared_expert = HfMoeMLP(config,",
    "self.shared_expert = HfMoeSharedMLP(config,",
)
_FIELD = "        self.norm_topk_prob = norm_topk_prob\n"
_ONE_HOT = (
    "        for expert in range(self.num_experts):\n"
    "            token, slot = torch.where(top_k_index == "
    "expert)\n",
    "        with torch.no_grad():\n"
    "            chosen = "
    "nn.functional.one_hot(top_k_index, "
    "num_classes=self.num_experts)\n"
    "            chosen = chosen.permute(2, 1, 0)\n"
    "            hit = torch.greater(chosen.sum(dim=(-1, "
    "-2)), 0).nonzero()\n"
    "        for expert in hit:\n"
    "            expert = expert[0]\n"
    "            if expert == self.num_experts:\n"
    "                continue\n"
    "            slot, token = torch.where(chosen[expert])\n",
)
_DENSE = (
    "        weights, index = torch.topk(scores, self.top_k, dim=-1)\n",
    "        weights, index = torch.topk(scores, "
    "self.top_k, dim=-1)\n"
    "        weights = "
    "torch.zeros_like(scores).scatter_(1, index, weights)\n",
)
_BY_EXPERT = ("top_k_weights[token, slot, None]", "top_k_weights[token, expert, None]")


def _experts_of(*changes: Change) -> tuple[Edit, ...]:
    """Edits that give the experts in the list a class of their own: an MLP with changed lines."""
    text = (
        "class HfMoeExpert(nn.Module):\n"
        "    def __init__(self, config, intermediate_size):\n"
        "        super().__init__()\n"
        "        self.gate_proj = "
        "nn.Linear(config.hidden_size, intermediate_size, "
        "bias=False)\n"
        "        self.up_proj = nn.Linear(config.hidden_size, "
        "intermediate_size, bias=False)\n"
        "        self.down_proj = nn.Linear(intermediate_size, "
        "config.hidden_size, bias=False)\n"
        "        self.act_fn = nn.SiLU()\n\n"
        "    def forward(self, x):\n"
        "        return "
        "self.down_proj(self.act_fn(self.gate_proj(x)) * "
        "self.up_proj(x))\n"
        "\n"
        "\n"
    )
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return (
        Edit(
            MOE,
            "[HfMoeMLP(config, config.moe_intermediate_size)",
            "[HfMoeExpert(config, config.moe_intermediate_size)",
        ),
        Edit(MOE, _LISTED, text + _LISTED),
    )


ROUTED_INSIDE = (
    _mutant("as transformers 5 writes them"),
    _mutant("chosen by one_hot and nonzero", _ONE_HOT),
    _mutant("a list of experts behind a router of its own", stacked=False),
    _mutant("weights not renormalized", (_RENORMALIZED, "")),
    _mutant("weights not renormalized, nor in the config", (_RENORMALIZED, ""), edits=(_RAW,)),
    _mutant("renormalized, though not in the config", edits=(_RAW,)),
    _mutant(
        "weights not renormalized, of which the config says nothing",
        (_RENORMALIZED, ""),
        edits=(
            Edit(_CONFIGURATION, _FIELD, ""),
            Edit("config.json", '  "norm_topk_prob": true,\n', ""),
        ),
    ),
    _mutant(
        "renormalized by the attribute of the config",
        (
            "        self.top_k = config.num_experts_per_tok\n",
            "        self.top_k = config.num_experts_per_tok\n"
            "        self.norm_topk_prob = config.norm_topk_prob\n",
        ),
        (
            _RENORMALIZED,
            "        if self.norm_topk_prob:\n"
            "            weights /= weights.sum(dim=-1, keepdim=True)\n",
        ),
    ),
    _mutant("a factor in the router", _SCALED),
    _mutant(
        "a factor in the router and in the config",
        _SCALED,
        config='  "routed_scaling_factor": 2.5,\n',
    ),
    _mutant("a factor in the config alone", config='  "routed_scaling_factor": 2.5,\n'),
    _mutant(
        "a factor on the output of the block",
        (_RETURN, _RETURN.replace("output.", "(output * 2.5).")),
    ),
    _mutant(
        "a factor on the output of the block and in the config",
        (_RETURN, _RETURN.replace("output.", "(output * 2.5).")),
        config='  "routed_scaling_factor": 2.5,\n',
    ),
    _mutant("sigmoid", _SIGMOID),
    _mutant("sigmoid, one group", _SIGMOID, config=_ONE_GROUP),
    _mutant("sigmoid with a correction, one group", _SIGMOID, *_BIAS, config=_ONE_GROUP),
    _mutant("sigmoid with a correction", _SIGMOID, *_BIAS),
    _mutant("softmax with a correction", *_BIAS),
    _mutant("softmax, one group", config=_ONE_GROUP),
    _mutant(
        "weights written to in place",
        (_RETURNED, "        weights[:, 0] = weights[:, 0] * 2.0\n" + _RETURNED),
    ),
    _mutant(
        "a view of the weights multiplied in place",
        (_RETURNED, "        first = weights[:, 0]\n        first.mul_(2.0)\n" + _RETURNED),
    ),
    _mutant(
        "weights doubled if many are left",
        (
            _RETURNED,
            "        if weights.max() > 0.6:\n            weights = weights * 2.0\n" + _RETURNED,
        ),
    ),
    _mutant(
        "weights multiplied in place",
        (_RETURNED, "        weights.mul_(2.5)\n" + _RETURNED),
        config='  "routed_scaling_factor": 2.5,\n',
    ),
    _mutant("sigmoid within groups", *_WITHIN_GROUPS, config=_TWO_GROUPS),
    _mutant("softmax within groups by their best", *_BY_BEST, config=_TWO_GROUPS),
    _mutant(
        "sigmoid within groups, others as zero",
        *_WITHIN_GROUPS,
        ('float("-inf")', "0.0"),
        config=_TWO_GROUPS,
    ),
    _mutant("softmax within groups of which the config says nothing", *_BY_BEST),
    _mutant("softmax over all, groups in the config", config=_TWO_GROUPS),
    _mutant("a temperature", (_SOFTMAX, _SOFTMAX.replace("(logits,", "(logits / 0.5,"))),
    _mutant(
        "logits clamped", (_SOFTMAX, _SOFTMAX.replace("(logits,", "(logits.clamp(-0.5, 0.5),"))
    ),
    _mutant(
        "the router sees half of the input",
        ("self.gate(hidden_states)", "self.gate(hidden_states * 0.5)"),
    ),
    _mutant(
        "weights doubled between router and experts",
        (_CALL, _CALL.replace("weights", "weights * 2")),
    ),
    _mutant(
        "the input added inside the block",
        (_RETURN, _RETURN.replace("output.", "(output + hidden_states).")),
    ),
    _mutant(
        "one expert more than the config says",
        ("self.top_k = config.num_experts_per_tok", "self.top_k = config.num_experts_per_tok + 1"),
    ),
    _mutant(
        "keywords of its own",
        (_CALL, "self.experts(hidden_states, top_k_index=index, top_k_weights=weights)"),
    ),
    _mutant(
        "weights in front of the choice",
        (
            "hidden_states, top_k_index, top_k_weights)",
            "hidden_states, top_k_weights, top_k_index)",
        ),
        (_CALL, "self.experts(hidden_states, weights, index)"),
    ),
    _mutant("dense weights", _DENSE, _BY_EXPERT),
    _mutant(
        "scores in front of logits",
        (_RETURNED, "        return weights, index\n"),
        ("_, weights, index = self", "weights, index = self"),
    ),
    _mutant("a shared expert", *_SHARED, (_CALL, _CALL + " + self.shared_expert(hidden_states)")),
    _mutant(
        "a shared expert with a gate",
        *_SHARED,
        _SHARED_GATE,
        (
            _CALL,
            _CALL + "\n        shared = self.shared_expert(hidden_states)\n"
            "        output = output + "
            "torch.sigmoid(self.shared_gate(hidden_states)) * shared",
        ),
    ),
    _mutant(
        "a shared expert, doubled",
        *_SHARED,
        (_CALL, _CALL + " + 2 * self.shared_expert(hidden_states)"),
    ),
    _mutant(
        "a shared expert of half the input",
        *_SHARED,
        (_CALL, _CALL + " + self.shared_expert(hidden_states * 0.5)"),
    ),
    _mutant(
        "a shared expert that vLLM does not fuse",
        *_SHARED,
        _OWN_SHARED,
        (_CALL, _CALL + " + self.shared_expert(hidden_states)"),
        edits=(_FUNCTIONAL_SHARED,),
    ),
    _mutant(
        "a shared expert that vLLM does not fuse, with entries",
        *_SHARED,
        _OWN_SHARED,
        (_CALL, _CALL + " + self.shared_expert(hidden_states)"),
        edits=(_FUNCTIONAL_SHARED, _SHARED_PLAN),
    ),
    _mutant("up in front of gate", ("gate, up = both", "up, gate = both")),
    _mutant("GELU as a function", ("self.act_fn(gate)", "nn.functional.gelu(gate)")),
    _mutant(
        "experts halve their output",
        ("output.index_add_(0, token, part.to", "output.index_add_(0, token, (part * 0.5).to"),
    ),
    _mutant(
        "the input of experts halved",
        ("linear(hidden_states[token],", "linear(hidden_states[token] * 0.5,"),
    ),
    _mutant(
        "weights of experts transposed",
        ("2 * width, hidden))", "hidden, 2 * width))"),
        ("(config.num_experts, hidden, width))", "(config.num_experts, width, hidden))"),
        (
            "nn.functional.linear(hidden_states[token], self.gate_up_proj[expert])",
            "hidden_states[token] @ self.gate_up_proj[expert]",
        ),
        (
            "nn.functional.linear(self.act_fn(gate) * up, self.down_proj[expert])",
            "(self.act_fn(gate) * up) @ self.down_proj[expert]",
        ),
    ),
    _mutant(
        "stacks of other names",
        ("self.gate_up_proj = ", "self.wi = "),
        ("self.gate_up_proj[", "self.wi["),
        ("self.down_proj = ", "self.wo = "),
        ("self.down_proj[", "self.wo["),
    ),
    _mutant(
        "experts named w1, w2, w3",
        stacked=False,
        edits=_experts_of(
            ("self.gate_proj", "self.w1"),
            ("self.up_proj", "self.w3"),
            ("self.down_proj", "self.w2"),
        ),
    ),
    _mutant(
        "experts of other names",
        stacked=False,
        edits=_experts_of(
            ("self.gate_proj", "self.fc_gate"),
            ("self.up_proj", "self.fc_up"),
            ("self.down_proj", "self.fc_down"),
        ),
    ),
    _mutant("experts with a bias", stacked=False, edits=_experts_of(("bias=False", "bias=True"))),
    _mutant(
        "listed experts, up activated",
        stacked=False,
        edits=_experts_of(
            (
                "self.act_fn(self.gate_proj(x)) * self.up_proj(x)",
                "self.gate_proj(x) * self.act_fn(self.up_proj(x))",
            )
        ),
    ),
    _mutant(
        "listed experts without a gate",
        stacked=False,
        edits=_experts_of(
            (
                "        self.up_proj = nn.Linear(config.hidden_size, "
                "intermediate_size, bias=False)\n",
                "",
            ),
            (" * self.up_proj(x)", ""),
        ),
    ),
    _mutant(
        "width by another name",
        ("config.moe_intermediate_size, config.hidden", "config.expert_width, config.hidden"),
        edits=(
            Edit(
                _CONFIGURATION,
                "self.moe_intermediate_size = moe_intermediate_size",
                "self.expert_width = moe_intermediate_size",
            ),
        ),
    ),
)
ROUTED_OUTSIDE = (
    _mutant("a Linear for a gate", *_LINEAR_GATE),
    _mutant(
        "a Linear for a gate, keywords of its own",
        *_LINEAR_GATE,
        (_CALL, "self.experts(hidden_states, top_k_index=index, top_k_weights=weights)"),
    ),
    _mutant(
        "a Linear for a gate, keywords of vLLM",
        *_LINEAR_GATE,
        ("hidden_states, top_k_index, top_k_weights)", "hidden_states, topk_ids, topk_weights)"),
        ("top_k_index ==", "topk_ids =="),
        ("top_k_weights[", "topk_weights["),
        (_CALL, "self.experts(hidden_states, topk_weights=weights, topk_ids=index)"),
    ),
    _mutant(
        "a Linear for a gate, weights in front of the choice",
        *_LINEAR_GATE,
        (
            "hidden_states, top_k_index, top_k_weights)",
            "hidden_states, top_k_weights, top_k_index)",
        ),
        (_CALL, "self.experts(hidden_states, weights, index)"),
    ),
    _mutant(
        "a Linear for a gate, dense weights",
        *_LINEAR_GATE,
        (
            _CALL,
            "self.experts(hidden_states, index, "
            "torch.zeros_like(scores).scatter_(1, index, weights))",
        ),
        _BY_EXPERT,
    ),
    _mutant(
        "a Linear for a gate, scores of all experts",
        *_LINEAR_GATE,
        (_CALL, "self.experts(hidden_states, index, scores)"),
        _BY_EXPERT,
    ),
    _mutant(
        "a Linear for a gate, up in front of gate",
        *_LINEAR_GATE,
        ("gate, up = both", "up, gate = both"),
    ),
    _mutant(
        "a Linear for a gate, experts halve their output",
        *_LINEAR_GATE,
        ("output.index_add_(0, token, part.to", "output.index_add_(0, token, (part * 0.5).to"),
    ),
    _mutant(
        "a Linear for a gate, a factor in the config",
        *_LINEAR_GATE,
        config='  "routed_scaling_factor": 2.5,\n',
    ),
    _mutant(
        "a Linear for a gate, a factor on the weights",
        *_LINEAR_GATE,
        (_CALL, _CALL.replace("weights", "weights * 2.5")),
    ),
    _mutant(
        "a Linear for a gate, squared weights of experts",
        *_LINEAR_GATE,
        ("part * top_k_weights[token, slot, None]", "part * top_k_weights[token, slot, None] ** 2"),
    ),
    _mutant(
        "softmax behind the choice",
        (_SOFTMAX, "scores = logits.float()"),
        (_RENORMALIZED, "        weights = weights.softmax(dim=-1)\n"),
    ),
    _mutant(
        "a router around a Linear",
        (
            "self.weight = nn.Parameter(torch.zeros(config.num_experts, config.hidden_size))",
            "self.proj = nn.Linear(config.hidden_size, config.num_experts, bias=False)",
        ),
        ("nn.functional.linear(hidden_states, self.weight)", "self.proj(hidden_states)"),
        (_RENORMALIZED, ""),
    ),
    _mutant(
        "a router by a matrix product",
        ("nn.functional.linear(hidden_states, self.weight)", "hidden_states @ self.weight.t()"),
        (_RENORMALIZED, ""),
    ),
    _mutant(
        "a router that sorts",
        (
            "weights, index = torch.topk(scores, self.top_k, dim=-1)",
            "weights, index = torch.sort(scores, dim=-1, "
            "descending=True)\n"
            "        weights, index = weights[:, : self.top_k], "
            "index[:, : self.top_k]",
        ),
        (_RENORMALIZED, ""),
    ),
    _mutant(
        "a shared expert with a gate without sigmoid",
        *_SHARED,
        _SHARED_GATE,
        (
            _CALL,
            _CALL + "\n        shared = self.shared_expert(hidden_states)\n"
            "        output = output + "
            "torch.tanh(self.shared_gate(hidden_states)) * shared",
        ),
        (_RENORMALIZED, ""),
    ),
    _mutant(
        "a block that returns a pair",
        (_RETURN, "        return output.reshape(shape), index\n"),
        (_RENORMALIZED, ""),
        edits=(
            Edit(
                MOE,
                "        hidden_states = self.mlp(hidden_states)\n        return residual",
                "        hidden_states = self.mlp(hidden_states)\n"
                "        if isinstance(hidden_states, tuple):\n"
                "            hidden_states = hidden_states[0]\n"
                "        return residual",
            ),
        ),
    ),
    _mutant("a linear router of another name", ("self.weight", "self.kernel"), (_RENORMALIZED, "")),
)
EXPERT_MUTANTS = (*ROUTED_INSIDE, *ROUTED_OUTSIDE)
WITHOUT_GROUPS = tuple(
    mutant
    for mutant in ROUTED_INSIDE
    if mutant.name.removeprefix("experts: ")
    in ("sigmoid", "sigmoid with a correction", "softmax with a correction")
)
