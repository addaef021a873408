"""What can go wrong with a fleet.

Every error that the fleet raises on purpose is in this tree::

    HardwareError
     +-- FleetError
          +-- FleetSpecError (also ValueError)   a file that describes no fleet; the message gives file, key path and remedy
          +-- FleetPortError (also OSError)      an address or a port that cannot be had; the message says which
          +-- OrderRefusedError (also ValueError)   an order that a machine cannot carry out; the message says why
               +-- ControllerHangsError                its controller hangs; nothing but a restart helps
"""

from __future__ import annotations

from hw.errors import HardwareError


class FleetError(HardwareError):
    """Base of every error that the fleet raises on purpose."""


class FleetSpecError(FleetError, ValueError):
    """A file that describes no fleet; the message gives file, key path, value, and what would be right."""


class FleetPortError(FleetError, OSError):
    """An address or a port that cannot be had; the message says which, why, and what to do."""


class OrderRefusedError(FleetError, ValueError):
    """An order that a machine cannot carry out; it goes on as before, and the message says what would be right."""


class ControllerHangsError(OrderRefusedError):
    """An order to a machine whose controller hangs: it goes on doing nothing, until somebody restarts it."""
