"""Rolls of laminate: consumables that a machine's counters speak of, from the supplier's delivery to their end."""
