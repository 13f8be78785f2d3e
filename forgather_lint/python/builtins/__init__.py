"""Python's builtin functions and the methods of its plain types, a file for each family."""
