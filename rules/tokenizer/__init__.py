"""FGL635 to FGL639: the tokenizer beside the model."""
