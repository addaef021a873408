"""A chain of BM13xx chips on a serial port: brought up, given jobs, and listened to.

Chips hash until a job replaces the one before; answers to the last jobs may still come, and bear the number of theirs. Every
answer is hashed again before it counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Final

from hw.device import DeviceState, DeviceWork, Solution, Telemetry
from hw.drivers.bm13xx.answers import AnswerBook
from hw.drivers.bm13xx.bringup import (
    MOST_CHIPS,
    ChainPlan,
    count_chips,
    discovery,
    faster_line,
    set_clock,
    setting_up,
)
from hw.drivers.bm13xx.climb import Climb
from hw.drivers.bm13xx.commands import Command, ReadRegister, WriteRegister
from hw.drivers.bm13xx.decoder import ResponseDecoder
from hw.drivers.bm13xx.jobs import JobForm
from hw.drivers.bm13xx.nonces import job_ids, next_job_id
from hw.drivers.bm13xx.registers import Register, version_mask_value
from hw.drivers.bm13xx.responses import Form, NonceResponse, RegisterResponse
from hw.drivers.bm13xx.work import send
from hw.drivers.errors import DriverError, PortError, ProbeError, SettingError
from hw.drivers.pace import REST_S, STRETCH_S, Pace
from hw.drivers.port import Port
from miner.header import NONCE_SPACE

LINE_S: Final = 3.0  # within which chips answer at the end of all that was written before
DISCOVER_S: Final = 0.5  # within which the first chip has answered
QUIET_S: Final = 0.1  # after which no more chips will
FIRST_BAUD: Final = 115_200  # of chips after a reset
BAUD_ATTEMPTS: Final = 3
BAUD_PAUSE_S: Final = 0.05  # before the host's end changes its speed, too
GAP_S: Final = 0.02  # the bytes of one answer come within this; after waiting so long for more in vain, they will not
MOST_JOB_S: Final = 1.5  # a job is renewed so often, as hosts do; its time moves on
SPACE_PART: Final = 0.9  # of a job's space after which the next is due
AT_ONCE_S, NEVER_S = -inf, inf  # on any clock


class Bm13xxDevice:
    """One chain. `open_port` opens its line at 115200 baud; `clock` gives seconds, `sleep` lets them pass."""

    def __init__(
        self,
        plan: ChainPlan,
        open_port: Callable[[], Port],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._plan, self._open_port, self._clock, self._sleep = plan, open_port, clock, sleep
        self._port: Port | None = None
        self._decoder = ResponseDecoder(Form.SHORT)
        self._state = DeviceState.CLOSED
        self._chips = 0
        self._clock_mhz = 0.0
        self._climb = Climb(clock, plan.step_s)
        self._sweep: Command | None = None
        self._mask = 0
        self._job_id = 0
        self._versions = 1  # of the last job
        self._due_s = NEVER_S  # when it wants work
        self._counted_s = 0.0
        self._hashes = self._left = 0.0  # what was hashed, and what of its job was not
        self._book = AnswerBook(plan.chip)
        self._pace = Pace(clock, sleep)

    @property
    def name(self) -> str:
        """Its kind, and its port once that is open."""
        return self._plan.chip.name if self._port is None else f"{self._plan.chip.name} at {self._port.name}"

    @property
    def chips(self) -> int:
        """How many chips answered when it was opened."""
        return self._chips

    def open(self) -> None:
        """Open the port, count the chips and set them up; `poll` then raises the clock step by step, while they hash.

        Raises
        ------
        PortError
            If the port cannot be opened.
        ProbeError
            If no chip answers, or another kind, or not all of them.
        """
        self.close()
        self._port = self._open_port()
        try:
            self._bring_up(self._port)
        except DriverError:
            self.close()
            raise
        self._book.keep_only()
        self._state, self._due_s = DeviceState.IDLE, AT_ONCE_S

    def submit(self, work: DeviceWork) -> None:
        """Give it work: chips go over to it at once, and answers to what they had may still come."""
        if self._state == DeviceState.CURTAILED:
            raise SettingError(f"{self.name} is curtailed; resume it first")
        port = self._opened()
        self._count()
        if work.version_mask != self._mask and self._plan.chip.job_form is JobForm.FULL:
            self._write(port, WriteRegister(Register.VERSION_MASK, version_mask_value(work.version_mask)))
            self._mask = work.version_mask
        self._job_id = next_job_id(self._plan.chip, self._job_id)
        sent, frame = send(work, self._plan.chip, self._job_id)
        port.write(frame)
        self._book.add(self._job_id, sent)
        self._versions, self._state = sent.versions, DeviceState.HASHING
        self._left = float(NONCE_SPACE * sent.versions)
        self._due_s = self._clock() + self._job_lasts_s()

    def replace(self, work: DeviceWork) -> None:
        """Give it work in place of all that it has; answers to that do not count any more."""
        self.submit(work)
        self._book.keep_only(self._job_id)

    def wants_work(self) -> bool:
        """Return whether its job is used up or old."""
        return self._clock() >= self._due_s

    def poll(self, timeout_s: float) -> list[Solution]:
        """Return what it found, waiting up to `timeout_s` [s] for bytes, but no longer than until it wants work.

        A nonce below the share target is only counted. An answer comes up to 65 ms late, if one came just before.
        """
        port = self._opened()
        self._step(port)
        left_s = min(self._due_s, self._climb.due_s) - self._clock()
        due = 0 < left_s < timeout_s
        held, began_s = self._decoder.held_bytes > 0, self._clock()
        at_once = held or self._ids_return_soon()
        data = self._pace.read(port, left_s if due else timeout_s, at_once=at_once, then_busy=due)
        if not data and not (held and self._clock() - began_s > GAP_S):
            return []
        solutions = []
        for response in self._decoder.feed(data) if data else self._decoder.silence():
            if isinstance(response, NonceResponse) and (solution := self._book.check(response)) is not None:
                solutions.append(solution)
        return solutions

    def telemetry(self) -> Telemetry:
        """Return its counts and its clock. Hashes are by clock and cores: the chips' own account."""
        self._count()
        return Telemetry(
            state=self._state,
            hashes=self._hashes,
            nonces=self._book.nonces,
            hardware_errors=self._book.errors + self._decoder.broken_answers,
            frequency_mhz=self._clock_mhz or None,
        )

    def set_frequency(self, frequency_mhz: float) -> None:
        """Set the clock [MHz]; raise SettingError outside what the PLL makes. Upwards `poll` makes all steps but the first."""
        port = self._opened()
        set_clock(self._plan.chip, self._chips, frequency_mhz)  # which raises before anything is written
        self._go_to(port, frequency_mhz)

    def set_power_target(self, power_w: float) -> None:
        """Refuse: chips do not know what they draw."""
        raise SettingError(f"{self.name}: chips do not know what they draw; set a frequency instead of {power_w:g} W")

    def curtail(self) -> None:
        """Stop hashing at once: a sweep of no length. Settings stay, so that `resume` is quick."""
        port = self._opened()
        self._count()
        self._write(port, WriteRegister(Register.HASH_COUNTING, 0))
        self._book.keep_only()
        self._state, self._due_s = DeviceState.CURTAILED, NEVER_S

    def resume(self) -> None:
        """Hash again with the settings of before."""
        if self._state == DeviceState.CURTAILED and self._sweep is not None:
            self._write(self._opened(), self._sweep)
            self._state, self._due_s = DeviceState.IDLE, AT_ONCE_S

    def close(self) -> None:
        """Let the chips stand, if they can still hear it, and give the port back; closing twice is nothing."""
        if self._port is not None:
            if self._state is not DeviceState.CLOSED:
                with suppress(PortError):  # or else they go on with their last job for minutes, at full power
                    self._write(self._port, WriteRegister(Register.HASH_COUNTING, 0))
            self._port.close()
        self._port, self._clock_mhz = None, 0.0
        self._climb.stop()
        self._state, self._due_s = DeviceState.CLOSED, NEVER_S

    def _bring_up(self, port: Port) -> None:
        chip = self._plan.chip
        self._decoder = ResponseDecoder(Form.SHORT if chip.job_form is JobForm.MIDSTATE else Form.LONG)
        self._chips = count_chips(self._plan, self._discovered(port), port.name)
        for command in setting_up(self._plan, self._chips):
            self._write(port, command)
        self._check_line(port)
        if self._plan.baud is not None:
            self._speed_up(port, self._plan.baud)
        self._mask = 0
        self._go_to(port, self._plan.goal_mhz)

    def _discovered(self, port: Port) -> list[RegisterResponse]:
        """Return what chips say of themselves, at the speed of a reset, or else at that which a host before may have left."""
        heard: list[RegisterResponse] = []
        for baud in dict.fromkeys((FIRST_BAUD, self._plan.baud or FIRST_BAUD)):
            port.set_baud(baud)
            port.discard_input()
            for command in discovery(self._plan.chip):
                self._write(port, command)
            if heard := self._collect(port, DISCOVER_S):
                break
        return heard

    def _speed_up(self, port: Port, baud: int) -> None:
        """Let both ends of the line go over to another speed [Bd]; if the chips did not hear of it, try again."""
        for attempt in range(BAUD_ATTEMPTS):
            self._write(port, faster_line(self._plan, baud))
            self._sleep(BAUD_PAUSE_S)
            port.set_baud(baud)
            try:
                self._check_line(port)
            except ProbeError:
                if attempt == BAUD_ATTEMPTS - 1:
                    raise
                port.set_baud(FIRST_BAUD)
            else:
                return

    def _check_line(self, port: Port) -> None:
        """Ask all chips and wait for their answers: what was written before has then arrived."""
        self._write(port, ReadRegister(Register.CHIP_ID))
        if (heard := len(self._collect(port, LINE_S, self._chips))) != self._chips:
            raise ProbeError(f"{port.name}: {heard} of {self._chips} chips {self._plan.chip.name} answered; is the line good?")

    def _collect(self, port: Port, within_s: float, enough: int = MOST_CHIPS) -> list[RegisterResponse]:
        """Listen until there are enough answers, none came within `within_s` [s], or chips have fallen silent."""
        answers: list[RegisterResponse] = []
        until_s = self._clock() + within_s
        while len(answers) < enough and (left_s := until_s - self._clock()) > 0:
            heard = [one for one in self._decoder.feed(port.read(left_s)) if isinstance(one, RegisterResponse)]
            answers += heard
            if heard:
                until_s = self._clock() + QUIET_S
        return answers + [one for one in self._decoder.silence() if isinstance(one, RegisterResponse)]

    def _go_to(self, port: Port, goal_mhz: float) -> None:
        """Begin to change the clock."""
        self._climb.begin(self._clock_mhz, goal_mhz)
        self._step(port)

    def _step(self, port: Port) -> None:
        """Take the steps of the clock that are due."""
        while (mhz := self._climb.step_mhz()) is not None:
            self._count()  # what was hashed at the clock until now
            pll, sweep = set_clock(self._plan.chip, self._chips, mhz)
            self._write(port, WriteRegister(Register.PLL, pll.value(self._plan.chip)))
            self._sweep, self._clock_mhz = sweep, pll.mhz
            if self._state is not DeviceState.CURTAILED:  # a sweep would wake it up
                self._write(port, sweep)
            if self._state is DeviceState.HASHING:  # at another clock the job is used up at another time
                self._due_s = min(self._due_s, self._clock() + self._job_lasts_s())

    def _hashrate_hps(self) -> float:
        return self._plan.chip.hashrate_hps(self._clock_mhz, self._chips)

    def _job_lasts_s(self) -> float:
        return min(MOST_JOB_S, SPACE_PART * NONCE_SPACE * self._versions / max(self._hashrate_hps(), 1.0))

    def _ids_return_soon(self) -> bool:
        """Tell whether an answer that waits might be taken for one to a later job of the same id."""
        return job_ids(self._plan.chip) * self._job_lasts_s() < 2 * (REST_S + STRETCH_S)

    def _count(self) -> None:
        """Add what was hashed since it was last counted: no more than the job holds, whose space chips then search again."""
        now_s = self._clock()
        if self._state == DeviceState.HASHING:
            new = min((now_s - self._counted_s) * self._hashrate_hps(), self._left)
            self._hashes, self._left = self._hashes + new, self._left - new
        self._counted_s = now_s

    def _write(self, port: Port, command: Command) -> None:
        port.write(command.to_bytes())

    def _opened(self) -> Port:
        if self._port is None:
            raise PortError(f"{self._plan.chip.name}: not open; open it first")
        return self._port
