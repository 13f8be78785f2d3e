"""The types of causes, by what they are about. A new one gets a record here, and a rule."""
