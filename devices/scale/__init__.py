"""The scale with Mettler Toledo's Standard Interface Command Set: frames, driver and emulator."""
