"""The language server: the documents in an editor, and what there is to say about them.

app         the protocol: requests, and when to analyse again; no more than that
buffers     the open documents, as they are typed
link        the analysing process, as the server sees it
analyst     that process: a session for each kind of settings, with workers
questions   the messages between the two
positions   conversion between our places and those of the protocol
the rest    one feature each: functions of findings, of a model's picture, and of texts
"""
