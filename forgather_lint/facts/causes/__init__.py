"""The types of causes, a file for each subject. Each new type needs a rule that explains it."""
