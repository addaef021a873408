"""What can go wrong on the hardware floor.

Every error raised on purpose is in this tree::

    HardwareError
     +-- ModelError (also ValueError)             a machine model states something impossible
     +-- CatalogueError (also ValueError)         a machine table cannot be read; the message names line and column
     +-- UnknownMachineError (also LookupError)   no machine of that name; the message lists the nearest ones
     +-- PowerError (also ValueError)             a power, an energy or a time that no meter could have seen
"""

from __future__ import annotations


class HardwareError(Exception):
    """Base of every error that the hardware floor raises on purpose."""


class ModelError(HardwareError, ValueError):
    """A machine model states something impossible; the message holds the value and what would be right."""


class CatalogueError(HardwareError, ValueError):
    """A machine table cannot be read; the message names file, line, column, value and remedy."""


class UnknownMachineError(HardwareError, LookupError):
    """No machine of that name; the message lists the nearest ones."""


class PowerError(HardwareError, ValueError):
    """A power, an energy or a time that no meter could have seen; the message holds the value."""
