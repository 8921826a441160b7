"""The book personalizer: driver and emulator."""
