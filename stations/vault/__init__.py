"""The vault: blanks come in by serial range, go out by scan, and balance."""
