"""The BM13xx driver against emulated chains, over real pseudo-terminals."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from hw.device import DeviceState, DeviceWork, Solution
from hw.drivers.bm13xx.bringup import ChainPlan, address_interval
from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.driver import Bm13xxDevice
from hw.drivers.bm13xx.nonces import result_id
from hw.drivers.bm13xx.responses import NonceResponse
from hw.drivers.errors import PortLostError, ProbeError, SettingError
from hw.drivers.port import SerialPort
from miner.backends.registry import GENESIS_HASH, GENESIS_HEADER, GENESIS_NONCE
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate, MidstateTemplate
from miner.work import VERSION_ROLLING_MASK

if TYPE_CHECKING:
    from tests.hw.conftest import Emulate
    from tests.hw.drivers.bm13xx.conftest import Drive

ROLLED = b"\x01\x00\x00\x20" + GENESIS_HEADER[4:]


def work(number: int = 1, mask: int = 0, header: bytes = GENESIS_HEADER, target: Target = MAX_TARGET) -> DeviceWork:
    return DeviceWork(number=number, template=HeaderTemplate(header), target=target, version_mask=mask)


def wait(device: Bm13xxDevice, for_s: float = 5.0) -> list[Solution]:
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        if found := device.poll(0.05):
            return found
    return []


@pytest.mark.parametrize(
    ("name", "chips"), [("BM1397", 1), ("BM1362", 126), ("BM1366", 1), ("BM1366", 4), ("BM1368", 1), ("BM1370", 2)]
)
@pytest.mark.parametrize("baud", [None, 1_000_000])
def test_every_chip_is_brought_up_and_mines_block_0(
    emulate: Emulate, drive: Drive, name: str, chips: int, baud: int | None
) -> None:
    device = drive(emulate(name.lower(), chips=chips), name, chips=chips, baud=baud)
    device.open()
    assert (device.chips, device.telemetry().state) == (chips, DeviceState.IDLE)
    assert device.telemetry().frequency_mhz == pytest.approx(CHIPS[name].default_mhz, rel=0.01)
    for number, mask in ((1, 0), (2, VERSION_ROLLING_MASK)):
        device.submit(work(number, mask))
        [solution] = wait(device)
        assert (solution.hit.nonce, solution.hit.hash) == (GENESIS_NONCE, GENESIS_HASH)
        assert (solution.work.number, solution.version) == (number, 1 if mask else None)
    assert device.telemetry().hardware_errors == 0


@pytest.mark.parametrize(("mask", "rests"), [(0, False), (VERSION_ROLLING_MASK, True)])
def test_a_chain_whose_job_ids_return_soon_is_always_listened_to(emulate: Emulate, mask: int, *, rests: bool) -> None:
    """Without rolling, a BM1370 uses a job up in 4 ms: 16 of them are over before a rest of 50 ms and the next are."""
    emulated, slept = emulate("bm1370"), list[float]()
    plan, sleep = ChainPlan(chip=CHIPS["BM1370"], step_s=0.0), lambda for_s: (slept.append(for_s), time.sleep(for_s))
    device = Bm13xxDevice(plan, lambda: SerialPort(emulated.path, 115200), sleep=sleep)
    device.open()
    device.submit(work(1, mask))
    slept.clear()
    assert wait(device)
    device.poll(0.02)
    assert bool(slept) == rests
    device.close()


class Halves:
    """A port that gives one piece of bytes at each reading, and then nothing."""

    name = "halves"

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    def read(self, timeout_s: float) -> bytes:
        if self.pieces:
            return self.pieces.pop(0)
        time.sleep(timeout_s)
        return b""

    def close(self) -> None:
        pass


def test_a_host_that_was_away_between_two_halves_of_an_answer_reads_it(emulate: Emulate, drive: Drive) -> None:
    """That nobody listened is no silence: only who waits for more in vain may give up what there is."""
    device = drive(emulate("bm1366"))
    device.open()
    device.submit(work())
    [told] = wait(device)
    device.submit(work(2))
    answer = NonceResponse(GENESIS_NONCE, 0, result_id(CHIPS["BM1366"], device._job_id), 0).to_bytes()
    real, device._port = device._port, Halves(answer[:5], answer[5:])  # type: ignore[assignment]
    assert device.poll(0.0) == []
    time.sleep(0.06)
    [solution] = device.poll(0.0)
    assert (solution.work.number, solution.hit) == (2, told.hit)
    device._port = Halves(answer[:5])  # type: ignore[assignment]
    assert device.poll(0.0) == device.poll(0.05) == []
    assert device._decoder.held_bytes == 0
    device._port = real


def test_a_job_is_counted_once_however_long_it_lasts(emulate: Emulate, drive: Drive) -> None:
    """Chips begin it again, which finds nothing new; without a pool that would look like hashing in vain."""
    device = drive(emulate("bm1370"), "BM1370")
    device.open()
    device.submit(work())
    time.sleep(0.1)  # a job without rolling is over in 4 ms
    assert device.telemetry().hashes == 1 << 32
    device.submit(work(2))
    time.sleep(0.1)
    assert device.telemetry().hashes == 2 << 32


@pytest.mark.parametrize(("chips", "interval"), [(1, 256), (2, 128), (3, 64), (4, 64), (65, 2), (126, 2), (128, 2)])
def test_addresses_are_spread_over_what_there_is(chips: int, interval: int) -> None:
    assert address_interval(chips) == interval
    assert (chips - 1) * interval < 256


def test_curtailed_it_stops_and_resumed_it_goes_on_with_its_settings(emulate: Emulate, drive: Drive) -> None:
    device = drive(emulate("bm1366"))
    device.open()
    device.submit(work())
    wait(device)
    before_s = time.monotonic()
    device.curtail()
    device.resume()
    assert time.monotonic() - before_s < 0.5
    device.submit(work(2))
    assert len(wait(device)) == 1


def test_closed_it_leaves_no_chip_hashing(emulate: Emulate, drive: Drive) -> None:
    """On their own they would go on with their last job for minutes, at full power."""
    emulated = emulate("bm1366")
    device = drive(emulated)
    device.open()
    device.submit(work())
    device._check_line(device._opened())
    chain = emulated.emulator.chain  # type: ignore[attr-defined]
    assert chain.hashes
    device.close()
    until_s = time.monotonic() + 5
    while chain.hashes and time.monotonic() < until_s:
        time.sleep(0.01)
    assert not chain.hashes
    device.open()
    device.submit(work(2))
    assert len(wait(device)) == 1


def test_a_job_is_renewed_in_time(emulate: Emulate, drive: Drive) -> None:
    """With versions to roll after 1.5 s, without when the nonces are used up: in 9 ms."""
    device, now = drive(emulate("bm1366")), [0.0]
    device.open()
    device._clock = lambda: now[0]
    device.submit(work(1, VERSION_ROLLING_MASK))
    now[0] = 1.4
    assert not device.wants_work()
    now[0] = 1.6
    assert device.wants_work()
    device.replace(work(2, 0))
    assert not device.wants_work()
    now[0] += 0.95 * (1 << 32) / (485e6 * 894)
    assert device.wants_work()


def test_answers_to_what_was_replaced_do_not_count(emulate: Emulate, drive: Drive) -> None:
    device = drive(emulate("bm1366", "late-nonce@0.8"))
    device.open()
    time.sleep(0.9)
    device.submit(work(1))
    assert wait(device, 0.3) == []
    device.submit(work(2, header=ROLLED[:40] + b"\x02" + ROLLED[41:]))
    assert [one.work.number for one in wait(device)] == [1]
    device.submit(work(3))
    assert wait(device, 0.3) == []
    device.replace(work(4, header=ROLLED[:40] + b"\x03" + ROLLED[41:]))
    assert wait(device, 0.5) == []


@pytest.mark.parametrize("fault", ["noise@0.6", "surplus-byte@0.6"])
def test_a_bad_line_loses_no_share(emulate: Emulate, drive: Drive, fault: str) -> None:
    device = drive(emulate("bm1366", fault))
    device.open()
    time.sleep(0.7)
    for number in range(6):
        device.submit(work(number))
        assert [one.work.number for one in wait(device)] == [number]
        time.sleep(0.1)


@pytest.mark.parametrize("fault", ["bad-crc@0.6", "stuck-nonce@0.6"])
def test_what_is_wrong_is_counted_and_no_share(emulate: Emulate, drive: Drive, fault: str) -> None:
    device = drive(emulate("bm1366", fault))
    device.open()
    time.sleep(0.7)
    for number in range(3):
        device.submit(work(number))
        assert wait(device, 0.3) == []
    told = device.telemetry()
    assert (told.nonces, told.hardware_errors) == (0, 3)


@pytest.mark.parametrize(
    ("model", "plan", "message"),
    [
        ("bm1370", {}, "no BM1366: BM1370 answered"),
        ("bm1366", {"chips": 4}, "1 of 4 chips BM1366 answered; is the chain broken"),
    ],
)
def test_what_is_not_the_chain_that_was_asked_for(
    emulate: Emulate, drive: Drive, model: str, plan: dict[str, int], message: str
) -> None:
    device = drive(emulate(model), **plan)
    with pytest.raises(ProbeError, match=message):
        device.open()
    assert device.telemetry().state == DeviceState.CLOSED


def test_an_icarus_is_no_chain(emulate: Emulate, drive: Drive) -> None:
    with pytest.raises(ProbeError, match="no BM1366: no chip answered"):
        drive(emulate("icarus")).open()


def test_a_chain_that_breaks_is_noticed_when_it_is_opened_again(emulate: Emulate, drive: Drive) -> None:
    emulated = emulate("bm1366", "dead-chip@1", chips=4)
    device = drive(emulated, chips=4)
    device.open()
    time.sleep(1.1)
    with pytest.raises(ProbeError, match="2 of 4 chips BM1366 answered"):
        device.open()


def test_unplugging_in_mid_job(emulate: Emulate, drive: Drive) -> None:
    device = drive(emulate("bm1366", "hang-up@0.8"))
    device.open()
    device.submit(work(1, header=ROLLED))
    with pytest.raises(PortLostError):
        wait(device, 3.0)


def test_a_bare_midstate_cannot_be_given(emulate: Emulate, drive: Drive) -> None:
    device = drive(emulate("bm1366"))
    device.open()
    template = HeaderTemplate(GENESIS_HEADER)
    bare = DeviceWork(number=1, template=MidstateTemplate(template.midstate, template.tail), target=MAX_TARGET)
    with pytest.raises(SettingError, match="BM1366 takes whole headers; got a midstate"):
        device.submit(bare)


@pytest.mark.parametrize("chips", [0, 129])
def test_a_chain_has_1_to_128_chips(chips: int) -> None:
    with pytest.raises(SettingError, match=f"a chain of {chips} chips; want 1 to 128"):
        ChainPlan(chip=CHIPS["BM1366"], chips=chips)


@pytest.mark.parametrize("name", ["BM1368", "BM1370"])
def test_a_stuck_nonce_is_counted_against_its_job_on_chips_that_shift_its_id(emulate: Emulate, drive: Drive, name: str) -> None:
    device = drive(emulate(name.lower(), "stuck-nonce@0.6"), name)
    device.open()
    time.sleep(0.7)
    device.submit(work(1))
    assert wait(device, 0.3) == []
    assert device.telemetry().hardware_errors == 1


def test_a_poll_ends_when_work_is_due_and_waits_on_if_there_is_none(emulate: Emulate, drive: Drive) -> None:
    """A job of one version lasts 9 ms: chips would do it over again while their host waits for answers."""
    device = drive(emulate("bm1366"))
    device.open()
    device.submit(work(1, header=ROLLED))
    began_s = time.monotonic()
    device.poll(5.0)
    assert device.wants_work()
    assert time.monotonic() - began_s < 1.0
    began_s = time.monotonic()
    assert device.poll(0.1) == []
    assert time.monotonic() - began_s > 0.05


def test_at_a_faster_clock_work_is_due_earlier(emulate: Emulate, drive: Drive) -> None:
    device, now = drive(emulate("bm1366"), clock_mhz=60.0), [0.0]
    device.open()
    device._clock = lambda: now[0]
    device.submit(work())
    device.set_frequency(600.0)
    now[0] = 0.95 * (1 << 32) / (600e6 * 894)
    assert device.wants_work()
