"""Meters at the wall that answer Modbus RTU requests as real ones do, with the power and the energy of a load.

Their registers are those of `hw.meters.pzem` and `hw.meters.sdm120`; volts and hertz stand still, the current goes with the
power. They can be read and not written. A request that is not whole, not sound or to another address is not answered.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import floor, inf
from typing import Final

from hw.drivers.errors import SettingError
from hw.emulators.faults import Fault, Faults, TimedFault, check_once, named_time
from hw.emulators.outbox import Outbox
from hw.emulators.serving import EmulatorSnapshot
from hw.meters.load import Load
from hw.meters.rtu import MOST_REGISTERS, READ_INPUT, REFUSED, REQUEST_BYTES, intact, sealed
from hw.units import J_PER_WH

HERTZ: Final = 50.0
ANSWER_S: Final = 0.02  # assumed; a real one answers within 0.1 s or so
SILENCE_S: Final = 0.1  # what came before so long a silence is forgotten
WH_PER_KWH: Final = 1000  # exact, SI prefix
ILLEGAL_FUNCTION, ILLEGAL_REGISTER, ILLEGAL_NUMBER, DEVICE_FAILURE = 1, 2, 3, 4


class MeterFault(StrEnum):
    """What can be wrong with a meter, as its host sees it."""

    NO_ANSWER = "no-answer"
    """It answers nothing."""
    BAD_CRC = "bad-crc"
    """The check sum of its answers is wrong."""
    CUT_SHORT = "cut-short"
    """Its answers end in the middle."""
    WRONG_ADDRESS = "wrong-address"
    """It answers as if it were the meter at the next address."""
    EXCEPTION = "exception"
    """It refuses every request as a broken device does."""


LINE_FAULTS: Final = (Fault.HANG_UP, Fault.NOISE, Fault.WRONG_BAUD)
"""What can be wrong with the line of a meter."""


def planned_faults(texts: Sequence[str], started_s: float) -> tuple[Faults, dict[MeterFault, tuple[float, float]]]:
    """Read NAME@SECONDS of each fault, from `started_s` [s] on; return those of the line, and the meter's with their spans.

    Raises
    ------
    SettingError
        If there is no fault of that name, the time is no number of seconds from 0 on, or a fault stands there twice.
    """
    planned = [named_time(text, (*LINE_FAULTS, *MeterFault)) for text in texts]
    check_once(name for name, _ in planned)
    of_line = [TimedFault(fault=Fault(name), at_s=at_s) for name, at_s in planned if name in LINE_FAULTS]
    of_meter = {MeterFault(name): (started_s + at_s, inf) for name, at_s in planned if name not in LINE_FAULTS}
    return Faults(of_line, started_s), of_meter


@dataclass(frozen=True, slots=True)
class MeterKind:
    """A kind of meter: speed [baud], step of its counter [Wh], most power [W], registers of volts, power [W], counter [Wh]."""

    name: str
    title: str
    baud: int
    step_wh: int
    most_w: float
    registers: Callable[[float, float, int], Mapping[int, int]]


def _pzem_registers(volts: float, power_w: float, counted_wh: int) -> Mapping[int, int]:
    deciwatts, milliamperes = round(power_w * 10), round(power_w / volts * 1000)
    words = [
        round(volts * 10),
        *(milliamperes & 0xFFFF, milliamperes >> 16),
        *(deciwatts & 0xFFFF, deciwatts >> 16),
        *(counted_wh & 0xFFFF, counted_wh >> 16 & 0xFFFF),
        *(round(HERTZ * 10), 100, 0),
    ]
    return dict(enumerate(words))


def _sdm120_registers(volts: float, power_w: float, counted_wh: int) -> Mapping[int, int]:
    counted_kwh = counted_wh / WH_PER_KWH
    told = {0x00: volts, 0x06: power_w / volts, 0x0C: power_w, 0x12: power_w, 0x18: 0.0, 0x1E: 1.0, 0x46: HERTZ}
    told |= {0x48: counted_kwh, 0x4A: 0.0, 0x156: counted_kwh}
    words: dict[int, int] = {}
    for register, value in told.items():
        words[register], words[register + 1] = struct.unpack(">HH", struct.pack(">f", value))
    return words


KINDS: Final = {
    kind.name: kind
    for kind in (
        # Measuring range to 23 kW: Peacefair, PZEM-004T V3.0 User Manual. 45 A, here at 230 V: Eastron, SDM120C User Manual.
        MeterKind("pzem", "Peacefair PZEM-004T", 9600, 1, 23_000.0, _pzem_registers),
        MeterKind("sdm120", "Eastron SDM120-Modbus", 2400, 10, 45 * 230.0, _sdm120_registers),
    )
}
"""Kinds by the word with which a meter's specification begins. That an SDM120 counts in steps of 10 Wh is assumed, as in
`hw.meters.sdm120`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WallMeterSetting:
    """A meter of a `kind` at an `address`, connected to `load` since `started_s` [s].

    Its counter stood at `counted_wh` [Wh] then. It answers `answer_s` [s] after it was asked. `broken` gives, by fault, from
    when to when on the clock it is there [s]; `faults` are those of its line.

    Raises
    ------
    SettingError
        If the address is none that a meter can have, the counter stands below 0, or there is no voltage.
    """

    kind: MeterKind
    load: Load
    address: int = 1
    started_s: float = 0.0
    counted_wh: float = 0.0
    volts: float = 230.0
    answer_s: float = ANSWER_S
    broken: Mapping[MeterFault, tuple[float, float]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        """Refuse what no meter could be."""
        if not 1 <= self.address <= 247:
            raise SettingError(f"address {self.address}; want one from 1 to 247")
        if not 0 <= self.counted_wh < inf:
            raise SettingError(f"a counter of {self.counted_wh} Wh; want 0 or more")
        if not 0 < self.volts < inf:
            raise SettingError(f"{self.volts} V; want volts above 0")


class WallMeterEmulator:
    """A meter without a port. Its counter holds whole steps of the exact energy of its load."""

    def __init__(self, setting: WallMeterSetting) -> None:
        self._setting = setting
        self._received, self._received_s = b"", 0.0
        self._outbox = Outbox()
        self._asked = self._answered = 0

    @property
    def baud(self) -> int:
        """The speed [baud] at which it listens and speaks."""
        return self._setting.kind.baud

    @property
    def faults(self) -> Faults:
        """What is wrong with its line."""
        return self._setting.faults

    def snapshot(self, now_s: float) -> EmulatorSnapshot:
        """Return how many requests came for it and how many it answered; power and energy are those of its load."""
        return EmulatorSnapshot(
            works=self._asked,
            answers=self._answered,
            declared_hps=0.0,
            power_w=self._setting.load.power_w(now_s),
            energy_j=self._setting.load.energy_j(self._setting.started_s, now_s),
        )

    def feed(self, data: bytes, now_s: float) -> None:
        """Take what the host sent."""
        if now_s - self._received_s > SILENCE_S:
            self._received = b""
        self._received, self._received_s = self._received + data, now_s
        while len(self._received) >= REQUEST_BYTES:
            request = self._received[:REQUEST_BYTES]
            if not intact(request):
                self._received = self._received[1:]
                continue
            self._received = self._received[REQUEST_BYTES:]
            self._asked += request[0] == self._setting.address
            if answer := self.answer(request, now_s):
                self._outbox.say(answer, now_s + self._setting.answer_s)
                self._answered += 1

    def due_s(self) -> float | None:
        """Return when there is something to send, or None."""
        return self._outbox.due_s()

    def poll(self, now_s: float) -> bytes:
        """Return what the meter sends by now."""
        return self._outbox.take(now_s)

    def answer(self, request: bytes, now_s: float) -> bytes:
        """Return the answer to a whole request, as it stands on the wire; empty if there is none."""
        address, function = request[0], request[1]
        if not intact(request) or address != self._setting.address or self._there(MeterFault.NO_ANSWER, now_s):
            return b""
        said = self._says(function, request[2:-2], now_s)
        if self._there(MeterFault.WRONG_ADDRESS, now_s):
            address = address % 247 + 1
        frame = sealed(bytes([address]) + said)
        if self._there(MeterFault.CUT_SHORT, now_s):
            return frame[: len(frame) // 2]
        return frame[:-1] + bytes([frame[-1] ^ 0xFF]) if self._there(MeterFault.BAD_CRC, now_s) else frame

    def counted_wh(self, now_s: float) -> int:
        """Return what its counter shows [Wh] at `now_s` [s]."""
        energy_j = self._setting.load.energy_j(self._setting.started_s, now_s)
        step_wh = self._setting.kind.step_wh
        return floor((self._setting.counted_wh + energy_j / J_PER_WH) / step_wh) * step_wh

    def _says(self, function: int, asked: bytes, now_s: float) -> bytes:
        """Return function and data of the answer: registers, or a refusal."""
        if self._there(MeterFault.EXCEPTION, now_s):
            return bytes([function | REFUSED, DEVICE_FAILURE])
        if function != READ_INPUT:
            return bytes([function | REFUSED, ILLEGAL_FUNCTION])
        start, count = struct.unpack(">HH", asked)
        if not 1 <= count <= MOST_REGISTERS:
            return bytes([function | REFUSED, ILLEGAL_NUMBER])
        told = self._setting.kind.registers(self._setting.volts, self._setting.load.power_w(now_s), self.counted_wh(now_s))
        if not all(register in told for register in range(start, start + count)):
            return bytes([function | REFUSED, ILLEGAL_REGISTER])
        words = [told[register] for register in range(start, start + count)]
        return bytes([function, 2 * count]) + struct.pack(f">{count}H", *words)

    def _there(self, fault: MeterFault, now_s: float) -> bool:
        from_s, to_s = self._setting.broken.get(fault, (inf, inf))
        return from_s <= now_s < to_s
