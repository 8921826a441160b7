"""Airborne particle counters on Modbus RTU: registers, frames, driver and emulator."""
