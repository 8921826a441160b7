"""The document reader: driver and emulator."""
