"""What can go wrong on the simulation floor.

Every error raised on purpose is in this tree::

    GridError
     +-- ScenarioError (also ValueError)      a scenario, region or prior file says something impossible
     |    +-- ScenarioNotFoundError           no such scenario, region table or prior table
     +-- FleetError (also ValueError)         arrays of machines, or of what is around them, that make no sense
     |    +-- FleetBackendUnavailableError    no backend of that name, or what it needs is missing
     |    +-- FleetSelfTestError              a backend that comes to other watts than the reference
     +-- SimulationError (also RuntimeError)  a world reached a state that its rules exclude
"""

from __future__ import annotations


class GridError(Exception):
    """Base of every error that the simulation floor raises on purpose."""


class ScenarioError(GridError, ValueError):
    """A scenario says something impossible; the message names file, key, value and remedy."""


class ScenarioNotFoundError(ScenarioError):
    """No scenario (or table that it names) of that name; the message lists the known ones."""


class FleetError(GridError, ValueError):
    """Arrays of machines, or of what is around them, that make no sense; the message says what would."""


class FleetBackendUnavailableError(FleetError):
    """No backend for arrays of machines of that name, or what it needs is missing; the message says which there are."""


class FleetSelfTestError(FleetError):
    """A backend comes to other watts than the reference; it is refused."""


class SimulationError(GridError, RuntimeError):
    """A world reached a state that its own rules exclude: a defect, not bad input."""
