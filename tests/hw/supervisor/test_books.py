"""What a keeper writes down: counts that never fall, and work that is given again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hw.device import DeviceState, Telemetry
from hw.drivers.errors import FlatLineError, GarbageError
from hw.errors import MeterUnavailableError
from hw.metered import MeteredDevice
from hw.meters.efficiency import Spent
from hw.power import PowerSample
from hw.supervisor.account import Account, Totals
from hw.supervisor.flat_line import GARBAGE, FlatLine
from hw.supervisor.in_hand import InHand, Piece
from miner.header import NONCE_SPACE
from miner.work_queue import WorkQueue

if TYPE_CHECKING:
    from tests.hw.supervisor.conftest import MakeQueue

Pieces = Callable[[WorkQueue, int], list[Piece]]


def told(hashes: float = 0.0, nonces: int = 0, errors: int = 0, energy_j: float | None = None) -> Telemetry:
    power = PowerSample(time_s=0.0, power_w=5.0, energy_j=energy_j, source="a meter", boundary="wall", quality="measured")
    return Telemetry(state=DeviceState.HASHING, hashes=hashes, nonces=nonces, hardware_errors=errors, power=power)


@pytest.fixture
def pieces() -> Pieces:
    """Return a function that takes some pieces of a job."""

    def take(queue: WorkQueue, number: int) -> list[Piece]:
        units = [queue.take(NONCE_SPACE) for _ in range(number)]
        return [Piece(unit, queue) for unit in units if unit is not None]

    return take


def test_a_device_that_takes_something_back_does_not_lower_its_account() -> None:
    """Its clock said 900 hashes, then the nonce said 700: until it is past 900 nothing is added."""
    account = Account()
    account.begin(told())
    seen = []
    for hashes in (900.0, 700.0, 850.0, 950.0):
        account.note(told(hashes))
        seen.append(account.totals().hashes)
    assert seen == [900, 900, 900, 950]


@pytest.mark.parametrize(("anew", "expected"), [(0.0, 150.0), (100.0, 150.0)])
def test_an_account_goes_on_whether_the_device_begins_from_nothing_or_not(anew: float, expected: float) -> None:
    account = Account()
    account.begin(told())
    account.note(told(100.0, 2, 1, 1000.0))
    account.begin(told(anew, 0, 0, 0.0))
    account.note(told(anew + 50.0, 1, 4, 30.0))
    assert account.totals() == Totals(hashes=expected, nonces=3, hardware_errors=5, energy_j=1030.0)


def test_energy_that_was_never_told_is_unknown_and_not_none_at_all() -> None:
    account = Account()
    account.begin(told())
    account.note(told(5.0))
    assert account.totals().energy_j is None
    account.note(told(5.0, energy_j=7.0))
    account.note(told(5.0))
    assert account.totals().energy_j == 7.0


def test_joules_and_hashes_are_counted_over_the_same_time() -> None:
    """From the first sample to the last: what was hashed before there was a meter is not in it, nor a gap between openings."""

    def metered(hashes: float, time_s: float, energy_j: float) -> Telemetry:
        one = told(hashes, energy_j=energy_j)
        assert one.power is not None
        return replace(one, power=replace(one.power, time_s=time_s))

    account = Account()
    account.begin(told())
    for one in (metered(50.0, 1.0, 10.0), metered(50.0, 1.0, 10.0), metered(150.0, 2.0, 30.0), metered(250.0, 3.0, 55.0)):
        account.note(one)
    assert account.totals().metered == Spent(energy_j=45.0, hashes=200.0, boundary="wall", quality="measured")
    account.begin(told())
    account.note(metered(10.0, 9.0, 1.0))
    account.note(metered(30.0, 10.0, 6.0))
    assert account.totals().metered == Spent(energy_j=50.0, hashes=220.0, boundary="wall", quality="measured")


def test_what_is_hashed_while_the_meter_is_away_is_not_told_with_its_joules() -> None:
    """A meter of 100 W at a device of 1e9 H/s, dead from 10 s to 30 s: 1e5 J/TH all the time."""
    now_s = 0.0

    class Bare:
        name = "bare"

        def open(self) -> None: ...

        def telemetry(self) -> Telemetry:
            return Telemetry(state=DeviceState.HASHING, hashes=1e9 * now_s, nonces=0, hardware_errors=0)

    class Meter:
        def __init__(self) -> None:
            self.began_s = now_s

        def sample(self) -> PowerSample:
            if 10 <= now_s < 30:
                raise MeterUnavailableError("dead")
            energy_j = 100.0 * (now_s - self.began_s)
            return PowerSample(
                time_s=now_s, power_w=100.0, energy_j=energy_j, source="m", boundary="wall", quality="integrated"
            )

        def close(self) -> None: ...

    device = MeteredDevice(Bare(), Meter, clock=lambda: now_s)  # type: ignore[arg-type]
    account = Account()
    device.open()
    account.begin(device.telemetry())
    while now_s < 60:
        now_s += 1.0
        account.note(device.telemetry())
    spent = account.totals().metered
    assert spent is not None
    assert spent.energy_j / spent.hashes * 1e12 == pytest.approx(1e5)
    assert 3000 < spent.energy_j < 4000


def test_a_device_that_holds_one_piece_gets_the_newest_again(queue: MakeQueue, pieces: Pieces) -> None:
    job, hand = queue(), InHand()
    for number, piece in enumerate(some := pieces(job, 3)):
        hand.gave(number, piece, room=False)
    hand.dropped()
    assert [hand.next_again(job), hand.next_again(job)] == [some[2], None]
    assert hand.piece(1) is some[1]  # an answer on its way still counts


def test_a_device_that_holds_two_pieces_gets_both_again(queue: MakeQueue, pieces: Pieces) -> None:
    """It had room right after the first; later it takes one when one is done."""
    job, hand = queue(), InHand()
    for number, piece in enumerate(some := pieces(job, 4)):
        hand.gave(number, piece, room=number == 0)
    hand.lost()
    assert hand.piece(3) is None
    assert hand.next_again(job) is some[2]
    hand.gave(4, some[2], room=False)
    hand.lost()  # before the other was given again
    assert [hand.next_again(job) for _ in range(3)] == [some[2], some[3], None]


def test_work_of_another_job_is_not_given_again(queue: MakeQueue, pieces: Pieces) -> None:
    old, new, hand = queue(), queue(), InHand()
    hand.gave(1, pieces(old, 1)[0], room=False)
    hand.dropped()
    assert hand.next_again(new) is hand.next_again(old) is None


def test_time_asleep_and_hashes_on_the_way_to_sleep_are_not_in_vain() -> None:
    watch = FlatLine(most_nonces=2.0, most_s=100.0)
    watch.begin(told(), 0.0)
    assert not watch.look(told(1.5 * NONCE_SPACE), 60.0, curtailed=False)
    assert not watch.look(told(9 * NONCE_SPACE), 5000.0, curtailed=True)
    assert not watch.look(told(9.4 * NONCE_SPACE), 5050.0, curtailed=False)
    with pytest.raises(FlatLineError, match="flat-lined: 11 billion hashes"):
        watch.look(told(10.1 * NONCE_SPACE), 5051.0, curtailed=False)


def test_answers_of_which_none_is_a_nonce_are_garbage() -> None:
    watch = FlatLine(most_nonces=2.0, most_s=100.0)
    watch.begin(told(errors=7), 0.0)
    assert not watch.look(told(errors=30), 1.0, curtailed=False)
    assert watch.look(told(errors=30, nonces=1), 2.0, curtailed=False)
    assert not watch.look(told(errors=30 + GARBAGE - 1, nonces=1), 3.0, curtailed=False)
    with pytest.raises(GarbageError, match="nothing but garbage: 32 hardware errors and no nonce since"):
        watch.look(told(errors=30 + GARBAGE, nonces=1), 4.0, curtailed=False)


def test_answers_that_come_late_to_who_is_curtailed_are_no_garbage() -> None:
    watch = FlatLine(most_nonces=2.0, most_s=100.0)
    watch.begin(told(), 0.0)
    assert not watch.look(told(errors=10 * GARBAGE), 1.0, curtailed=True)
    assert not watch.look(told(errors=11 * GARBAGE - 1), 2.0, curtailed=False)


def test_a_nonce_begins_the_watch_anew() -> None:
    watch = FlatLine(most_nonces=2.0, most_s=0.0)
    watch.begin(told(), 0.0)
    assert watch.look(told(1.9 * NONCE_SPACE, nonces=1), 1.0, curtailed=False)
    assert not watch.look(told(3.8 * NONCE_SPACE, nonces=1), 2.0, curtailed=False)
