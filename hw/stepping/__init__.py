"""Machines step by step, in numbers only: one text of their physics that is interpreted, compiled and run in vector lanes."""
