"""Icarus, and the stick miners that speak its protocol: 64 bytes of work in, a nonce out."""
