"""The roof: the command line that wires the floors together."""
