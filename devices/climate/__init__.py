"""Climate transmitters that speak Modbus RTU in the manner of the XY-MD02: registers, frames, driver and emulator."""
