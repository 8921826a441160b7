"""The swipe reader for machine-readable zones in the manner of the 3M RTE6701: frames, driver and emulator."""
