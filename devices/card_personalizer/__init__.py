"""The card personalizer: driver and emulator."""
