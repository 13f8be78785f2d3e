"""Every attribute that the base classes of torch and transformers give to subclasses.

Most are not modelled. Reading one of those is undecided, while reading a name that is not in the
list surely raises `AttributeError`. Source: `dir()` of each class, torch 2.13, transformers 4.57,
5.19 and 5.23; the classes of `torch.nn` are in `nn/members.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.libraries.names import CONFIG, MODULE, PRETRAINED
from forgather_lint.libraries.nn.members import OWN_MEMBERS

MEMBERS: Mapping[str, frozenset[str]] = {
    CONFIG: frozenset(
        (
            "_attn_implementation _attn_implementation_internal _auto_class _check_received_keys "
            "_commit_hash _create_id_label_maps _create_repo _decode_special_floats "
            "_dict_from_json_file _encode_special_floats _experts_implementation "
            "_experts_implementation_internal _get_config_dict _get_files_timestamps "
            "_get_generation_parameters _get_global_generation_defaults "
            "_get_non_default_generation_parameters _getattr_without_heterogeneous_validation "
            "_hasattr_without_heterogeneous_validation "
            "_iter_config_keys_with_heterogeneous_adjustment _name_or_path _output_attentions "
            "_post_init_done _remove_keys_not_serialized _set_token_in_kwargs "
            "_update_heterogeneous_to_dict_output _upload_modified_files "
            "_validate_axial_rope_parameters _validate_default_rope_parameters "
            "_validate_dynamic_rope_parameters _validate_linear_rope_parameters "
            "_validate_llama3_rope_parameters _validate_longrope_rope_parameters "
            "_validate_proportional_rope_parameters _validate_yarn_rope_parameters "
            "add_cross_attention allow_global_per_layer_attribute_access architectures "
            "attribute_map bad_words_ids base_config_key base_model_ep_plan base_model_fsdp_plan "
            "base_model_pp_plan base_model_tp_plan begin_suppress_tokens bos_token_id "
            "chunk_size_feed_forward convert_rope_params_to_dict cross_attention_hidden_size "
            "decoder_start_token_id default_config_fields default_rope_type default_theta "
            "dict_dtype_to_str diversity_penalty do_sample dtype early_stopping "
            "encoder_no_repeat_ngram_size eos_token_id exponential_decay_length_penalty "
            "extra_config_files extra_files finetuning_task forced_bos_token_id "
            "forced_eos_token_id from_dict from_json_file from_pretrained "
            "from_text_audio_configs from_text_vision_configs get_config_dict get_mtp_config "
            "get_text_config has_no_defaults_at_init id2label ignore_keys_at_rope_validation "
            "is_custom_code is_decoder is_encoder_decoder is_heterogeneous is_remote_code "
            "keys_to_ignore_at_inference label2id length_penalty max_length min_length "
            "model_type name_or_path nested_rope_parameter_keys no_repeat_ngram_size "
            "num_beam_groups num_beams num_labels num_return_sequences output_attentions "
            "output_hidden_states output_scores pad_token_id per_layer_attributes "
            "per_layer_config prefix problem_type pruned_heads push_to_hub "
            "register_for_auto_class remove_invalid_values repetition_penalty return_dict "
            "return_dict_in_generate rope_scaling save_pretrained sep_token_id "
            "serialize_explicit_per_layer_config standardize_rope_params sub_configs "
            "sub_configs_defaults suppress_tokens task_specific_params temperature "
            "tf_legacy_loss tie_encoder_decoder tie_word_embeddings to_dict to_diff_dict "
            "to_json_file to_json_string tokenizer_class top_k top_p torch_dtype torchscript "
            "transformers_version typical_p update update_from_string use_bfloat16 "
            "use_return_dict validate validate_architecture validate_layer_type "
            "validate_output_attentions validate_rope validate_token_ids"
        ).split()
    ),
    PRETRAINED: frozenset(
        (
            "_activation_checkpointing_disable _activation_checkpointing_enable _adjust_bias "
            "_adjust_missing_and_unexpected_keys _auto_class "
            "_backward_compatibility_gradient_checkpointing _can_compile_fullgraph "
            "_can_record_outputs _can_set_attn_implementation _can_set_experts_implementation "
            "_check_and_adjust_attn_implementation _check_and_adjust_experts_implementation "
            "_checkpoint_conversion_mapping _compatible_flash_implementations "
            "_convert_head_mask_to_5d _copy_lm_head_original_to_resized _create_repo "
            "_default_compile_config _device_mesh _dispatch_accelerate_model _ep_plan "
            "_expand_parallel_plan _finalize_model_loading _fix_state_dict_key_on_load "
            "_fix_state_dict_key_on_save _fix_state_dict_keys_on_save _flash_attn_2_can_dispatch "
            "_flash_attn_3_can_dispatch _flash_attn_can_dispatch _flash_attn_import_error "
            "_flex_attn_can_dispatch _from_config _fsdp_plan _fsdp_size _get_dtype_plan "
            "_get_files_timestamps _get_key_renaming_mapping _get_no_split_modules "
            "_get_resized_embeddings _get_resized_lm_head _grouped_mm_can_dispatch "
            "_hf_peft_config_loaded _hook_rss_memory_post_forward _hook_rss_memory_pre_forward "
            "_init_added_embeddings_weights_with_mean _init_added_lm_head_bias_with_mean "
            "_init_added_lm_head_weights_with_mean _init_weights _initialize_missing_keys "
            "_initialize_weights _input_embed_layer _is_distributed_loading_by_transformers "
            "_is_overridden _is_stateful _keep_in_fp32_modules _keep_in_fp32_modules_strict "
            "_keys_to_ignore_on_load_missing _keys_to_ignore_on_load_unexpected "
            "_keys_to_ignore_on_save _load_and_finalize_distributed_pretrained_model "
            "_load_from_flax _load_from_tf _load_pretrained_model _mesh_manager "
            "_move_missing_keys_from_meta_to_cpu _move_missing_keys_from_meta_to_device "
            "_no_split_modules _pp_plan _prepare_peft_hotswap_kwargs _resize_token_embeddings "
            "_resolve_parallel_plans _sdpa_can_dispatch _set_default_dtype "
            "_set_gradient_checkpointing _skip_keys_device_placement _supports_attention_backend "
            "_supports_context_parallel _supports_flash_attn _supports_flex_attn _supports_sdpa "
            "_tie_encoder_decoder_weights _tie_or_clone_weights _tied_weights_keys _tp_plan "
            "_tp_size _upload_modified_files _validate_parallel_plan "
            "activation_checkpointing_disable activation_checkpointing_enable active_adapters "
            "add_adapter add_memory_hooks add_model_tags barrier_after_gathered_checkpoint_save "
            "base_model base_model_prefix can_generate can_record_outputs config config_class "
            "create_extended_attention_mask_for_decoder delete_adapter dequantize device "
            "disable_adapters disable_input_require_grads dtype dummy_inputs enable_adapters "
            "enable_input_require_grads enable_peft_hotswap ep_plan estimate_tokens "
            "floating_point_ops framework from_pretrained fsdp_plan fsdp_size "
            "gather_sharded_state_dict_for_save generation_config generation_config_class "
            "get_adapter_state_dict get_compiled_call get_correct_attn_implementation "
            "get_correct_experts_implementation get_decoder get_encoder "
            "get_expanded_tied_weights_keys get_experts_implementation "
            "get_extended_attention_mask get_head_mask get_init_context get_input_embeddings "
            "get_memory_footprint get_output_embeddings get_parameter_or_buffer "
            "get_position_embeddings gradient_checkpointing_disable "
            "gradient_checkpointing_enable init_parallel_plans init_weights initialize_weights "
            "input_modalities invert_attention_mask is_activation_checkpointing "
            "is_backend_compatible is_custom_code is_distributed_loading_by_transformers "
            "is_gradient_checkpointing is_parallelizable is_remote_code kernelize load_adapter "
            "loss_function main_input_name mark_tied_weights_as_initialized "
            "maybe_distribute_model model_tags name_or_path named_non_persistent_buffers "
            "num_parameters post_init pp_plan prepare_distribute_model prune_heads push_to_hub "
            "register_for_auto_class reset_memory_hooks_state resize_position_embeddings "
            "resize_token_embeddings retrieve_modules_from_names reverse_bettertransformer "
            "save_distributed_checkpoint save_pretrained set_adapter set_attn_implementation "
            "set_decoder set_encoder set_experts_implementation set_input_embeddings "
            "set_output_embeddings set_use_kernels should_save_on_this_rank "
            "supports_context_parallel supports_gradient_checkpointing supports_pp_plan "
            "supports_tp_plan tie_embeddings_and_encoder_decoder tie_weights "
            "to_bettertransformer tp_plan tp_size use_kernels "
            "warn_if_padding_and_no_attention_mask warnings_issued"
        ).split()
    ),
    MODULE: frozenset(
        (
            "T_destination _apply _backward_hooks _backward_pre_hooks _buffers _call_impl "
            "_compiled_call_impl _forward_hooks _forward_hooks_always_called "
            "_forward_hooks_with_kwargs _forward_pre_hooks _forward_pre_hooks_with_kwargs "
            "_get_backward_hooks _get_backward_pre_hooks _get_name _is_full_backward_hook "
            "_load_from_state_dict _load_state_dict_post_hooks _load_state_dict_pre_hooks "
            "_maybe_warn_non_full_backward_hook _modules _named_members "
            "_non_persistent_buffers_set _parameters _register_load_state_dict_pre_hook "
            "_register_state_dict_hook _replicate_for_data_parallel _save_to_state_dict "
            "_slow_forward _state_dict_hooks _state_dict_pre_hooks _version _wrapped_call_impl "
            "add_module apply bfloat16 buffers call_super_init children compile cpu cuda double "
            "dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter "
            "get_submodule half ipu load_state_dict modules mtia named_buffers named_children "
            "named_modules named_parameters parameters register_backward_hook register_buffer "
            "register_forward_hook register_forward_pre_hook register_full_backward_hook "
            "register_full_backward_pre_hook register_load_state_dict_post_hook "
            "register_load_state_dict_pre_hook register_module register_parameter "
            "register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ "
            "set_extra_state set_submodule share_memory state_dict to to_empty train training "
            "type xpu zero_grad"
        ).split()
    ),
    "collections.ChainMap": frozenset(
        (
            "clear copy fromkeys get items keys maps new_child parents pop popitem setdefault "
            "update values"
        ).split()
    ),
    "types.MappingProxyType": frozenset("copy get items keys values".split()),
    **{f"torch.nn.{name}": frozenset(own.split()) for name, own in OWN_MEMBERS.items()},
}
