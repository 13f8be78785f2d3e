"""What real releases of vLLM do with the fixture models and their mutants, and what we say."""
