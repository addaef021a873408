"""What can go wrong on the simulation floor.

Every error raised on purpose is in this tree::

    GridError
     +-- ScenarioError (also ValueError)      a scenario, region or prior file says something impossible
     |    +-- ScenarioNotFoundError           no such scenario, region table or prior table
     +-- SimulationError (also RuntimeError)  a world reached a state that its rules exclude
"""

from __future__ import annotations


class GridError(Exception):
    """Base of every error that the simulation floor raises on purpose."""


class ScenarioError(GridError, ValueError):
    """A scenario says something impossible; the message names file, key, value and remedy."""


class ScenarioNotFoundError(ScenarioError):
    """No scenario (or table that it names) of that name; the message lists the known ones."""


class SimulationError(GridError, RuntimeError):
    """A world reached a state that its own rules exclude: a defect, not bad input."""
