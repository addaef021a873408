"""Emulated wall meters without a port: their frames byte for byte, their counters, and what they refuse."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from math import floor, inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.drivers.errors import SettingError
from hw.emulators.faults import Fault
from hw.emulators.wall_meter import KINDS, MeterFault, WallMeterEmulator, WallMeterSetting, planned_faults
from hw.meters.load import FunctionLoad, StepLoad, constant_load
from hw.meters.rtu import crc16, intact, sealed

READ_TEN = bytes.fromhex("01 04 00 00 00 0A 70 0D")
READ_VOLTS = bytes.fromhex("01 04 00 00 00 02 71 CB")


def meter(kind: str = "pzem", watts: float = 100.0, **more: Any) -> WallMeterEmulator:
    return WallMeterEmulator(WallMeterSetting(kind=KINDS[kind], load=constant_load(watts), **more))


def asked(start: int, count: int, *, address: int = 1, function: int = 4) -> bytes:
    return sealed(struct.pack(">BBHH", address, function, start, count))


class TestFramesThatAreKnown:
    def test_the_check_sum(self) -> None:
        """The example of Modbus over Serial Line V1.02, appendix B: 02 07 gives 41 12 on the wire."""
        assert sealed(bytes.fromhex("02 07")).hex(" ") == "02 07 41 12"
        assert crc16(bytes.fromhex("02 07")) == 0x1241

    def test_the_check_sum_is_that_of_pymodbus(self) -> None:
        from pymodbus.framer.rtu import FramerRTU

        for data in (b"\x01", bytes(range(256)), READ_TEN[:-2]):
            assert sealed(data)[-2:] == FramerRTU.compute_CRC(data).to_bytes(2, "big")

    def test_a_pzem_as_in_its_manual(self) -> None:
        """PZEM-004T V3.0 User Manual, 2.3: 220.0 V, 1.000 A, 220.0 W, 0 Wh, 50.0 Hz, 1.00."""
        answer = meter(watts=220.0, volts=220.0).answer(READ_TEN, 0.0)
        assert answer[:-2].hex(" ") == "01 04 14 08 98 03 e8 00 00 08 98 00 00 00 00 00 00 01 f4 00 64 00 00"
        assert intact(answer)

    def test_a_pzem_as_it_was_heard(self) -> None:
        """A frame that a real one sent (esphome/feature-requests, thread 49): 225.7 V, 0.108 A, 24.4 W, 38 Wh."""
        heard = "01 04 14 08 d1 00 6c 00 00 00 f4 00 00 00 26 00 00 01 f4 00 64 00 00 51 34"
        assert meter(watts=24.4, volts=225.7, counted_wh=38.9).answer(READ_TEN, 0.0).hex(" ") == heard

    def test_an_eastron_as_in_its_manuals(self) -> None:
        """230.2 V, in the manuals of several of its meters (SDM320Y, 06-2018 V1.0)."""
        (volts,) = struct.unpack(">f", bytes.fromhex("43 66 33 34"))
        assert volts == pytest.approx(230.2)
        assert meter("sdm120", volts=volts).answer(READ_VOLTS, 0.0).hex(" ") == "01 04 04 43 66 33 34 1b 38"


@pytest.mark.parametrize(
    ("request_frame", "code"),
    [
        (asked(0, 11), 2),
        (asked(10, 1), 2),
        (asked(0, 0), 3),
        (asked(0, 126), 3),
        (asked(0, 10, function=3), 1),
        (asked(1, 100, function=6), 1),
    ],
    ids=["too many", "beyond the last", "none", "more than a frame holds", "holding registers", "to be written"],
)
def test_what_a_pzem_does_not_have_it_refuses(request_frame: bytes, code: int) -> None:
    assert meter().answer(request_frame, 0.0) == sealed(bytes([1, request_frame[1] | 0x80, code]))


def test_an_sdm120_has_no_registers_between_its_own() -> None:
    assert meter("sdm120").answer(asked(0x0000, 4), 0.0)[1] == 0x84
    assert meter("sdm120").answer(asked(0x0048, 4), 0.0)[:3].hex() == "010408"


def test_another_address_and_a_broken_request_are_not_answered() -> None:
    device = meter(address=7)
    assert device.answer(asked(0, 10), 0.0) == b""
    assert device.answer(asked(0, 10, address=7), 0.0)[0] == 7
    assert device.answer(READ_TEN[:-1] + b"\0", 0.0) == b""


class TestTheWire:
    def test_an_answer_takes_its_time(self) -> None:
        device = meter(answer_s=0.03)
        device.feed(READ_TEN, 10.0)
        assert device.due_s() == pytest.approx(10.03)
        assert device.poll(10.02) == b""
        assert device.poll(10.04) == device.answer(READ_TEN, 10.0)
        assert (device.poll(99.0), device.due_s()) == (b"", None)
        told = device.snapshot(10.0)
        assert (told.works, told.answers, told.declared_hps) == (1, 1, 0.0)
        assert (told.power_w, told.energy_j) == (100.0, 1000.0)

    @given(st.integers(1, 8), st.binary(max_size=12))
    def test_requests_come_in_pieces_and_after_noise(self, size: int, noise: bytes) -> None:
        device = meter()
        data = noise + READ_TEN + READ_TEN
        for place in range(0, len(data), size):
            device.feed(data[place : place + size], 1.0)
        assert device.poll(2.0) == 2 * device.answer(READ_TEN, 1.0)

    def test_half_a_request_is_forgotten_after_a_silence(self) -> None:
        device = meter()
        device.feed(READ_TEN[:5], 0.0)
        device.feed(READ_TEN, 1.0)
        assert device.poll(2.0) == device.answer(READ_TEN, 1.0)


class TestFaults:
    @pytest.fixture
    def broken(self) -> Callable[[MeterFault], WallMeterEmulator]:
        return lambda fault: meter(broken={fault: (5.0, 8.0)})

    @pytest.mark.parametrize(
        ("fault", "answer"),
        [
            (MeterFault.NO_ANSWER, lambda right: b""),
            (MeterFault.BAD_CRC, lambda right: right[:-1] + bytes([right[-1] ^ 0xFF])),
            (MeterFault.CUT_SHORT, lambda right: right[:12]),
            (MeterFault.WRONG_ADDRESS, lambda right: sealed(b"\x02" + right[1:-2])),
            (MeterFault.EXCEPTION, lambda right: sealed(bytes([1, 0x84, 4]))),
        ],
    )
    def test_it_is_there_for_a_while(
        self, broken: Callable[[MeterFault], WallMeterEmulator], fault: MeterFault, answer: Callable[[bytes], bytes]
    ) -> None:
        device = broken(fault)
        for at_s in (4.9, 8.0):
            assert device.answer(READ_TEN, at_s) == meter().answer(READ_TEN, at_s)
        for at_s in (5.0, 7.9):
            assert device.answer(READ_TEN, at_s) == answer(meter().answer(READ_TEN, at_s))

    def test_it_is_planned_by_name_and_time_and_so_is_one_of_the_line(self) -> None:
        of_line, of_meter = planned_faults(["no-answer@5", "hang-up@3", "bad-crc"], 100.0)
        assert [of_line.there(Fault.HANG_UP, at_s) for at_s in (102.9, 103.0)] == [False, True]
        assert not of_line.there(Fault.NOISE, 1e9)
        assert of_meter == {MeterFault.NO_ANSWER: (105.0, inf), MeterFault.BAD_CRC: (100.0, inf)}

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("stuck-nonce", "no fault 'stuck-nonce'; known: hang-up, noise, wrong-baud, no-answer, bad-crc, "),
            ("noise@soon", "fault 'noise@soon': 'soon' is no time; want seconds from 0 on, such as noise@30"),
        ],
    )
    def test_one_that_it_cannot_have_is_a_sentence(self, text: str, sentence: str) -> None:
        with pytest.raises(SettingError, match=sentence):
            planned_faults([text], 0.0)


class TestTheCounter:
    @given(
        st.lists(st.tuples(st.integers(1, 4000), st.integers(0, 5000)), min_size=1, max_size=8),
        st.integers(0, 40_000),
        st.integers(0, 100_000),
    )
    def test_it_holds_whole_watthours_of_the_exact_energy(
        self, pieces: list[tuple[int, int]], at_s: int, started_wh: int
    ) -> None:
        """Any steps of whole watts and seconds, against fractions."""
        changes, energy, now_s = [], Fraction(0), 0
        for length_s, power_w in pieces:
            changes.append((float(now_s), float(power_w)))
            energy += power_w * max(0, min(at_s, now_s + length_s) - now_s)
            now_s += length_s
        energy += pieces[-1][1] * max(0, at_s - now_s)
        setting = WallMeterSetting(kind=KINDS["pzem"], load=StepLoad(tuple(changes)), counted_wh=started_wh)
        assert WallMeterEmulator(setting).counted_wh(at_s) == floor(started_wh + energy / 3600)

    def test_it_counts_from_when_it_was_connected(self) -> None:
        device = meter(watts=3600.0, started_s=100.0, counted_wh=7.0)
        assert [device.counted_wh(at_s) for at_s in (100.0, 100.9, 101.0, 103.5)] == [7, 7, 8, 10]

    def test_its_low_part_carries_into_its_high_part(self) -> None:
        answer = meter(counted_wh=0x12345).answer(READ_TEN, 0.0)
        assert answer[13:17].hex(" ") == "23 45 00 01"

    def test_an_sdm120_is_taken_to_count_in_steps_of_10_watthours(self) -> None:
        device = meter("sdm120", counted_wh=1239.9)
        (counted_kwh,) = struct.unpack(">f", device.answer(asked(0x48, 2), 0.0)[3:7])
        assert counted_kwh == pytest.approx(1.23)

    def test_any_function_of_time_may_be_its_load(self) -> None:
        load = FunctionLoad(lambda time_s: 1000.0 + 10 * time_s, step_s=0.5)
        device = WallMeterEmulator(WallMeterSetting(kind=KINDS["pzem"], load=load))
        assert device.counted_wh(3600.0) == (1000 * 3600 + 5 * 3600**2) // 3600


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"address": 0}, "address 0; want one from 1 to 247"),
        ({"address": 248}, "address 248"),
        ({"counted_wh": -1.0}, "a counter of -1.0 Wh"),
        ({"counted_wh": inf}, "a counter of inf Wh"),
        ({"volts": 0.0}, "0.0 V; want volts above 0"),
    ],
)
def test_a_meter_that_cannot_be(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        meter(**change)
