"""Stratum v1: the protocol without a wire, a client that mines, and a pool on this machine that serves known work."""
