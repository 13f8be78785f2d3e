"""Pictures of a model for a browser: pages of HTML and drawings of SVG."""
