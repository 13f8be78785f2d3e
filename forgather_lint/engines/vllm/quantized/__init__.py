"""Quantized weights: how a config describes them, which layers have them, and the verdict.

    scheme   `quantization_config` as the release reads it
    layers   which layers the release builds, and which of them are quantized
    verdict  what it refuses about them at a size; `experts` has blocks of experts
    tensors  what a quantized layer takes from a checkpoint

Imported only for a model whose weights are quantized.
"""
