"""One run over paths, and what comes of it when texts change: fixes are tried, then written."""
