"""The search around the kernels: pieces, several devices, full buffers, versions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miner.backends.gpu_job import Device, Job, job_of
from miner.backends.gpu_search import Searcher
from miner.backends.gpu_variant import SHIFTS, Variant
from miner.backends.registry import Backend
from miner.bench.audit import PLANTED_TARGET, plant
from miner.bench.targets import MOST_BITS, easy_target
from miner.errors import WorkError
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate, MidstateTemplate, kernel_groups
from miner.vectors import header_at

SPACE = 1 << 32
EVERYTHING = Target(SPACE**8 - 1)
HEADER = header_at(125552).to_bytes()
TEMPLATE = HeaderTemplate(HEADER)


class ListedDevice:
    """A device that reports the nonces of a list, or every one, and remembers what it was asked."""

    def __init__(self, reported: Sequence[int] | None = None, capacity: int = 16, processors: int = 1) -> None:
        self.capacity, self.processors = capacity, processors
        self.launched: list[tuple[int, int]] = []
        self._reported = reported
        self._waiting: list[int] | None = None

    def launch(self, job: Job, start: int, count: int) -> None:
        assert self._waiting is None, "launched before the last result was collected"
        self.launched.append((start, count))
        ours = range(start, start + count)
        self._waiting = list(ours) if self._reported is None else [nonce for nonce in self._reported if nonce in ours]

    def collect(self) -> tuple[int, list[int]]:
        assert self._waiting is not None, "collected before a launch"
        found, self._waiting = self._waiting, None
        return len(found), found[: self.capacity][::-1]


def searching(devices: Sequence[ListedDevice]) -> Searcher:
    """Search on devices that have no kernel to be proven."""
    return Searcher(devices, proof=lambda device, variant: None)


def hard() -> Job:
    return job_of([TEMPLATE], MAX_TARGET)


def test_the_job_says_which_kernel_and_what_it_is_given() -> None:
    assert (hard().variant, hard().limit) == (Variant(wide=SHIFTS, zero=True), 0)
    easy = job_of([TEMPLATE, TEMPLATE], Target(5 << 224))
    assert (easy.variant, easy.limit) == (Variant(midstates=2, wide=SHIFTS, zero=False), 5)
    assert easy.shared[:3] == (1, 1 << 29, 1 << 22)


@pytest.mark.parametrize("devices", [1, 2, 3, 8])
def test_a_chunk_is_split_over_all_devices_and_nothing_is_searched_twice(devices: int) -> None:
    machines = [ListedDevice([]) for _ in range(devices)]
    searching(machines).candidates(hard(), 1000, (1 << 28) + 7)
    pieces = sorted(piece for machine in machines for piece in machine.launched)
    assert [len(machine.launched) for machine in machines] == [1] * devices
    assert pieces[0][0] == 1000
    assert [start + count for start, count in pieces] == [*(start for start, _ in pieces[1:]), 1000 + (1 << 28) + 7]


def test_a_small_range_goes_to_one_device() -> None:
    machines = [ListedDevice([5]), ListedDevice([5])]
    assert searching(machines).candidates(hard(), 0, 1000) == [5]
    assert [machine.launched for machine in machines] == [[(0, 1000)], []]


def test_the_whole_space_goes_in_pieces_whose_nonces_and_threads_fit_32_bits() -> None:
    machine = ListedDevice([0, SPACE - 1])
    assert searching([machine]).candidates(hard(), 0, SPACE) == [0, SPACE - 1]
    assert machine.launched == [(at, 1 << 30) for at in range(0, SPACE, 1 << 30)]


def test_an_easy_target_makes_small_pieces_at_once() -> None:
    """Half full by chance's mean: the buffer of 16 then takes 8 nonces of which every one is expected to be reported."""
    machine = ListedDevice(None)
    job = job_of([TEMPLATE], EVERYTHING)
    assert searching([machine]).candidates(job, 3, 100) == list(range(3, 103))
    assert machine.launched == [(at, min(8, 103 - at)) for at in range(3, 103, 8)]


@settings(deadline=None)
@given(
    reported=st.sets(st.integers(0, 5000)),
    start=st.integers(0, 3000),
    count=st.integers(1, 3000),
    devices=st.integers(1, 3),
    capacity=st.integers(1, 20),
)
def test_a_full_buffer_loses_nothing(reported: set[int], start: int, count: int, devices: int, capacity: int) -> None:
    """More candidates than chance would have: pieces are halved until all fit, whatever the buffer."""
    machines = [ListedDevice(sorted(reported), capacity) for _ in range(devices)]
    found = searching(machines).candidates(hard(), start, count)
    assert found == sorted(nonce for nonce in reported if start <= nonce < start + count)


def test_every_nonce_of_a_hard_target_reported_is_still_no_loss() -> None:
    machine = ListedDevice(None, capacity=1)
    assert searching([machine]).candidates(hard(), SPACE - 33, 33) == list(range(SPACE - 33, SPACE))


def test_candidates_that_do_not_meet_all_256_bits_are_dropped() -> None:
    nonce = header_at(125552).nonce
    searcher = searching([ListedDevice([nonce - 1, nonce])])
    assert [hit.nonce for hit in searcher.scan(TEMPLATE, nonce - 5, 10, MAX_TARGET)] == [nonce]


def test_a_chunk_is_a_tenth_of_a_second_for_all_devices_together() -> None:
    """A GH100 has 132 SMs of 1.98 GHz and 64 lanes each, and a hash takes 1,669 of their instructions."""
    searcher = searching([ListedDevice(processors=132), ListedDevice(processors=132)])
    rate_hps = 2 * 132 * 1.98e9 * 64 / 1669
    assert 0.02 < searcher.chunk_nonces / rate_hps < 0.1


class TestVersions:
    """Several headers that share their last 16 bytes."""

    @pytest.mark.parametrize("number", [1, 2, 3, 4, 7])
    def test_each_template_gets_its_own_hits(self, number: int, cpu_device: Callable[..., Device]) -> None:
        templates = [HeaderTemplate(bytes([place]) + HEADER[1:]) for place in range(number)]
        target = Target((1 << 252) - 1)
        wanted = [[hit for n in range(50, 450) if (hit := one.check(n, target))] for one in templates]
        assert Searcher([cpu_device()]).scan_versions(templates, 50, 400, target) == wanted
        assert all(wanted)

    def test_groups_are_as_large_as_kernels_take_them(self) -> None:
        templates = [HeaderTemplate(bytes([place]) + HEADER[1:]) for place in range(11)]
        assert [len(group) for group in kernel_groups(templates)] == [4, 4, 2, 1]
        assert searching([ListedDevice([])]).scan_versions([], 0, 5, MAX_TARGET) == []

    def test_another_tail_is_refused(self) -> None:
        with pytest.raises(WorkError, match="share the last 16 bytes"):
            searching([ListedDevice([])]).scan_versions([TEMPLATE, HeaderTemplate(bytes(80))], 0, 5, MAX_TARGET)


def test_a_midstate_without_its_header_is_searched_as_well(cpu_device: Callable[..., Device]) -> None:
    bare = MidstateTemplate(TEMPLATE.midstate, TEMPLATE.tail)
    target = Target((1 << 253) - 1)
    searcher = Searcher([cpu_device()])
    assert searcher.scan(bare, 9, 300, target) == searcher.scan(TEMPLATE, 9, 300, target)


@pytest.mark.parametrize("midstates", [1, 2, 4])
def test_planted_nonces_are_found_in_the_place_of_every_midstate(cpu_device: Callable[..., Device], midstates: int) -> None:
    searcher = Searcher([cpu_device()])
    backend = Backend("text", searcher.scan, 4096, searcher.scan_versions)
    planted, found = plant(backend, midstates)
    assert found == planted > 256 * midstates


def test_what_is_planted_tries_the_kernel_that_is_timed() -> None:
    """However hard the target of the timed samples is."""
    assert job_of([TEMPLATE], PLANTED_TARGET).variant == job_of([TEMPLATE], easy_target(MOST_BITS)).variant
    assert not job_of([TEMPLATE], PLANTED_TARGET).variant.zero
