"""Real engines for tests and tools: what releases of vLLM do with a model, and transformers.

    question    a model folder at one pair of sizes
    asking      puts questions to the vLLM of another Python: forked once for every rank
    ranks       runs inside that Python, and imports nothing of this repository but its probes
    releases    several Pythons, with one release each, asked one after the other
    outcome     what became of a question
    stored      outcomes as data, with the versions of the packages

`python -m oracles --help` asks from the command line.
"""
