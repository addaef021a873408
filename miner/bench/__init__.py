"""The benchmark: hashes counted from work done, hits audited, cycles beside rates, joules where a meter is."""
