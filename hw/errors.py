"""What can go wrong on the hardware floor.

Every error raised on purpose is in this tree::

    HardwareError
     +-- ModelError (also ValueError)             a machine model states something impossible
     +-- CatalogueError (also ValueError)         a machine table cannot be read; the message names line and column
     +-- UnknownMachineError (also LookupError)   no machine of that name; the message lists the nearest ones
     +-- PowerError (also ValueError)             a power, an energy or a time that no meter could have seen
     +-- MeterError (also ValueError)             no such meter, or its specification makes no sense
          +-- MeterUnavailableError (also OSError)   this machine has no such instrument, or may not read it
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


class MeterError(HardwareError, ValueError):
    """No meter of that name, or a specification that makes no sense; the message says what would be right."""


class MeterUnavailableError(MeterError, OSError):
    """No such instrument on this machine, or it may not be read; the message gives the reason."""
