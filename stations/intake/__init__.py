"""Intake: batches of applications are checked, loaded and offered to review."""
