"""FGL5xx: what the target release needs, refuses or silently ignores."""
