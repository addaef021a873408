"""Runs many devices on the work of one job, and carries out what they are ordered from outside while they run.

`supervisor` is what others use. Each device has a `keeper` with a thread of its own, which uses one file for each idea: the
`job_board`, the `orders` that wait, the work `in_hand`, the `account` of what was done, the watch for a `flat_line`, and the
`snapshot` that tells how a device stands.
"""

from __future__ import annotations

from hw.supervisor.account import Totals
from hw.supervisor.flat_line import FLAT_NONCES, FLAT_S
from hw.supervisor.keeper import Care
from hw.supervisor.orders import Outcomes, Standing, refusals
from hw.supervisor.snapshot import DeviceSnapshot, Health
from hw.supervisor.supervisor import Supervisor, unique_labels

__all__ = [
    "FLAT_NONCES",
    "FLAT_S",
    "Care",
    "DeviceSnapshot",
    "Health",
    "Outcomes",
    "Standing",
    "Supervisor",
    "Totals",
    "refusals",
    "unique_labels",
]
