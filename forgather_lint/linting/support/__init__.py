"""Questions about facts that more than one rule asks, and the words for their answers."""
