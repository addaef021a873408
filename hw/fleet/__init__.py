"""Simulated machines with a network face: they answer as miners in a hall do.

`spec` and `load` say which machines there are, `bitaxe` and `plans` how each is built, `machine` is one of them over time.
`cgminer_rpc`, `cgminer_tables`, `btminer_tables` and `axeos` are what they say, bytes in and bytes out; `conversation` and
`serving` hold the sockets.
"""
