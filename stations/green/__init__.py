"""The green channel: a lead raises an application that waits, and it overtakes everything from where it is."""
