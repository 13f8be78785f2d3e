"""What comes of checking when texts change: fixes that are tried before they are written."""
