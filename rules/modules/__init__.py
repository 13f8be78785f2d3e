"""Rules on `_no_split_modules` and `_tied_weights_keys`."""
