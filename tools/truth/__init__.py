"""What real releases of vLLM do with the fixture models and their mutants, beside our verdicts."""
