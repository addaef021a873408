"""What can go wrong on the hardware floor.

Every error raised on purpose is in this tree::

    HardwareError
     +-- ModelError (also ValueError)             a machine model states something impossible
     +-- OperatingPointError (also ValueError)    a setting that no machine can hold: no voltage, thermal runaway, overload
     |    +-- NoSettingError                         no setting keeps the caps or reaches the target
     +-- FaultError (also ValueError)             no such fault, or one that this machine cannot have
     +-- CatalogueError (also ValueError)         a machine table cannot be read; the message names line and column
     +-- UnknownMachineError (also LookupError)   no machine of that name; the message lists the nearest ones
     +-- PowerError (also ValueError)             a power, an energy or a time that no meter could have seen
     +-- SearchError (also RuntimeError)          the search behind a device ended by an error of the backend
     +-- MeterError (also ValueError)             no such meter, or its specification makes no sense
          +-- MeterUnavailableError (also OSError)   this machine has no such instrument, or may not read it
          +-- NoPowerYetError                        too little time has passed to tell a power
"""

from __future__ import annotations


class HardwareError(Exception):
    """Base of every error that the hardware floor raises on purpose."""


class ModelError(HardwareError, ValueError):
    """A machine model states something impossible; the message holds the value and what would be right."""


class OperatingPointError(HardwareError, ValueError):
    """A setting that no machine can hold: no voltage for it, thermal runaway, overload; the message holds the figures."""


class NoSettingError(OperatingPointError):
    """No setting keeps the caps or reaches the target; the message says which is nearest."""


class FaultError(HardwareError, ValueError):
    """No fault of that name, or one that this machine cannot have; the message lists those there are."""


class CatalogueError(HardwareError, ValueError):
    """A machine table cannot be read; the message names file, line, column, value and remedy."""


class UnknownMachineError(HardwareError, LookupError):
    """No machine of that name; the message lists the nearest ones."""


class PowerError(HardwareError, ValueError):
    """A power, an energy or a time that no meter could have seen; the message holds the value."""


class SearchError(HardwareError, RuntimeError):
    """The search behind a device ended by an error; the message holds that."""


class MeterError(HardwareError, ValueError):
    """No meter of that name, or a specification that makes no sense; the message says what would be right."""


class MeterUnavailableError(MeterError, OSError):
    """No such instrument on this machine, or it may not be read; the message gives the reason."""


class NoPowerYetError(MeterError):
    """A meter was asked for a power too soon after it was opened; the message says from when on there is one."""
