"""What several engines look for in a model; none of them is imported here."""
