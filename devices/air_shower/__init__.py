"""Air showers whose controller speaks Modbus RTU: registers, driver and emulator."""
