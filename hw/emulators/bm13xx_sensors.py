"""The registers in which a BM13xx chip tells of itself: what it hashed, what of that was wrong, and how warm it is.

Which they are, and in which units, says the firmware that reads them. What no source names answers what it answered after the
reset, or what was written to it.

=============  =======================  ===============================================================================
register       chips                    what, and from where
=============  =======================  ===============================================================================
04             BM1397                   hash rate in steps of 2^20 H/s; bit 31 while there is none (reset 80000000) [S, E]
4C             all but BM1362           wrong hashes, in steps of 2^32 [E]
88 to 8B, 8C   BM1366, BM1368, BM1370   hashes of each of four domains, and all of them, in steps of 2^32 [E]
90             BM1366, BM1368, BM1370   all hashes again, in steps of 2^32 [N]
B4             BM1368                   bit 31: valid; bits 15 to 0: 0.171342 °C each, above -299.5144 °C [M, N]
=============  =======================  ===============================================================================

Counters have 32 bits and wrap; one that is written to goes on from there, as [N] resets its own. They move in whole steps here,
without the chance in which difficulties come: real ones may count nonces. That the four domains do alike is assumed.

B4 is read on a BM1368 once B0 has released (bit 17) and started (bit 28) the sensor, and not switched it off (bit 31) [M, N].
On a BM1370 it stays 0, which [M] saw on one; of BM1366 and BM1362 no source says anything. What a BM1397 tells of temperature
(1C, 44) is not understood [S], and no source has counters of a BM1362. Of register 04 the program [E] reckons in 2^20, the
remark beside it says 2^24.

E bitaxeorg/ESP-Miner, ``main/tasks/hashrate_monitor_task.c``, ``components/asic/bm1366.c`` and its kin, ``components/stratum``
(HASH_CNT_LSB), ``main/device_config.h`` (hash_domains) · M 256foundation/mujina, ``bm13xx/REFERENCE.md``, "On-Die Telemetry" ·
N shufps/ESP-Miner-NerdQAxePlus, ``hashrate_monitor_task.cpp`` (REG_NONCE_TOTAL_CNT), ``bm1368.cpp`` (requestChipTemp) ·
S skot/BM1397, ``registers.md``. All read on 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from hw.drivers.bm13xx.chips import Chip
from hw.drivers.bm13xx.registers import WORD, Register

HASH_RATE: Final = 0x04
DOMAINS: Final = range(0x88, 0x8C)
NONCE_COUNT: Final = 0x90

COUNTED_HASHES: Final = 1 << 32  # a step of a counter
RATE_STEP_HPS: Final = 1 << 20
NO_RATE: Final = 1 << 31
STEP_C: Final = 0.171342  # °C, of a temperature's code
ZERO_C: Final = -299.5144  # °C, at code 0
_VALID: Final = 1 << 31
_STARTED: Final = 1 << 28 | 1 << 17
_SWITCHED_OFF: Final = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipReading:
    """How one chip stands: its temperature [°C], its hash rate [H/s], and its hashes since power came, with the wrong ones."""

    chip_c: float
    hashrate_hps: float
    hashes: float
    wrong_hashes: float


Sense = Callable[[], ChipReading]
Counter = Callable[[ChipReading], float]

_WRONG: Final[Mapping[int, Counter]] = {Register.ERROR_COUNT: lambda reading: reading.wrong_hashes}
_ROLLING: Final[Mapping[int, Counter]] = {
    **_WRONG,
    **dict.fromkeys(DOMAINS, lambda reading: reading.hashes / len(DOMAINS)),
    **dict.fromkeys((Register.HASH_COUNT, NONCE_COUNT), lambda reading: reading.hashes),
}
COUNTERS: Final[Mapping[str, Mapping[int, Counter]]] = {
    "BM1397": _WRONG,
    "BM1362": {},
    "BM1366": _ROLLING,
    "BM1368": _ROLLING,
    "BM1370": _ROLLING,
}
"""What each register counts, by chip."""


def kept(chip: Chip, register: int, written: int, sense: Sense) -> int:
    """Return what to keep of a word that was written into a register: a counter goes on from there."""
    counter = COUNTERS[chip.name].get(register)
    return written if counter is None else written - _counted(counter, sense()) & WORD


def told(chip: Chip, register: int, registers: Mapping[int, int], sense: Sense) -> int:
    """Return what a register answers; `registers` is all that is kept of the chip."""
    counter, sensor = COUNTERS[chip.name].get(register), SENSORS.get((chip.name, register))
    if counter is not None:
        return _counted(counter, sense()) + registers.get(register, 0) & WORD
    return registers.get(register, 0) if sensor is None else sensor(registers, sense())


def _counted(counter: Counter, reading: ChipReading) -> int:
    return int(counter(reading)) // COUNTED_HASHES


def _hash_rate(_registers: Mapping[int, int], reading: ChipReading) -> int:
    return round(reading.hashrate_hps / RATE_STEP_HPS) if reading.hashrate_hps > 0 else NO_RATE


def _temperature(registers: Mapping[int, int], reading: ChipReading) -> int:
    control = registers.get(Register.TEMPERATURE_CONTROL, 0)
    if control & _STARTED != _STARTED or control & _SWITCHED_OFF:
        return 0
    return _VALID | round((reading.chip_c - ZERO_C) / STEP_C)


SENSORS: Final[Mapping[tuple[str, int], Callable[[Mapping[int, int], ChipReading], int]]] = {
    ("BM1397", HASH_RATE): _hash_rate,
    ("BM1368", Register.TEMPERATURE): _temperature,
}
"""What else a register shows, by chip and register."""
