"""Figures of a run: pure functions from tables to pictures, one idea a module."""
