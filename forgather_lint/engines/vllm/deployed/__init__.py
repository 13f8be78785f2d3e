"""How a release treats what is deployed beside the code: weights, tokenizer, adapters.

Imported only for a folder with such files.
"""
