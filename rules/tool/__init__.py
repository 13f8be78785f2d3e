"""Rules about the tool itself: its comments, and what it could not decide."""
