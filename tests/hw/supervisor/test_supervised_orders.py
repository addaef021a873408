"""Orders to supervised devices: carried out in their own threads, kept through failures, no share or header lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from hw.compute import ComputeDevice
from hw.device import DeviceState, Solution
from hw.drivers.bm13xx.bringup import ChainPlan
from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.driver import Bm13xxDevice
from hw.drivers.errors import PortLostError, SettingError
from hw.drivers.port import SerialPort
from hw.supervisor import FLAT_NONCES, Care, Health, Standing, Supervisor, refusals
from miner.header import NONCE_SPACE
from miner.stratum.hashing import Share

if TYPE_CHECKING:
    from tests.hw.conftest import Emulate
    from tests.hw.supervisor.conftest import MakeQueue, Scripted, Supervise, Until

Found = Callable[..., Solution]
WITHIN_S = 5.0


def lose(device: Scripted) -> None:
    """Let the device be lost at its next poll, once."""

    def poll() -> list[Solution]:
        device.on_poll = lambda: []
        raise PortLostError("/dev/x: lost (unplugged)")

    device.on_poll = poll


def refuse(order: object) -> None:
    raise SettingError("its clock is fixed")


def test_an_order_to_one_device_leaves_the_others_alone(supervise: Supervise, scripted: type[Scripted]) -> None:
    one, other = scripted("one"), scripted("other")
    supervisor = supervise(one, other)
    outcomes = supervisor.set_frequency(400.0, "one")
    assert (list(outcomes), refusals(outcomes, WITHIN_S)) == (["one"], {})
    assert (one.told, other.told) == (["open", 400.0], ["open"])
    assert [told.standing for told in supervisor.snapshot()] == [Standing(frequency_mhz=400.0), Standing()]


def test_an_order_to_all_is_carried_out_by_each_in_its_own_thread(supervise: Supervise, scripted: type[Scripted]) -> None:
    devices = [scripted(f"scripted at {number}") for number in range(3)]
    threads: list[str] = []
    for device in devices:
        device.on_order = lambda order: threads.append(threading.current_thread().name)
    assert refusals(supervise(*devices).curtail(), WITHIN_S) == {}
    assert sorted(threads) == [f"device scripted at {number}" for number in range(3)]


def test_what_a_device_refuses_is_its_sentence_and_changes_nothing(supervise: Supervise, scripted: type[Scripted]) -> None:
    fixed, free = scripted("fixed"), scripted("free")
    supervisor = supervise(fixed, free)
    refusals(supervisor.set_frequency(300.0), WITHIN_S)
    fixed.on_order = refuse
    outcomes = supervisor.set_power_target(500.0)
    assert refusals(outcomes, WITHIN_S) == {"fixed": "its clock is fixed"}
    assert isinstance(outcomes["fixed"].exception(), SettingError)
    told = supervisor.snapshot()
    assert [one.standing for one in told] == [Standing(frequency_mhz=300.0), Standing(power_target_w=500.0)]
    assert [one.restarts for one in told] == [0, 0]


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (lambda supervisor: supervisor.curtail("tow"), "no device 'tow'; known: one, two"),
        (lambda supervisor: supervisor.set_frequency(float("nan")), "a frequency of nan MHz; want a finite number above 0"),
        (lambda supervisor: supervisor.set_power_target(-1.0), "a power target of -1 W; want a finite number above 0"),
    ],
)
def test_an_order_that_makes_no_sense_is_a_sentence(
    supervise: Supervise, scripted: type[Scripted], order: Callable[[Supervisor], object], sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence):
        order(supervise(scripted("one"), scripted("two")))


def test_a_curtailed_device_gets_no_work_and_is_alive(supervise: Supervise, scripted: type[Scripted], queue: MakeQueue) -> None:
    device = scripted()
    supervisor = supervise(device)
    refusals(supervisor.curtail(), WITHIN_S)
    supervisor.work_on(queue(), abandon=True)
    time.sleep(0.2)
    [told] = supervisor.snapshot()
    assert (device.given, told.health, told.standing.curtailed) == ([], Health.ALIVE, True)
    assert told.telemetry.state == DeviceState.CURTAILED


def test_a_curtailed_device_is_not_taken_for_flat_lined(supervise: Supervise, scripted: type[Scripted], until: Until) -> None:
    """Hashes of its way to sleep do not count, nor does the time; awake again, it has as much in vain as before."""
    device = scripted()
    supervisor = supervise(device)
    device.hashes = (FLAT_NONCES - 1) * NONCE_SPACE
    time.sleep(0.1)
    refusals(supervisor.curtail(), WITHIN_S)
    device.hashes = 3 * FLAT_NONCES * NONCE_SPACE
    time.sleep(0.1)
    refusals(supervisor.resume(), WITHIN_S)
    time.sleep(0.1)
    assert device.opened == 1
    device.hashes = (3 * FLAT_NONCES + 1.5) * NONCE_SPACE
    assert until(lambda: device.opened == 2)


def test_what_was_found_before_counts_and_the_header_is_searched_to_its_end(
    supervise: Supervise, scripted: type[Scripted], queue: MakeQueue, until: Until, found: Found, shares: list[Share]
) -> None:
    """A share waits in the device when it is curtailed; awake again it gets the same header, and finds that share once more."""
    device = scripted()
    supervisor = supervise(device)
    supervisor.work_on(queue(), abandon=False)
    assert until(lambda: device.given)
    held, left = [found(device.given[0], 7)], []
    device.on_poll = lambda: [held.pop()] if held and device.listened_s == 0 else []  # it came after the last long listening
    device.on_order = lambda order: left.append(len(held))
    assert refusals(supervisor.curtail(), WITHIN_S) == {}
    assert left == [0]
    assert [share.nonce for share in shares] == [7]
    refusals(supervisor.resume(), WITHIN_S)
    assert until(lambda: len(device.given) == 2)
    first, second = device.given
    assert (first.template.header, first.number) == (second.template.header, second.number - 1)  # type: ignore[attr-defined]
    answers = [found(second, 7), found(second, 8)]
    device.on_poll = lambda: [answers.pop(0)] if answers else []
    assert until(lambda: len(shares) == 2)
    assert [share.nonce for share in shares] == [7, 8]
    assert supervisor.snapshot()[0].shares == 2


@pytest.mark.parametrize(("order", "again"), [("set_frequency", 500.0), ("set_power_target", (500.0, "W"))])
def test_orders_hold_again_after_a_failure(
    supervise: Supervise, scripted: type[Scripted], until: Until, order: str, again: object
) -> None:
    """A setting before the sleep, since a chain that is set to a clock sweeps at it; and no work in between."""
    device = scripted()
    supervisor = supervise(device)
    refusals(getattr(supervisor, order)(500.0), WITHIN_S)
    refusals(supervisor.curtail(), WITHIN_S)
    lose(device)
    assert until(lambda: supervisor.snapshot()[0].restarts == 1)
    assert device.told == ["open", again, "curtail", "open", again, "curtail"]
    refusals(supervisor.resume(), WITHIN_S)
    lose(device)
    assert until(lambda: supervisor.snapshot()[0].restarts == 2)
    assert device.told[6:] == ["resume", "open", again]


def test_of_clock_and_power_the_later_holds(supervise: Supervise, scripted: type[Scripted], until: Until) -> None:
    device = scripted()
    supervisor = supervise(device)
    refusals(supervisor.set_frequency(500.0), WITHIN_S)
    refusals(supervisor.set_power_target(20.0), WITHIN_S)
    lose(device)
    assert until(lambda: supervisor.snapshot()[0].restarts == 1)
    assert device.told == ["open", 500.0, (20.0, "W"), "open", (20.0, "W")]


def test_what_it_does_not_take_any_more_is_forgotten_but_it_stays_curtailed(
    supervise: Supervise, scripted: type[Scripted], until: Until
) -> None:
    device = scripted()
    supervisor = supervise(device)
    refusals(supervisor.set_frequency(500.0), WITHIN_S)
    refusals(supervisor.curtail(), WITHIN_S)
    device.on_order = lambda order: refuse(order) if order == 500.0 else None
    lose(device)
    assert until(lambda: supervisor.snapshot()[0].restarts == 1)
    [told] = supervisor.snapshot()
    assert (told.standing, told.trouble) == (Standing(curtailed=True), "its clock is fixed")
    assert device.told[-2:] == ["open", "curtail"]


def test_a_setting_does_not_wake_a_curtailed_device(supervise: Supervise, scripted: type[Scripted]) -> None:
    device = scripted()
    supervisor = supervise(device)
    refusals(supervisor.curtail(), WITHIN_S)
    refusals(supervisor.set_frequency(400.0), WITHIN_S)
    assert device.told == ["open", "curtail", 400.0, "curtail"]


def test_orders_wait_for_a_device_that_is_away_and_the_latest_of_a_sort_counts(
    supervise: Supervise, scripted: type[Scripted]
) -> None:
    device, gate = scripted("away"), threading.Event()
    device.on_open = lambda: gate.wait(5) and None
    supervisor = supervise(device)
    first, second = supervisor.set_frequency(400.0), supervisor.set_frequency(500.0)
    curtailed = supervisor.curtail()
    assert refusals(first, WITHIN_S) == {"away": "away: a later order came before this one could be carried out"}
    assert refusals(curtailed, 0.05) == {
        "away": "away: not carried out within 0.05 s, but not refused: the device is away or busy"
    }
    gate.set()
    assert refusals(second, WITHIN_S) == refusals(curtailed, WITHIN_S) == {}
    assert device.told == ["open", 500.0, "curtail"]


def test_an_order_that_was_called_off_is_not_carried_out(supervise: Supervise, scripted: type[Scripted]) -> None:
    device, gate = scripted("away"), threading.Event()
    device.on_open = lambda: gate.wait(5) and None
    supervisor = supervise(device)
    called_off = supervisor.set_frequency(400.0)
    assert called_off["away"].cancel()
    gate.set()
    assert refusals(supervisor.resume(), WITHIN_S) == {}
    assert device.told == ["open", "resume"]
    assert refusals(called_off, WITHIN_S) == {"away": "away: called off"}


def test_an_order_at_which_a_device_is_lost_is_carried_out_when_it_is_back(
    supervise: Supervise, scripted: type[Scripted]
) -> None:
    device = scripted()

    def break_once(order: object) -> None:
        device.on_order = lambda order: None
        raise PortLostError("lost")

    device.on_order = break_once
    supervisor = supervise(device)
    assert refusals(supervisor.curtail(), WITHIN_S) == {}
    assert device.told == ["open", "open", "curtail"]


def test_an_order_that_breaks_a_device_over_and_over_is_refused(
    supervise: Supervise, scripted: type[Scripted], until: Until
) -> None:
    device = scripted()

    def break_down(order: object) -> None:
        raise PortLostError("lost")

    device.on_order = break_down
    supervisor = supervise(device)
    told = refusals(supervisor.set_frequency(900.0), WITHIN_S)
    assert told == {"scripted at 1": "scripted at 1 fails at it, 3 times by now: lost"}
    assert until(lambda: supervisor.snapshot()[0].health == Health.ALIVE)
    assert (device.opened, supervisor.snapshot()[0].standing) == (4, Standing())


def test_orders_that_wait_at_the_end_and_those_that_come_later_are_refused(
    shares: list[Share], scripted: type[Scripted]
) -> None:
    device = scripted("away")
    device.on_open = lambda: (_ for _ in ()).throw(PortLostError("no"))
    supervisor = Supervisor([device], shares.append, care=Care(first_s=60, longest_s=60))
    waiting = supervisor.curtail()
    supervisor.close()
    over = {"away": "away: the mining is over, so nothing is carried out any more"}
    assert refusals(waiting, WITHIN_S) == refusals(supervisor.resume(), WITHIN_S) == over


def test_orders_from_many_threads_end_each_in_one_way(supervise: Supervise, scripted: type[Scripted]) -> None:
    """Eight threads give 50 orders each to two devices, which are lost now and then; the last one holds."""
    devices = [scripted("one"), scripted("two")]
    supervisor = supervise(*devices)
    ended: list[str] = []

    def give(thread: int) -> None:
        for number in range(50):
            if number % 20 == thread:
                lose(devices[thread % 2])
            order = supervisor.curtail if (thread + number) % 2 else supervisor.resume
            ended.extend(refusals(order(), 30.0).values())

    threads = [threading.Thread(target=give, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {text.partition(": ")[2] for text in ended} <= {"a later order came before this one could be carried out"}
    assert refusals(supervisor.curtail(), WITHIN_S) == {}
    assert [one.told[-1] for one in devices] == ["curtail"] * 2


def test_the_processors_of_this_machine_stop_and_go_on(supervise: Supervise, queue: MakeQueue, until: Until) -> None:
    supervisor = supervise(ComputeDevice())
    supervisor.work_on(queue(), abandon=False)
    assert until(lambda: supervisor.snapshot()[0].totals.hashes > 0, 30.0)
    assert refusals(supervisor.curtail(), WITHIN_S) == {}
    time.sleep(0.2)  # within a slice of the search
    stopped = supervisor.snapshot()[0].totals.hashes
    time.sleep(0.2)
    assert supervisor.snapshot()[0].totals.hashes == stopped
    assert refusals(supervisor.set_frequency(3000.0), WITHIN_S)["auto at cpu0"].endswith("3000 MHz refused")
    assert refusals(supervisor.resume(), WITHIN_S) == {}
    assert until(lambda: supervisor.snapshot()[0].totals.hashes > stopped)


def test_a_chain_on_a_pseudo_terminal_obeys(emulate: Emulate, supervise: Supervise, queue: MakeQueue, until: Until) -> None:
    """Its chips stand still while it is curtailed, whatever clock it is set to, and hash at that clock afterwards."""
    emulated = emulate("bm1366")
    plan = ChainPlan(chip=CHIPS["BM1366"], step_s=0.0)
    supervisor = supervise(Bm13xxDevice(plan, lambda: SerialPort(emulated.path, 115200)))
    supervisor.work_on(queue(), abandon=False)

    def declared_hps() -> float:
        return emulated.emulator.snapshot(time.monotonic()).declared_hps

    assert until(lambda: supervisor.snapshot()[0].telemetry.state == DeviceState.HASHING)
    before_hps = declared_hps()
    assert refusals(supervisor.curtail(), WITHIN_S) == refusals(supervisor.set_frequency(300.0), WITHIN_S) == {}
    assert until(lambda: declared_hps() == 0)
    assert refusals(supervisor.resume(), WITHIN_S) == {}
    assert until(lambda: declared_hps() > 0)
    [told] = supervisor.snapshot()
    assert told.telemetry.frequency_mhz == pytest.approx(300.0, abs=2.0)
    assert declared_hps() == pytest.approx(before_hps * 300.0 / plan.goal_mhz, rel=0.02)
    assert told.restarts == 0
