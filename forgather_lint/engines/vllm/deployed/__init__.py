"""What a release makes of what is deployed beside the code: weights, tokenizer, adapters.

Imported only for a folder that holds such files.
"""
