"""Power meters: each adds up joules, says what its watts hold, and never makes up a number."""
