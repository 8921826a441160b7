"""Realistic batches of any size from a seed, with a known share of seeded defects. Everything it makes is emulated."""
