"""Proofs of custody: made from the log's database, verified from one file without it."""
