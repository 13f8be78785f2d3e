"""The language server: an editor's documents, and what is to be said of them.

app         the protocol: who asks what, when it is asked again; no more than that
buffers     the documents that are open, as they are typed
link        the process that analyses, as the server sees it
analyst     that process: a session for each kind of settings, workers below it
questions   what the two say to each other
positions   places here to places of the protocol and back
the rest    one feature each: plain functions of findings, of a model's picture, and of texts
"""
