"""What SGLang's Transformers backend alone makes of a model."""
