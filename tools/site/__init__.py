"""The documentation as a static site: the pages of docs/, and those that are made from the code."""
