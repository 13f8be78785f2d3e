"""Python's builtin functions and the methods of its plain types, one file a family."""
