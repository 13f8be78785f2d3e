"""Quantized weights: how a config describes them, which layers have them, and the verdict.

    scheme   `quantization_config` as the release reads it
    layers   which layers are quantized, and what the release refuses about them at a size
    tensors  what a quantized layer takes from a checkpoint

Imported only for a model whose weights are quantized.
"""
