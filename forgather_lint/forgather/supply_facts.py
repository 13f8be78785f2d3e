"""`!var`s of a model that get no value."""

from __future__ import annotations

import ast
from difflib import get_close_matches

from forgather_lint.facts.templates import UnsuppliedVariable
from forgather_lint.forgather.encoder import Variable
from forgather_lint.forgather.model import RenderedModel

# What PretrainedConfig().to_dict() holds by itself, transformers 4.57.6 and 5.19.0 together
# (src/transformers/configuration_utils.py).
_OF_EVERY_CONFIG = """
    _name_or_path add_cross_attention architectures bad_words_ids begin_suppress_tokens bos_token_id
    chunk_size_feed_forward cross_attention_hidden_size decoder_start_token_id diversity_penalty
    do_sample dtype early_stopping encoder_no_repeat_ngram_size eos_token_id
    exponential_decay_length_penalty finetuning_task forced_bos_token_id forced_eos_token_id
    id2label is_decoder is_encoder_decoder label2id length_penalty max_length min_length model_type
    no_repeat_ngram_size num_beam_groups num_beams num_return_sequences output_attentions
    output_hidden_states output_scores pad_token_id prefix problem_type pruned_heads
    remove_invalid_values repetition_penalty return_dict return_dict_in_generate sep_token_id
    suppress_tokens task_specific_params temperature tf_legacy_loss tie_encoder_decoder
    tie_word_embeddings tokenizer_class top_k top_p torchscript transformers_version typical_p
    use_bfloat16
"""


def unsupplied(model: RenderedModel) -> tuple[UnsuppliedVariable, ...]:
    """The variables that neither `config.json`, nor the generated call, nor a default supplies."""
    wanted = {each.name: each for each in model.generated.code.variables if not each.has_default}
    passed = _passed(model.generated.text.plain, wanted)
    if passed is None:
        return ()
    known = {*_OF_EVERY_CONFIG.split()}
    supplied = passed | model.config.keys() | model.undecided.keys()
    return tuple(
        _fact(model, variable, supplied)
        for name, variable in wanted.items()
        if name not in supplied | known
    )


def _fact(model: RenderedModel, variable: Variable, supplied: set[str]) -> UnsuppliedVariable:
    rendering = model.document.rendering
    origin = model.document.origin(variable.at)
    return UnsuppliedVariable(
        name=variable.name,
        where=rendering.place(origin, variable.name),
        near=tuple(get_close_matches(variable.name, sorted(supplied), n=3)),
        chain=rendering.chain(origin),
    )


def _passed(text: str, wanted: dict[str, Variable]) -> set[str] | None:
    """The keywords with which the generated file calls the constructor of the model.

    None when no such call is found that also unpacks the configuration.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    constructors = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and wanted.keys() <= {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) in constructors:
            names = {keyword.arg for keyword in node.keywords}
            if None in names:
                return {name for name in names if name is not None}
    return None


def _called(call: ast.Call) -> str | None:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
