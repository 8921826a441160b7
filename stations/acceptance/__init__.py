"""A tray is accepted at a desk: a person counts it blind, scan by scan, and the line books what they found."""
