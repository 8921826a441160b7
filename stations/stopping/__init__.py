"""Stopped applications: a lead stops one anywhere at any time, two people let it go on or end it for good."""
