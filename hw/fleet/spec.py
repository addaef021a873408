"""What a fleet consists of, as a file states it: groups of like machines, their surroundings and their faults."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_MACHINES: Final = 1000  # each has a socket of its own; more is another program
MOST_GROUPS: Final = 100
HOTTEST_C: Final = 60.0  # degC of air, beyond what any machine is sold for
COLDEST_C: Final = -40.0

Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$",
        description="a name of up to 24 of a-z, 0-9 and inner dashes, such as 'row-1'",
    ),
]
"""Of a group: it becomes part of hostnames."""


class Firmware(StrEnum):
    """The tongue in which a machine answers."""

    AXEOS = "axeos"
    """HTTP, as Bitaxes do."""
    BTMINER = "btminer"
    """The cgminer RPC with a Whatsminer's power and temperatures."""
    CGMINER = "cgminer"
    """The cgminer RPC as it was, which has no word for power."""


class PlannedFault(BaseModel):
    """A fault of `hw.faults` by name, `at_s` [s] after the start, in the `unit`-th chip, board or fan of one machine.

    `machine` counts through the group from 0; None strikes every machine of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(description="the name of a fault, such as 'hang'")
    at_s: float = Field(ge=0, allow_inf_nan=False)
    machine: int | None = Field(default=None, ge=0)
    unit: int = Field(default=0, ge=0)


class Group(BaseModel):
    """Machines that are alike.

    `machine` is a name of the catalogue. `boards` and `chips_per_board` are needed where the catalogue does not know them;
    `variant` is a Whatsminer's hardware version, such as VE40. `ambient_c` is the inlet air [°C]. `hazard_factor` says how many
    times as often as in `hw.faults` random faults strike; 0 is never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Name
    machine: str = Field(description="the name of a machine in the catalogue, such as 'Whatsminer M30S+'")
    count: int = Field(default=1, ge=1, le=MOST_MACHINES)
    firmware: Annotated[Firmware, Field(strict=False)] | None = None
    variant: str | None = Field(
        default=None, pattern=r"^[A-Z0-9]{1,8}$", description="a hardware version of up to 8 of A-Z and 0-9, such as 'VE40'"
    )
    boards: int | None = Field(default=None, ge=1, le=16)
    chips_per_board: int | None = Field(default=None, ge=1, le=1000)
    ambient_c: float = Field(default=25.0, ge=COLDEST_C, le=HOTTEST_C, allow_inf_nan=False)
    hazard_factor: float = Field(default=0.0, ge=0, le=1000, allow_inf_nan=False)
    faults: tuple[PlannedFault, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _check_machines(self) -> Self:
        for number, fault in enumerate(self.faults):
            if fault.machine is not None and fault.machine >= self.count:
                want = "0" if self.count == 1 else f"0 to {self.count - 1}"
                raise ValueError(f"faults[{number}].machine: {fault.machine}; want {want}, or leave it out for all machines")
        return self


class FleetSpec(BaseModel):
    """A fleet: its groups, and the `seed` of its random faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Name
    seed: int = Field(default=0, ge=0)
    groups: tuple[Group, ...] = Field(max_length=MOST_GROUPS, strict=False)

    @model_validator(mode="after")
    def _check_groups(self) -> Self:
        if not self.groups:
            raise ValueError("groups: there are none; want one or more")
        names = [group.name for group in self.groups]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise ValueError(f"groups[{number}].name: {name!r} is another group's; want a name of its own")
        total = sum(group.count for group in self.groups)
        if total > MOST_MACHINES:
            raise ValueError(f"groups: {total:,} machines in all; want at most {MOST_MACHINES:,}")
        return self
