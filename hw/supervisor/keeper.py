"""Keeps one device busy, in a thread of its own, and carries out the orders that wait for it.

A device that errs is closed and opened again, after waits that grow up to a limit; what it was working on is given to it again,
and what it was ordered to holds again. One that hashes by its own account and finds nothing for far too long is restarted too.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from hw.device import Device, DeviceState, DeviceWork, Solution
from hw.drivers.errors import PortLostError, SettingError
from hw.errors import HardwareError
from hw.supervisor.account import Account
from hw.supervisor.flat_line import FLAT_NONCES, FLAT_S, FlatLine
from hw.supervisor.in_hand import InHand, Piece
from hw.supervisor.job_board import JobBoard, Posted
from hw.supervisor.jobless import Jobless
from hw.supervisor.orders import Hashing, Order, OrderBook, Standing, give
from hw.supervisor.snapshot import DeviceSnapshot, Health
from miner.errors import MinerError
from miner.stratum.backoff import Backoff
from miner.stratum.hashing import Share
from miner.work import hash_difficulty
from miner.work_queue import WorkQueue

POLL_S: Final = (
    0.07  # how long a device is listened to before its keeper looks at orders and jobs; a driver's longest rest fits
)
DEAD_AFTER: Final = 5  # attempts to open it in a row
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 60.0
JOBLESS_S: Final = 5.0  # without a job, as when a pool goes away; nobody takes what is found then, and watts are spent on it
_FAILURES: Final = (HardwareError, MinerError, OSError)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """How long to wait before a device is opened again [s], the first time and at most; and for how long it may find nothing.

    It is taken for flat-lined once `flat_s` [s] went by in which it should, by its own account, have found `flat_nonces`. It is
    put to rest once it had no job for `jobless_s` [s].
    """

    first_s: float = FIRST_WAIT_S
    longest_s: float = LONGEST_WAIT_S
    flat_nonces: float = FLAT_NONCES
    flat_s: float = FLAT_S
    jobless_s: float = JOBLESS_S


DEFAULT_CARE: Final = Care()


class Keeper:
    """Keeps `device` busy with the jobs of `board`; `found` is called in its thread, and may block."""

    def __init__(self, label: str, device: Device, board: JobBoard, found: Callable[[Share], None], care: Care) -> None:
        self._label, self._device, self._board, self._found = label, device, board, found
        self._backoff = Backoff(Random(label), care.first_s, care.longest_s)
        self._orders, self._standing = OrderBook(label), Standing()
        self._in_hand = InHand()
        self._flat_line = FlatLine(care.flat_nonces, care.flat_s)
        self._jobless = Jobless(care.jobless_s)
        self._account = Account()
        self._work = self._shares = self._attempts = 0
        self._restarts = -1  # the first opening is none
        self.since_s: float | None = None  # when it was first open
        self._epoch = 0
        self._away = False  # as its last trouble was
        self._health, self._trouble = Health.SICK, ""
        self._told = device.telemetry()
        self._totals = self._account.totals()
        self.thread = threading.Thread(target=self._run, name=f"device {label}", daemon=True)

    def order(self, order: Order) -> Future[None]:
        """Let the device carry out `order` as soon as it can; called from any thread."""
        return self._orders.add(order)

    def snapshot(self) -> DeviceSnapshot:
        """Return how the device stands."""
        return DeviceSnapshot(
            label=self._label,
            name=self._device.name,
            health=self._health,
            opened=self._restarts >= 0,
            restarts=max(0, self._restarts),
            work=self._work,
            shares=self._shares,
            trouble=self._trouble,
            away=self._away,
            standing=self._standing,
            telemetry=self._told,
            totals=self._totals,
        )

    def _run(self) -> None:
        try:
            while not self._board.read().closed:
                try:
                    if self._told.state == DeviceState.CLOSED:
                        self._open()
                    self._obey()
                    self._turn()
                except _FAILURES as error:
                    self._fail(error)
        except BaseException as error:  # a mistake in a driver: nobody keeps the device from now on, and everybody sees it
            self._health = Health.DEAD
            self._note_trouble(error)
            raise
        finally:
            self._orders.close()
            self._device.close()
            self._told = self._device.telemetry()

    def _open(self) -> None:
        self._attempts += 1
        self._device.open()
        told = self._device.telemetry()
        self._account.begin(told)
        self._jobless.begin()
        self._flat_line.begin(told, self._board.clock())
        self._restore()
        self._attempts, self._restarts, self._health = 0, self._restarts + 1, Health.ALIVE
        self.since_s = self._board.clock() if self.since_s is None else self.since_s
        if self._trouble and self._restarts:
            _LOG.info("%s: back", self._device.name)
        self._look()

    def _restore(self) -> None:
        """Put the device back to what it was ordered to; what it does not take any more is forgotten."""
        try:
            self._standing.set_up(self._device)
        except SettingError as error:
            self._note_trouble(error)
            self._standing = Standing(curtailed=self._standing.curtailed)
            self._standing.set_up(self._device)

    def _fail(self, error: Exception) -> None:
        """Close the device and wait; keep what it had in hand."""
        self._health = Health.DEAD if self._attempts >= DEAD_AFTER else Health.SICK
        self._away = isinstance(error, PortLostError)
        self._trouble, name = _sentence(error), self._device.name  # which is shorter once it is closed
        self._in_hand.lost()
        self._device.close()
        self._told = self._device.telemetry()
        wait_s = self._backoff.next_s()
        if self._restarts < 0 and self._attempts == 1:  # whoever ends because of it says why; it is logged if nobody does
            self._board.wait(wait_s)
            if not self._board.read().closed:
                _LOG.warning("%s: %s", name, self._trouble)
        else:
            _LOG.warning("%s: %s", name, self._trouble)
            _LOG.info("%s: tried again in %.1f s", name, wait_s)
            self._board.wait(wait_s)

    def _note_trouble(self, error: BaseException) -> None:
        self._trouble = _sentence(error)
        _LOG.warning("%s: %s", self._device.name, self._trouble)

    def _obey(self) -> None:
        """Carry out the orders that wait; one at which the device fails waits until it is open again."""
        while (waiting := self._orders.take()) is not None:
            try:
                self._carry_out(waiting.order)
            except SettingError as error:
                waiting.refuse(error)
            except _FAILURES as error:
                self._orders.put_back(waiting, error)
                raise
            except BaseException as error:
                waiting.refuse(SettingError(f"{self._label}: {type(error).__name__}: {error}"))
                raise
            else:
                waiting.outcome.set_result(None)

    def _carry_out(self, order: Order) -> None:
        """Let the device do what is ordered; what it found before counts, and work that it drops is given to it again."""
        self._collect(0.0)
        had_work = not (self._standing.curtailed or self._device.wants_work())  # what sleeps wants none and has none
        try:
            if not (self._jobless.resting and isinstance(order, Hashing)):  # at rest it stays until there is a job
                give(order, self._device, curtailed=self._standing.curtailed or self._jobless.resting)
            self._standing = self._standing.after(order)
        finally:
            if had_work and (self._standing.curtailed or self._device.wants_work()):
                self._in_hand.dropped()
            self._look()

    def _turn(self) -> None:
        """Give the device what it wants, listen to it, and hand over what it found."""
        posted = self._board.read()
        self._rest_or_wake(posted)
        ready = self._told.state in {DeviceState.IDLE, DeviceState.HASHING}
        if posted.queue is not None and ready and (posted.epoch != self._epoch or self._device.wants_work()):
            self._give(posted.queue, at_once=posted.epoch != self._epoch)
            self._epoch = posted.epoch
        self._collect(POLL_S)
        self._look()

    def _rest_or_wake(self, posted: Posted) -> None:
        """Put the device to rest when it had no job for a while, and wake it when there is one."""
        idle = posted.queue is None and not self._standing.curtailed and self._told.state == DeviceState.HASHING
        if self._jobless.due(self._board.clock(), has_job=posted.queue is not None) and idle:
            busy = not self._device.wants_work()
            self._device.curtail()
            self._jobless.resting = True
            if busy:
                self._in_hand.dropped()
            self._look()
        elif self._jobless.resting and posted.queue is not None:
            self._jobless.resting = False
            if not self._standing.curtailed:
                self._device.resume()
            self._look()

    def _give(self, queue: WorkQueue, *, at_once: bool) -> None:
        piece = self._in_hand.next_again(queue) or self._new_piece(queue)
        if piece is None:
            return
        self._work += 1
        given = queue.assignment
        work = DeviceWork(
            number=self._work, template=piece.unit.templates[0], target=given.target, version_mask=given.version_mask
        )
        try:
            (self._device.replace if at_once else self._device.submit)(work)
        except BaseException:
            self._in_hand.refused(piece)
            raise
        self._in_hand.gave(self._work, piece, room=self._device.wants_work())

    def _new_piece(self, queue: WorkQueue) -> Piece | None:
        unit = self._board.take(queue)
        return None if unit is None else Piece(unit, queue)

    def _collect(self, timeout_s: float) -> None:
        for solution in self._device.poll(timeout_s):
            self._hand_over(solution)

    def _hand_over(self, solution: Solution) -> None:
        """Hand a share over, once: work that is done again may bring it a second time."""
        piece, key = self._in_hand.piece(solution.work.number), (solution.hit.nonce, solution.version)
        if piece is None or key in piece.handed:
            return
        piece.handed.add(key)
        self._shares += 1
        self._trouble = ""
        unit = piece.unit
        roll = unit.rolls[0] if solution.version is None else replace(unit.rolls[0], version=solution.version)
        difficulty = hash_difficulty(int(solution.hit.hash, 16))
        self._found(Share(assignment=piece.queue.assignment, roll=roll, nonce=solution.hit.nonce, difficulty=difficulty))

    def _look(self) -> None:
        """Ask the device how it is; raise FlatLineError if it counts hashes and finds nothing for far too long."""
        self._told = self._device.telemetry()
        self._account.note(self._told)
        self._totals = self._account.totals()
        asleep = self._standing.curtailed or self._jobless.resting
        if self._flat_line.look(self._told, self._board.clock(), curtailed=asleep):
            self._backoff.reset()


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split())
