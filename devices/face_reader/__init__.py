"""Face-recognition access readers that speak OSDP: packets, driver and emulator."""
