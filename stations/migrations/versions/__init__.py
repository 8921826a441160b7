"""The migrations of the line tables, one a file, in the order of their numbers."""
