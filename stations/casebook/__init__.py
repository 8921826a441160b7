"""The casebook: mistakes that were caught, kept without whose they were, so that they are caught again."""
