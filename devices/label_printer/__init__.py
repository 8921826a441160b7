"""Label printers that speak SATO's SBPL or Zebra's ZPL: a driver and an emulator of each."""
