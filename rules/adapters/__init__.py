"""FGL640 to FGL644: LoRA adapters beside the model."""
