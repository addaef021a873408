"""Where a miner goes: to its own pool, or to another port of the same host, as long as that one lets it in."""

from __future__ import annotations

import logging

from miner.stratum.address import PoolAddress
from miner.stratum.events import Leave
from miner.stratum.json_line import told

_LOG = logging.getLogger(__name__)


class Route:
    """The way from `home`, and back to it."""

    def __init__(self, home: PoolAddress) -> None:
        self._home = home
        self.address = home
        """Where to go next."""

    def go_home(self) -> None:
        """Give up any other place."""
        self.address = self._home

    def after(self, leave: Leave | None, *, let_in: bool) -> None:
        """Decide where to go after a visit that ended with this wish of the pool, and in which the user was let in or not.

        What is no pool, or none for this user, is not gone to again; and nobody is sent on from there.
        """
        if self.address != self._home and not let_in:
            _LOG.warning("going back to pool %s: nobody was let in at port %d", self._home, self.address.port)
            self.go_home()
        elif leave is not None and (leave.host or self._home.host).casefold() != self._home.host.casefold():
            _LOG.warning("the pool wanted to send us to %s: refused, it is another host", told(leave.host))
        elif leave is not None and leave.port is not None:
            self.address = PoolAddress(self._home.host, leave.port)
