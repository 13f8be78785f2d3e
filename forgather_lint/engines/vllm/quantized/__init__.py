"""Quantized weights: what a config says of them, which layers have them, and what that comes to.

    scheme   `quantization_config` as the release reads it
    layers   which layers are quantized, and what the release refuses of them at a size
    tensors  what a quantized layer takes from a checkpoint

Imported only for a model whose weights are quantized.
"""
