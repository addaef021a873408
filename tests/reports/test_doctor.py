"""The doctor, shown machines that are not here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import typer

from reports.cli import doctor as module
from reports.cli.doctor import (
    Check,
    check_cpu,
    check_gpu,
    check_output,
    check_packages,
    check_program,
    check_python,
    check_serial,
    doctor,
    examine,
)

FLOORS = ("miner", "hw", "gridsim", "reports")
CPUINFO = """processor\t: 0
model name\t: Example CPU @ 2.50GHz
flags\t\t: fpu sse2 avx2 avx512f sha_ni

processor\t: 1
model name\t: Example CPU @ 2.50GHz
flags\t\t: fpu sse2 avx2 avx512f sha_ni
"""


def package(folder: Path, *names: str) -> str:
    """Put packages called `names` into `folder`."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").touch()
    return str(folder)


@pytest.mark.parametrize(("version", "status"), [((3, 11, 0), "ok"), ((3, 14, 2), "ok"), ((3, 10, 9), "fail")])
def test_python(version: tuple[int, int, int], status: str) -> None:
    check = check_python(version)
    assert check.status == status
    assert ".".join(map(str, version)) in check.sentence


def test_packages_from_one_folder_are_ours(tmp_path: Path) -> None:
    ours = package(tmp_path / "ours", *FLOORS)
    assert check_packages([ours], {}).status == "ok"
    assert check_packages([ours], {floor: ["hashwatt"] for floor in FLOORS}).status == "ok"


def test_a_foreign_package_earlier_on_the_path_is_found(tmp_path: Path) -> None:
    """With an editable install, site-packages comes first: a foreign `gridsim` there wins."""
    foreign, ours = package(tmp_path / "site", "gridsim"), package(tmp_path / "ours", *FLOORS)
    check = check_packages([foreign, ours], {})
    assert check.status == "fail"
    assert f"gridsim from {foreign}" in check.sentence


def test_a_foreign_distribution_in_the_same_folder_is_named(tmp_path: Path) -> None:
    """Unpacked over ours, it shares the parent; only the owner tells."""
    ours = package(tmp_path / "site", *FLOORS)
    check = check_packages([ours], {"gridsim": ["hashwatt", "gridsim"], "hw": ["hashwatt"]})
    assert (check.status, check.sentence.split()[0]) == ("fail", "gridsim")


def test_a_folder_of_output_called_reports_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "cwd/reports").mkdir(parents=True)
    ours = package(tmp_path / "ours", *FLOORS)
    assert check_packages([str(tmp_path / "cwd"), ours], {}).status == "ok"


def test_a_missing_package_fails(tmp_path: Path) -> None:
    check = check_packages([package(tmp_path, "miner", "hw", "gridsim")], {})
    assert (check.status, check.sentence.split()[0]) == ("fail", "reports")


def test_output_goes_to_runs_below_the_working_folder(tmp_path: Path) -> None:
    check = check_output(tmp_path)
    assert check.status == "ok"
    assert str(tmp_path / "runs") in check.sentence
    assert not (tmp_path / "runs").exists()


def test_a_file_called_runs_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    assert check_output(tmp_path).status == "fail"


def test_an_unwritable_folder_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer of the system is put in: root may write anywhere."""
    monkeypatch.setattr(module.os, "access", lambda place, mode: False)
    check = check_output(tmp_path)
    assert check.status == "fail"
    assert "--out" in check.sentence


@pytest.mark.parametrize(
    ("cpuinfo", "status", "words"),
    [
        (CPUINFO, "ok", "Example CPU @ 2.50GHz: AVX-512, AVX2, SHA"),
        (CPUINFO.replace("avx512f sha_ni", ""), "ok", "Example CPU @ 2.50GHz: AVX2"),
        (CPUINFO.replace("avx2 avx512f sha_ni", ""), "info", "no vector extension"),
        (None, "info", "no /proc/cpuinfo"),
    ],
)
def test_cpu(tmp_path: Path, cpuinfo: str | None, status: str, words: str) -> None:
    if cpuinfo is not None:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc/cpuinfo").write_text(cpuinfo)
    check = check_cpu(tmp_path)
    assert check.status == status
    assert words in check.sentence


def test_gpu() -> None:
    assert check_gpu(lambda command: "Example GPU, 81559 MiB, 580.1\n") == Check("gpu", "ok", "Example GPU, 81559 MiB, 580.1")
    assert check_gpu(lambda command: None).status == "info"


@pytest.mark.parametrize(
    "outcome",
    [
        FileNotFoundError(),
        PermissionError(),
        subprocess.TimeoutExpired("nvidia-smi", 10),
        subprocess.CalledProcessError(6, "nvidia-smi"),
    ],
)
def test_a_program_that_cannot_answer_is_as_good_as_absent(monkeypatch: pytest.MonkeyPatch, outcome: Exception) -> None:
    def run(*arguments: object, **options: object) -> None:
        raise outcome

    monkeypatch.setattr(module.subprocess, "run", run)
    assert module._ask(("nvidia-smi",)) is None


@pytest.mark.parametrize(
    ("ports", "groups", "allowed", "status", "words"),
    [
        ([], [], True, "info", "no USB serial port"),
        (["ttyUSB0", "ttyACM1"], [], True, "ok", "ttyACM1, ttyUSB0"),
        (["ttyUSB0"], ["users"], False, "info", "usermod -aG dialout"),
        (["ttyUSB0"], ["dialout"], False, "info", "check the mode"),
        (["ttyS0"], [], True, "info", "no USB serial port"),
    ],
)
def test_serial(tmp_path: Path, ports: list[str], groups: list[str], allowed: bool, status: str, words: str) -> None:
    (tmp_path / "dev").mkdir()
    for port in ports:
        (tmp_path / "dev" / port).touch()
    check = check_serial(tmp_path, groups, may_open=lambda port: allowed)
    assert check.status == status
    assert words in check.sentence


def test_an_optional_program_never_fails() -> None:
    assert check_program("promtool", "/usr/bin/promtool", "checks") == Check("promtool", "ok", "/usr/bin/promtool")
    assert check_program("promtool", None, "checks") == Check("promtool", "info", "not installed; it serves for checks")


def test_this_machine_can_be_examined(tmp_path: Path) -> None:
    checks = examine(Path("/"), tmp_path)
    names = [check.name for check in checks]
    assert names == ["python", "packages", "output", "cpu", "gpu", "serial", "promtool", "browser"]
    assert [check for check in checks if check.status == "fail"] == []


@pytest.mark.parametrize("as_json", [False, True])
def test_a_failed_check_ends_with_1_and_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    found = [Check("python", "fail", "too old"), Check("gpu", "info", "none")]
    monkeypatch.setattr(module, "examine", lambda root, folder: found)
    with pytest.raises(typer.Exit) as end:
        doctor(as_json=as_json)
    assert end.value.exit_code == 1
    out = capsys.readouterr().out
    if as_json:
        assert json.loads(out)["ok"] is False
        assert json.loads(out)["checks"][0] == {"name": "python", "status": "fail", "sentence": "too old"}
    else:
        assert out.splitlines() == ["fail  python  too old", "info  gpu     none"]


def test_information_alone_ends_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "examine", lambda root, folder: [Check("gpu", "info", "none")])
    doctor(as_json=True)
    assert json.loads(capsys.readouterr().out)["ok"] is True
