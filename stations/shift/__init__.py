"""The shift: who and what is in it, what two people counted, and what must be settled before it closes."""
