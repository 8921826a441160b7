"""The Creator CRT-591-M card dispenser and chip encoder: a driver at two capability levels, and an emulator."""
