"""The rules of each place on the line, a folder each. No Prefect, no serial."""
