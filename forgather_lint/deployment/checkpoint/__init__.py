"""The weights of a model as they lie on disk: names, shapes and dtypes, never the data."""
