"""The migrations of the custody tables, one a file, in the order of their numbers."""
