"""Ways to search nonces, behind a table of strings; see `miner.backends.registry`."""
