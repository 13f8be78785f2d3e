"""What is deployed beside the code of a model: read here, judged by the engines.

A module of this folder is imported only when a file that it reads is present.
"""
