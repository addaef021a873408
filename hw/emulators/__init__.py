"""Emulated devices: they answer on a pseudo-terminal as the real ones do, and find what they report."""
