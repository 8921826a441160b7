"""Patrols: rounds of machines and places by a plan, what they find, and each finding followed to its end."""
