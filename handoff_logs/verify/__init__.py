"""The handoff log verified in seven numbered steps, from its rows alone (docs/handoff-log.md)."""
