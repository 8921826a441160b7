"""Machines: transport, link, sessions, drivers, emulators. Knows nothing of applications or the log."""
