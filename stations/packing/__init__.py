"""Packing: document, order and envelope are scanned, must match, and go into parcels."""
