"""What `hashwatt emulate` serves when it is asked for mining devices."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.cli.emulation import Emulation, Lines
from reports.cli.errors import UsageProblem
from reports.cli.serve import serve_metrics

if TYPE_CHECKING:
    from contextlib import ExitStack

    from prometheus_client.registry import Collector

    from hw.emulators.faults import TimedFault
    from hw.emulators.models import EmulatedModel
    from hw.emulators.serving import Emulator, EmulatorServer
    from hw.finder import KernelFinder
    from miner.backends.registry import Backend

MOST_HPS: Final = 1e18  # H/s, more than any device
MOST_CHIPS: Final = 128  # whose addresses fit 8 bits, with one to spare between them
FIRST_NONCES: Final = 1 << 9  # a few milliseconds of the slowest kernel
TRIAL_S: Final = 0.1
PREFIXES: Final = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}  # exact, SI


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerOptions:
    """What the user said of the devices, as it was said; None where that was nothing."""

    chips: int | None
    hashrate: str | None
    faults: tuple[str, ...]
    meter: str | None
    metrics: int | None
    backend: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the user asked for."""

    model: EmulatedModel
    chips: int
    rate_hps: float
    faults: tuple[TimedFault, ...]
    meter: str | None


def serve_miners(model: str, lines: Lines, options: MinerOptions, stack: ExitStack) -> Emulation:
    """Begin to serve devices of this model, and their meter if one is wanted; `stack` ends it.

    Raises
    ------
    SettingError
        If there is no such device or fault.
    UsageProblem
        If an option makes no sense, or not for this device.
    """
    wanted = _wanted(model, options)
    from miner.backends.registry import load

    engine = load(options.backend)
    own_hps = _trial(engine, by_word=wanted.model.by_word)
    server, finders = _started(wanted, lines, engine, stack)
    if options.metrics is not None:
        serve_metrics(_page(wanted, server, finders), options.metrics, stack)
    share = min(1.0, _processors() / lines.count)  # of a processor, when all of them search at once
    delivered_hps = min(wanted.rate_hps, own_hps * share)
    return Emulation(
        server=server,
        name=wanted.model.name,
        meter=wanted.meter,
        facts={
            "declared_hashes_per_second": wanted.rate_hps,
            "delivered_hashes_per_second": delivered_hps,
            "backend": engine.name,
        },
        sentence=f"{lines.count} x {wanted.model.title}, declared {_told(wanted.rate_hps)} each; what is not "
        f"known is searched at up to {_told(delivered_hps)} ({engine.name})",
    )


def _wanted(model: str, options: MinerOptions) -> _Wanted:
    from hw.emulators.faults import TimedFault, check_once
    from hw.emulators.models import emulated_model
    from hw.emulators.wall_meter import KINDS

    chips, hashrate = options.chips, options.hashrate
    if chips is not None and not 1 <= chips <= MOST_CHIPS:
        raise UsageProblem(f"--chips {chips}: want 1 to {MOST_CHIPS}")
    chosen = emulated_model(model)
    if chosen.rate_is_free and chips is not None:
        raise UsageProblem(f"--chips {chips}: {model} is one device; --chips is for chains of BM13xx")
    if not chosen.rate_is_free and hashrate is not None:
        raise UsageProblem(f"--hashrate {hashrate!r}: {model} hashes as fast as its host clocks it; leave it out")
    if options.meter is not None and options.meter not in KINDS:
        raise UsageProblem(f"--meter {options.meter!r}: no such meter to emulate; known: {', '.join(KINDS)}")
    if options.meter is not None and not chosen.draws:
        raise UsageProblem(
            f"--meter {options.meter}: what {model} draws is not modelled; emulate a meter with --load-w beside it"
        )
    planned = tuple(TimedFault.parse(text) for text in options.faults)
    check_once(str(one.fault) for one in planned)
    for one in planned:
        if one.fault not in chosen.faults:
            raise UsageProblem(f"--fault {one.fault}: {model} cannot have it; it can {', '.join(sorted(chosen.faults))}")
    rate_hps = chosen.hashrate_hps * (chips or 1) if hashrate is None else _rate_hps(hashrate)
    return _Wanted(chosen, chips or 1, rate_hps, planned, options.meter)


def _rate_hps(text: str) -> float:
    matched = re.fullmatch(r"([0-9.]+(?:e[0-9]+)?) ?([kMGTP]?)(?:H/s)?", text)
    try:
        rate_hps = float(matched[1]) * PREFIXES[matched[2]] if matched else 0.0
    except ValueError:
        rate_hps = 0.0
    if not 1 <= rate_hps <= MOST_HPS:
        raise UsageProblem(f"--hashrate {text!r}: want hashes a second, such as 336M, 1.2T or 5e8, from 1 to {MOST_HPS:.0e}")
    return rate_hps


def _trial(engine: Backend, *, by_word: bool) -> float:
    """Return this machine's hash rate [H/s] with one thread, after a tenth of a second; what had to be compiled is compiled."""
    from miner.backends.registry import GENESIS_HEADER
    from miner.target import Target
    from miner.template import HeaderTemplate

    header, nonces, took_s = HeaderTemplate(GENESIS_HEADER), FIRST_NONCES, 0.0
    scan = engine.words if by_word and engine.words is not None else engine.scan
    scan(header, 0, 1, Target(0))
    most = 4 * engine.chunk_nonces
    while took_s < TRIAL_S / 2 and nonces < most:  # each attempt is twice as long as the one before, and the last one counts
        nonces *= 2
        started_s = time.perf_counter()
        scan(header, 0, nonces, Target(0))
        took_s = time.perf_counter() - started_s
    return nonces / took_s


def _page(wanted: _Wanted, server: EmulatorServer, finders: list[KernelFinder]) -> Collector:
    """Return the metrics of the devices that are served."""
    from reports.device_exporter import DeviceCollector, DeviceState

    def states() -> list[DeviceState]:
        return [
            DeviceState(
                device=path,
                model=wanted.model.title,
                kind="emulated",
                nominal_hps=told.declared_hps,
                hashes=finder.hashes,
                work=told.works,
                nonces=told.answers,
                power_w=told.power_w,
                energy_j=told.energy_j,
                chip_c=told.chip_c,
                clock_mhz=told.clock_mhz,
            )
            for path, told, finder in zip(server.paths, server.snapshots(), finders, strict=False)  # after them comes the meter
        ]

    return DeviceCollector(states)


def _started(wanted: _Wanted, lines: Lines, engine: Backend, stack: ExitStack) -> tuple[EmulatorServer, list[KernelFinder]]:
    from hw.emulators import models
    from hw.emulators.faults import Faults
    from hw.emulators.serving import EmulatorServer
    from hw.finder import KernelFinder

    server = EmulatorServer()
    stack.callback(server.close)
    started_s = time.monotonic()
    faults: Faults = Faults(wanted.faults, started_s=started_s)
    finders, devices = [], []
    for number in range(lines.count):
        finder = KernelFinder(engine, wanted.rate_hps, by_word=wanted.model.by_word, parts=wanted.model.parts)
        finders.append(finder)
        stack.callback(finder.close)
        line = lines.open(number)
        asked = models.Wanted(rate_hps=wanted.rate_hps, chips=wanted.chips, faults=faults, started_s=started_s)
        devices.append(wanted.model.build(asked, finder, server.wake))
        server.add(devices[-1], line)
    if wanted.meter is not None:
        server.add(_meter(wanted.meter, devices, started_s), lines.open_meter())
    return server, finders


def _meter(kind: str, devices: list[Emulator], started_s: float) -> Emulator:
    """Return a meter at the plug of all the devices."""
    from hw.emulators.device_load import DeviceLoad
    from hw.emulators.wall_meter import KINDS, WallMeterEmulator, WallMeterSetting

    load = DeviceLoad(devices, started_s)
    return WallMeterEmulator(WallMeterSetting(kind=KINDS[kind], load=load, started_s=started_s))


def _processors() -> int:
    from reports.machine import usable_cpus

    return len(usable_cpus())


def _told(rate_hps: float) -> str:
    """Return a hash rate with the prefix that leaves up to three digits before the point."""
    prefix = next((prefix for prefix, factor in reversed(PREFIXES.items()) if rate_hps >= factor), "")
    return f"{rate_hps / PREFIXES[prefix]:.1f} {prefix}H/s"
