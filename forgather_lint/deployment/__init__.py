"""What is deployed beside the code of a model: read here, judged by the engines.

Nothing of this is imported before a file of it lies in the folder.
"""
