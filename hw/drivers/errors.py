"""What can go wrong between a host and a device.

Every error that a driver raises on purpose is in this tree::

    HardwareError
     +-- DriverError
          +-- FlatLineError (also RuntimeError)    a device that hashes by its own account, and finds nothing
          +-- GarbageError (also RuntimeError)     a device of whose answers none is a nonce
          +-- FrameError (also ValueError)         bytes or fields that the wire format does not know
          +-- SettingError (also ValueError)       a frequency, a voltage or a mode that the device does not have
          +-- PortError (also OSError)             no such port, no right to it, or somebody else has it
          |    +-- PortLostError                   it went away while it was open
          +-- ProbeError                           what answers there is not the device that was asked for
"""

from __future__ import annotations

from hw.errors import HardwareError


class DriverError(HardwareError):
    """Base of every error that a driver raises on purpose."""


class FlatLineError(DriverError, RuntimeError):
    """A device that hashes by its own account, and finds nothing for far too long; the message says for how many hashes."""


class GarbageError(DriverError, RuntimeError):
    """A device that answers a lot, and never with a nonce of its work; the message says how often."""


class FrameError(DriverError, ValueError):
    """Bytes or fields that the wire format does not know; the message says what would be right."""


class SettingError(DriverError, ValueError):
    """A frequency, a voltage or a mode that the device does not have; the message gives its range."""


class PortError(DriverError, OSError):
    """No such port, no right to it, or somebody else has it; the message says which and what to do."""


class PortLostError(PortError):
    """The port went away while it was open: unplugged, or the other end has gone."""


class ProbeError(DriverError):
    """What answers there, or does not, is not the device that was asked for; the message says what came."""
