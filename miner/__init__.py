"""The mining floor: headers, targets, work and the kernels that search for nonces."""
