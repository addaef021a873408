"""What a benchmark tells of its machine: processors in the order of their use, and boards where there are some."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reports.machine import cpu, gpus, machine, usable_cpus


def test_one_processor_of_each_core_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four logical processors on two cores, numbered as Linux often does: siblings side by side."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    for number, core in enumerate((0, 0, 1, 1)):
        folder = tmp_path / f"sys/devices/system/cpu/cpu{number}/topology"
        folder.mkdir(parents=True)
        (folder / "core_id").write_text(f"{core}\n")
        (folder / "physical_package_id").write_text("0\n")
    assert usable_cpus(tmp_path) == [0, 2, 1, 3]
    assert usable_cpus(tmp_path / "nowhere") == [0, 1, 2, 3]


def test_a_processor_without_a_name_still_counts_its_cores(tmp_path: Path) -> None:
    assert cpu(tmp_path)["hardware_threads"] == cpu()["hardware_threads"]


def test_boards_have_their_names_and_drivers(nvml: Any) -> None:
    nvml.boards.append(replace(nvml.boards[0], name="A100", address="00000000:0B:00.0"))
    assert (
        gpus()
        == machine()["gpus"]
        == [
            {"name": "H100", "driver": "580.1", "address": "00000000:05:00.0"},
            {"name": "A100", "driver": "580.1", "address": "00000000:0B:00.0"},
        ]
    )


def test_a_board_that_is_lost_does_not_hide_the_others(nvml: Any) -> None:
    nvml.boards.insert(0, replace(nvml.boards[0], name="A100", lost=True))
    assert [board["name"] for board in gpus()] == ["H100"]


def test_without_a_driver_or_its_package_there_are_no_boards(nvml: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise nvml.NVMLError("NVML Shared Library Not Found")

    nvml.nvmlDeviceGetCount = refuse
    assert gpus() == []
    nvml.nvmlInit = refuse
    assert gpus() == []
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpus() == []
