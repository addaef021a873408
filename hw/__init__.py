"""The hardware floor: machines, what they draw, and where each figure comes from."""
