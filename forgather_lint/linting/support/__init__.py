"""Questions about facts that several rules ask, and words for the answers."""
