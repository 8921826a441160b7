"""Modbus RTU as a host speaks it to one unit on a port: unit numbers, replies in a byte stream, one exchange."""
