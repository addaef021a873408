"""What `hashwatt emulate` serves when it is asked for meters at the wall."""

from __future__ import annotations

import time
from math import isfinite
from typing import TYPE_CHECKING

from reports.cli.emulation import Emulation, Lines
from reports.cli.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack


def serve_meters(kind: str, lines: Lines, load_w: float, faults: Sequence[str], stack: ExitStack) -> Emulation:
    """Begin to serve meters of this kind, each with a load of `load_w` [W]; `stack` ends it.

    Raises
    ------
    SettingError
        If there is no such fault.
    UsageProblem
        If the load is none that a meter could show.
    """
    from hw.emulators.serving import EmulatorServer
    from hw.emulators.wall_meter import KINDS, WallMeterEmulator, WallMeterSetting, planned_faults
    from hw.meters.load import constant_load

    most_w = KINDS[kind].most_w
    if not (isfinite(load_w) and 0 <= load_w <= most_w):
        raise UsageProblem(f"--load-w {load_w}: want watts, 0 to {most_w:g}, as much as a {kind} shows")
    started_s = time.monotonic()
    of_line, of_meter = planned_faults(faults, started_s)
    setting = WallMeterSetting(
        kind=KINDS[kind], load=constant_load(load_w), started_s=started_s, faults=of_line, broken=of_meter
    )
    server = EmulatorServer()
    stack.callback(server.close)
    for number in range(lines.count):
        server.add(WallMeterEmulator(setting), lines.open(number))
    return Emulation(
        server=server,
        name=kind,
        is_meter=True,
        facts={"load_watts": load_w, "address": setting.address},
        sentence=f"{lines.count} x {setting.kind.title}, {load_w:g} W each; read them with --meter {kind}:PATH",
    )
