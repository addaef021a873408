"""Arrays of machines: the one text of their physics over thousands of machines at once."""
