"""The attributes of the classes of `torch.nn`, beyond those that every module has.

Source: `dir()`, `__constants__` and constructors of each class, torch 2.13.
"""

from __future__ import annotations

from collections.abc import Mapping

OWN_MEMBERS: Mapping[str, str] = {
    "AdaptiveAvgPool1d": "output_size",
    "AdaptiveAvgPool2d": "output_size",
    "AdaptiveAvgPool3d": "output_size",
    "AdaptiveLogSoftmaxWithLoss": (
        "_get_full_log_prob cutoffs div_value head head_bias head_size in_features log_prob "
        "n_classes n_clusters predict reset_parameters shortlist_size tail"
    ),
    "AdaptiveMaxPool1d": "output_size return_indices",
    "AdaptiveMaxPool2d": "output_size return_indices",
    "AdaptiveMaxPool3d": "output_size return_indices",
    "AlphaDropout": "inplace p",
    "AvgPool1d": "ceil_mode count_include_pad kernel_size padding stride",
    "AvgPool2d": "ceil_mode count_include_pad divisor_override kernel_size padding stride",
    "AvgPool3d": "ceil_mode count_include_pad divisor_override kernel_size padding stride",
    "BCELoss": "reduction",
    "BCEWithLogitsLoss": "reduction",
    "BatchNorm1d": (
        "_check_input_dim affine bias eps momentum num_features reset_parameters "
        "reset_running_stats track_running_stats weight"
    ),
    "BatchNorm2d": (
        "_check_input_dim affine bias eps momentum num_features reset_parameters "
        "reset_running_stats track_running_stats weight"
    ),
    "BatchNorm3d": (
        "_check_input_dim affine bias eps momentum num_features reset_parameters "
        "reset_running_stats track_running_stats weight"
    ),
    "Bilinear": "bias in1_features in2_features out_features reset_parameters weight",
    "CELU": "alpha inplace",
    "CTCLoss": "blank reduction zero_infinity",
    "ChannelShuffle": "groups",
    "CircularPad1d": "_check_input_dim padding",
    "CircularPad2d": "_check_input_dim padding",
    "CircularPad3d": "_check_input_dim padding",
    "ConstantPad1d": "padding value",
    "ConstantPad2d": "padding value",
    "ConstantPad3d": "padding value",
    "Conv1d": (
        "_conv_forward _reversed_padding_repeated_twice bias dilation groups in_channels "
        "kernel_size out_channels output_padding padding padding_mode reset_parameters stride "
        "transposed weight"
    ),
    "Conv2d": (
        "_conv_forward _reversed_padding_repeated_twice bias dilation groups in_channels "
        "kernel_size out_channels output_padding padding padding_mode reset_parameters stride "
        "transposed weight"
    ),
    "Conv3d": (
        "_conv_forward _reversed_padding_repeated_twice bias dilation groups in_channels "
        "kernel_size out_channels output_padding padding padding_mode reset_parameters stride "
        "transposed weight"
    ),
    "ConvTranspose1d": (
        "_conv_forward _output_padding _reversed_padding_repeated_twice bias dilation groups "
        "in_channels kernel_size out_channels output_padding padding padding_mode "
        "reset_parameters stride transposed weight"
    ),
    "ConvTranspose2d": (
        "_conv_forward _output_padding _reversed_padding_repeated_twice bias dilation groups "
        "in_channels kernel_size out_channels output_padding padding padding_mode "
        "reset_parameters stride transposed weight"
    ),
    "ConvTranspose3d": (
        "_conv_forward _output_padding _reversed_padding_repeated_twice bias dilation groups "
        "in_channels kernel_size out_channels output_padding padding padding_mode "
        "reset_parameters stride transposed weight"
    ),
    "CosineEmbeddingLoss": "margin reduction",
    "CosineSimilarity": "dim eps",
    "CrossEntropyLoss": "ignore_index label_smoothing reduction",
    "CrossMapLRN2d": "alpha beta k size",
    "DataParallel": (
        "_is_protocol device_ids dim gather module output_device parallel_apply replicate "
        "scatter src_device_obj"
    ),
    "Dropout": "inplace p",
    "Dropout1d": "inplace p",
    "Dropout2d": "inplace p",
    "Dropout3d": "inplace p",
    "ELU": "alpha inplace",
    "Embedding": (
        "_fill_padding_idx_with_zero embedding_dim freeze from_pretrained max_norm norm_type "
        "num_embeddings padding_idx reset_parameters scale_grad_by_freq sparse weight"
    ),
    "EmbeddingBag": (
        "_fill_padding_idx_with_zero embedding_dim from_pretrained include_last_offset max_norm "
        "mode norm_type num_embeddings padding_idx reset_parameters scale_grad_by_freq sparse "
        "weight"
    ),
    "FeatureAlphaDropout": "inplace p",
    "Flatten": "end_dim start_dim",
    "Fold": "dilation kernel_size output_size padding stride",
    "FractionalMaxPool2d": "kernel_size output_ratio output_size return_indices",
    "FractionalMaxPool3d": "kernel_size output_ratio output_size return_indices",
    "GELU": "approximate",
    "GLU": "dim",
    "GRU": (
        "_all_weights _flat_weight_refs _flat_weights _flat_weights_names _init_flat_weights "
        "_update_flat_weights _weights_have_changed all_weights batch_first bias bidirectional "
        "check_forward_args check_hidden_size check_input dropout flatten_parameters "
        "get_expected_hidden_size hidden_size input_size mode num_layers permute_hidden "
        "proj_size reset_parameters weight"
    ),
    "GRUCell": "bias bias_hh bias_ih hidden_size input_size reset_parameters weight_hh weight_ih",
    "GaussianNLLLoss": "eps full reduction",
    "GroupNorm": "affine bias eps num_channels num_groups reset_parameters weight",
    "Hardshrink": "lambd",
    "Hardsigmoid": "inplace",
    "Hardswish": "inplace",
    "Hardtanh": "inplace max_val min_val",
    "HingeEmbeddingLoss": "margin reduction",
    "HuberLoss": "delta reduction",
    "InstanceNorm1d": (
        "_apply_instance_norm _check_input_dim _get_no_batch_dim _handle_no_batch_input affine "
        "bias eps momentum num_features reset_parameters reset_running_stats "
        "track_running_stats weight"
    ),
    "InstanceNorm2d": (
        "_apply_instance_norm _check_input_dim _get_no_batch_dim _handle_no_batch_input affine "
        "bias eps momentum num_features reset_parameters reset_running_stats "
        "track_running_stats weight"
    ),
    "InstanceNorm3d": (
        "_apply_instance_norm _check_input_dim _get_no_batch_dim _handle_no_batch_input affine "
        "bias eps momentum num_features reset_parameters reset_running_stats "
        "track_running_stats weight"
    ),
    "KLDivLoss": "log_target reduction",
    "L1Loss": "reduction",
    "LPPool1d": "ceil_mode kernel_size norm_type stride",
    "LPPool2d": "ceil_mode kernel_size norm_type stride",
    "LPPool3d": "ceil_mode kernel_size norm_type stride",
    "LSTM": (
        "_all_weights _flat_weight_refs _flat_weights _flat_weights_names _init_flat_weights "
        "_update_flat_weights _weights_have_changed all_weights batch_first bias bidirectional "
        "check_forward_args check_hidden_size check_input dropout flatten_parameters "
        "get_expected_cell_size get_expected_hidden_size hidden_size input_size mode num_layers "
        "permute_hidden proj_size reset_parameters weight"
    ),
    "LSTMCell": "bias bias_hh bias_ih hidden_size input_size reset_parameters weight_hh weight_ih",
    "LayerNorm": "bias elementwise_affine eps normalized_shape reset_parameters weight",
    "LazyBatchNorm1d": (
        "_check_input_dim _infer_parameters _initialize_hook _lazy_load_hook _load_hook affine "
        "bias cls_to_become eps fc1 fc2 has_uninitialized_params initialize_parameters momentum "
        "num_batches_tracked num_features relu1 relu2 reset_parameters reset_running_stats "
        "running_mean running_var track_running_stats weight"
    ),
    "LazyBatchNorm2d": (
        "_check_input_dim _infer_parameters _initialize_hook _lazy_load_hook _load_hook affine "
        "bias cls_to_become eps fc1 fc2 has_uninitialized_params initialize_parameters momentum "
        "num_batches_tracked num_features relu1 relu2 reset_parameters reset_running_stats "
        "running_mean running_var track_running_stats weight"
    ),
    "LazyBatchNorm3d": (
        "_check_input_dim _infer_parameters _initialize_hook _lazy_load_hook _load_hook affine "
        "bias cls_to_become eps fc1 fc2 has_uninitialized_params initialize_parameters momentum "
        "num_batches_tracked num_features relu1 relu2 reset_parameters reset_running_stats "
        "running_mean running_var track_running_stats weight"
    ),
    "LazyConv1d": (
        "_conv_forward _get_in_channels _get_num_spatial_dims _infer_parameters "
        "_initialize_hook _lazy_load_hook _load_hook _reversed_padding_repeated_twice bias "
        "cls_to_become dilation fc1 fc2 groups has_uninitialized_params in_channels "
        "initialize_parameters kernel_size out_channels output_padding padding padding_mode "
        "relu1 relu2 reset_parameters stride transposed weight"
    ),
    "LazyConv2d": (
        "_conv_forward _get_in_channels _get_num_spatial_dims _infer_parameters "
        "_initialize_hook _lazy_load_hook _load_hook _reversed_padding_repeated_twice bias "
        "cls_to_become dilation fc1 fc2 groups has_uninitialized_params in_channels "
        "initialize_parameters kernel_size out_channels output_padding padding padding_mode "
        "relu1 relu2 reset_parameters stride transposed weight"
    ),
    "LazyConv3d": (
        "_conv_forward _get_in_channels _get_num_spatial_dims _infer_parameters "
        "_initialize_hook _lazy_load_hook _load_hook _reversed_padding_repeated_twice bias "
        "cls_to_become dilation fc1 fc2 groups has_uninitialized_params in_channels "
        "initialize_parameters kernel_size out_channels output_padding padding padding_mode "
        "relu1 relu2 reset_parameters stride transposed weight"
    ),
    "LazyConvTranspose1d": (
        "_conv_forward _get_in_channels _get_num_spatial_dims _infer_parameters "
        "_initialize_hook _lazy_load_hook _load_hook _output_padding "
        "_reversed_padding_repeated_twice bias cls_to_become dilation fc1 fc2 groups "
        "has_uninitialized_params in_channels initialize_parameters kernel_size out_channels "
        "output_padding padding padding_mode relu1 relu2 reset_parameters stride transposed "
        "weight"
    ),
    "LazyConvTranspose2d": (
        "_conv_forward _get_in_channels _get_num_spatial_dims _infer_parameters "
        "_initialize_hook _lazy_load_hook _load_hook _output_padding "
        "_reversed_padding_repeated_twice bias cls_to_become dilation fc1 fc2 groups "
        "has_uninitialized_params in_channels initialize_parameters kernel_size out_channels "
        "output_padding padding padding_mode relu1 relu2 reset_parameters stride transposed "
        "weight"
    ),
    "LazyConvTranspose3d": (
        "_conv_forward _get_in_channels _get_num_spatial_dims _infer_parameters "
        "_initialize_hook _lazy_load_hook _load_hook _output_padding "
        "_reversed_padding_repeated_twice bias cls_to_become dilation fc1 fc2 groups "
        "has_uninitialized_params in_channels initialize_parameters kernel_size out_channels "
        "output_padding padding padding_mode relu1 relu2 reset_parameters stride transposed "
        "weight"
    ),
    "LazyInstanceNorm1d": (
        "_apply_instance_norm _check_input_dim _get_no_batch_dim _handle_no_batch_input "
        "_infer_parameters _initialize_hook _lazy_load_hook _load_hook affine bias "
        "cls_to_become eps fc1 fc2 has_uninitialized_params initialize_parameters momentum "
        "num_batches_tracked num_features relu1 relu2 reset_parameters reset_running_stats "
        "running_mean running_var track_running_stats weight"
    ),
    "LazyInstanceNorm2d": (
        "_apply_instance_norm _check_input_dim _get_no_batch_dim _handle_no_batch_input "
        "_infer_parameters _initialize_hook _lazy_load_hook _load_hook affine bias "
        "cls_to_become eps fc1 fc2 has_uninitialized_params initialize_parameters momentum "
        "num_batches_tracked num_features relu1 relu2 reset_parameters reset_running_stats "
        "running_mean running_var track_running_stats weight"
    ),
    "LazyInstanceNorm3d": (
        "_apply_instance_norm _check_input_dim _get_no_batch_dim _handle_no_batch_input "
        "_infer_parameters _initialize_hook _lazy_load_hook _load_hook affine bias "
        "cls_to_become eps fc1 fc2 has_uninitialized_params initialize_parameters momentum "
        "num_batches_tracked num_features relu1 relu2 reset_parameters reset_running_stats "
        "running_mean running_var track_running_stats weight"
    ),
    "LazyLinear": (
        "_infer_parameters _initialize_hook _lazy_load_hook _load_hook bias cls_to_become fc1 "
        "fc2 has_uninitialized_params in_features initialize_parameters out_features relu1 "
        "relu2 reset_parameters weight"
    ),
    "LeakyReLU": "inplace negative_slope",
    "Linear": "bias in_features out_features reset_parameters weight",
    "LinearCrossEntropyLoss": (
        "ignore_index label_smoothing linear num_classes options out_features reduction"
    ),
    "LocalResponseNorm": "alpha beta k size",
    "LogSoftmax": "dim",
    "MSELoss": "reduction",
    "MarginRankingLoss": "margin reduction",
    "MaxPool1d": "ceil_mode dilation kernel_size padding return_indices stride",
    "MaxPool2d": "ceil_mode dilation kernel_size padding return_indices stride",
    "MaxPool3d": "ceil_mode dilation kernel_size padding return_indices stride",
    "MaxUnpool1d": "kernel_size padding stride",
    "MaxUnpool2d": "kernel_size padding stride",
    "MaxUnpool3d": "kernel_size padding stride",
    "Mish": "inplace",
    "ModuleDict": "activations choices clear items keys pop update values",
    "ModuleList": "_get_abs_string_index append extend insert linears pop",
    "MultiLabelMarginLoss": "reduction",
    "MultiLabelSoftMarginLoss": "reduction",
    "MultiMarginLoss": "margin p reduction",
    "MultiheadAttention": (
        "_qkv_same_embed_dim _reset_parameters add_zero_attn batch_first bias_k bias_v dropout "
        "embed_dim head_dim in_proj_bias in_proj_weight k_proj_weight kdim merge_masks "
        "num_heads out_proj q_proj_weight v_proj_weight vdim"
    ),
    "NLLLoss": "ignore_index reduction",
    "NLLLoss2d": "ignore_index reduction",
    "PReLU": "init num_parameters reset_parameters weight",
    "PairwiseDistance": "eps keepdim norm",
    "ParameterDict": (
        "_key_to_attr _keys clear copy fromkeys get items keys params pop popitem setdefault "
        "update values"
    ),
    "ParameterList": "_get_abs_string_index _size append extend params",
    "PixelShuffle": "upscale_factor",
    "PixelUnshuffle": "downscale_factor",
    "PoissonNLLLoss": "eps full log_input reduction",
    "RMSNorm": "elementwise_affine eps normalized_shape reset_parameters weight",
    "RNN": (
        "_all_weights _flat_weight_refs _flat_weights _flat_weights_names _init_flat_weights "
        "_update_flat_weights _weights_have_changed all_weights batch_first bias bidirectional "
        "check_forward_args check_hidden_size check_input dropout flatten_parameters "
        "get_expected_hidden_size hidden_size input_size mode nonlinearity num_layers "
        "permute_hidden proj_size reset_parameters weight"
    ),
    "RNNBase": (
        "_all_weights _flat_weight_refs _flat_weights _flat_weights_names _init_flat_weights "
        "_update_flat_weights _weights_have_changed all_weights batch_first bias bidirectional "
        "check_forward_args check_hidden_size check_input dropout flatten_parameters "
        "get_expected_hidden_size hidden_size input_size mode num_layers permute_hidden "
        "proj_size reset_parameters weight"
    ),
    "RNNCell": (
        "bias bias_hh bias_ih hidden_size input_size nonlinearity reset_parameters weight_hh "
        "weight_ih"
    ),
    "RNNCellBase": (
        "bias bias_hh bias_ih hidden_size input_size reset_parameters weight_hh weight_ih"
    ),
    "RReLU": "inplace lower upper",
    "ReLU": "inplace",
    "ReLU6": "inplace max_val min_val",
    "ReflectionPad1d": "padding",
    "ReflectionPad2d": "padding",
    "ReflectionPad3d": "padding",
    "ReplicationPad1d": "padding",
    "ReplicationPad2d": "padding",
    "ReplicationPad3d": "padding",
    "SELU": "inplace",
    "Sequential": "_get_item_by_idx append extend insert pop",
    "SiLU": "inplace",
    "SmoothL1Loss": "beta reduction",
    "SoftMarginLoss": "reduction",
    "Softmax": "dim",
    "Softmin": "dim",
    "Softplus": "beta threshold",
    "Softshrink": "lambd",
    "SyncBatchNorm": (
        "_check_input_dim _check_non_zero_input_channels affine bias convert_sync_batchnorm eps "
        "momentum num_features process_group reset_parameters reset_running_stats "
        "track_running_stats weight"
    ),
    "Threshold": "inplace threshold value",
    "Transformer": (
        "_reset_parameters batch_first d_model decoder encoder generate_square_subsequent_mask "
        "nhead"
    ),
    "TransformerDecoder": "layers norm num_layers",
    "TransformerDecoderLayer": (
        "_ff_block _mha_block _sa_block activation dropout dropout1 dropout2 dropout3 linear1 "
        "linear2 multihead_attn norm1 norm2 norm3 norm_first self_attn"
    ),
    "TransformerEncoder": (
        "enable_nested_tensor layers mask_check norm num_layers use_nested_tensor"
    ),
    "TransformerEncoderLayer": (
        "_ff_block _sa_block activation activation_relu_or_gelu dropout dropout1 dropout2 "
        "linear1 linear2 norm1 norm2 norm_first self_attn"
    ),
    "TripletMarginLoss": "eps margin p reduction swap",
    "TripletMarginWithDistanceLoss": "distance_function margin reduction swap",
    "Unflatten": "_require_tuple_int dim unflattened_size",
    "Unfold": "dilation kernel_size padding stride",
    "Upsample": "align_corners mode name recompute_scale_factor scale_factor size",
    "UpsamplingBilinear2d": "align_corners mode name recompute_scale_factor scale_factor size",
    "UpsamplingNearest2d": "align_corners mode name recompute_scale_factor scale_factor size",
    "ZeroPad1d": "padding value",
    "ZeroPad2d": "padding value",
    "ZeroPad3d": "padding value",
}
