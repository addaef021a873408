"""`hashwatt bench` as its users meet it: JSON with units, rows, history, an older file, and an audit that can fail."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

import miner.bench.run
import reports.cli.bench
from miner.backends.registry import BACKENDS, Backend, load
from miner.bench.energy import EnergyPlan
from miner.bench.feed import Feed
from reports.cli.main import main
from reports.machine import usable_cpus

QUICK = ("bench", "--seconds", "0.05", "--repeat", "3", "--warmup", "0")


@pytest.fixture(autouse=True)
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One honest audit in 1,000 fails by chance, and some dozen are made here: let one in 500 million.

    And other work on the machine is no news here.
    """
    monkeypatch.setattr("miner.bench.audit.Z_LIMIT", 6.0)
    monkeypatch.setattr("miner.bench.audit.PART_Z_LIMIT", 6.0)
    monkeypatch.setattr("reports.bench_text.LEAST_SHARE", 0.0)


@pytest.fixture
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure energy in tenths of a second."""
    short = {"window_s": 0.1, "idle_s": 0.1, "settle_s": 0.0, "warmup_s": 0.05}
    defaults = {**EnergyPlan.__init__.__kwdefaults__, **short}
    monkeypatch.setattr("miner.bench.energy.EnergyPlan.__init__.__kwdefaults__", defaults)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main([*QUICK, *words])
    told = capsys.readouterr()
    return int(end.value.code or 0), told.out, told.err


def test_one_backend_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--json")
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert told["backend"] == load("auto").name
    assert (told["threads"], told["energy"], told["energy_reason"]) == (1, None, "no --meter was given")
    rates = told["hashes_per_second"]
    assert rates["min"] <= rates["median"] <= rates["max"]
    assert rates["samples"] == [sample["hashes_per_second"] for sample in told["samples"]]
    for sample in told["samples"]:
        assert sample["hashes_per_second"] == pytest.approx(sample["hashes"] / sample["seconds"])
        assert sample["seconds"] >= 0.05
    assert told["hashes"] == sum(sample["hashes"] for sample in told["samples"])
    assert 0 < told["processor_share"] <= 1
    assert all(0 < sample["processor_seconds"] <= sample["seconds"] for sample in told["samples"])
    assert (told["interrupted"], told["failures"], told["audit_passed"], told["audit_reasons"]) == (False, [], True, [])
    assert told["expected_hits"] >= 10_000
    assert 0 < told["smallest_skip_detectable_pct"] < 8  # of the lenient limit above
    assert told["planted_nonces_found"] == told["planted_nonces"] > 30
    assert {"cpu", "gpus", "load_1min", "versions", "python", "system", "usable_threads"} == set(told["machine"])
    assert told["settings"] == {"seconds": 0.05, "repeat": 3, "warmup": 0, "threads": 1, "cpus": None, "midstates": 1}
    assert (told["midstates"], told["searched_together"], told["hits_z_by_midstate"]) == (1, False, [told["hits_z"]])


def test_all_backends_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--backend", "all")
    lines = out.splitlines()
    names = [line.split()[0] for line in lines[1 : 1 + out.count(" planted nonces found")]]
    assert code == 0
    assert names == [name for name in BACKENDS if name in names]
    assert names[-1] == "reference"
    assert lines[1].split()[-1] == "1.000"
    assert out.count(" planted nonces found; a kernel that skipped ") == len(names)
    assert "midstates" not in out
    assert re.fullmatch(rf"load at the start: [0-9.]+ over a minute, on {len(usable_cpus())} usable processors", lines[-1])


def test_four_midstates(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows, history, old = tmp_path / "rows.csv", tmp_path / "history.jsonl", tmp_path / "old.json"
    code, out, _ = run(capsys, "--midstates", "4", "--json", "--csv", str(rows), "--history", str(history))
    told = json.loads(out)
    assert (code, told["midstates"], told["settings"]["midstates"]) == (0, 4, 4)
    assert told["planted_nonces_found"] == told["planted_nonces"] > 30 * 4
    assert len(told["hits_z_by_midstate"]) == 4
    with rows.open(encoding="utf-8", newline="") as file:
        assert [row["midstates"] for row in csv.DictReader(file)] == ["4"] * 3
    assert json.loads(history.read_text(encoding="utf-8"))["midstates"] == 4
    old.write_text(out)
    code, out, _ = run(capsys, "--midstates", "4", "--compare", str(old))
    assert code == 0
    assert "4 midstates (headers that differ in their version only), searched " in out
    assert "of the older median (too few samples for an interval)" in out


def test_the_table_tells_who_has_no_kernel_for_several_midstates(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ratio between a kernel that shares its schedule and one that does not is to be read as such."""
    engine = load("auto")
    one = Backend("one", engine.scan, engine.chunk_nonces)
    both = one._replace(name="both", versions=lambda templates, *work: [engine.scan(one, *work) for one in templates])
    monkeypatch.setattr(miner.bench.run, "load", lambda name, midstates: {"one": one, "both": both}[name])
    monkeypatch.setattr(reports.cli.bench, "loadable", lambda backend, preferred: (["one", "both"], ()))
    _, out, _ = run(capsys, "--midstates", "2")
    assert "searched together by both; one after the other, for want of a kernel, by one" in out


def test_all_threads_held_to_their_processors(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--threads", "all", "--affinity", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["threads"] == len(usable_cpus())
    assert told["settings"]["cpus"] == usable_cpus()


def test_every_run_begins_with_another_header(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One in four billion runs shares its first nonces with another."""
    begun: list[int] = []

    def feed(chunk_nonces: int, *, first_header: int, midstates: int) -> Feed:
        begun.append(first_header)
        return Feed(chunk_nonces, first_header=first_header, midstates=midstates)

    monkeypatch.setattr(miner.bench.run, "Feed", feed)
    for _ in range(2):
        assert run(capsys)[0] == 0
    assert begun[0] != begun[1]
    assert all(0 <= number < 1 << 32 for number in begun)


def test_more_threads_than_processors_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    number = len(usable_cpus()) + 1
    code, _, err = run(capsys, "--threads", str(number))
    assert code == 0
    assert err == f"hashwatt: {number} threads on {number - 1} processors: they will take turns\n"


def test_csv_and_history_grow_and_an_older_file_is_compared_with(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows, history, old = tmp_path / "rows.csv", tmp_path / "history.jsonl", tmp_path / "old.json"
    old.write_text(run(capsys, "--json", "--repeat", "5")[1])
    for _ in range(2):
        code, out, _ = run(
            capsys, "--repeat", "5", "--csv", str(rows), "--history", str(history), "--compare", str(old), "--json"
        )
        assert code == 0
    [ratio] = json.loads(out)["comparison"]
    assert ratio["low"] <= ratio["ratio"] <= ratio["high"]
    with rows.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert [int(row["sample"]) for row in read] == [0, 1, 2, 3, 4] * 2
    assert all(float(row["hashes_per_second"]) > 0 for row in read)
    assert all(0 < float(row["processor_seconds"]) <= float(row["seconds"]) for row in read)
    assert {row["audit_passed"] for row in read} == {"true"}
    lines = [json.loads(line) for line in history.read_text(encoding="utf-8").splitlines()]
    assert [line["schema_version"] for line in lines] == [1, 1]


def test_a_failed_audit_is_a_failure(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    engine = load("auto")
    half = Backend("half", lambda *work: [hit for hit in engine.scan(*work) if not hit.nonce % 2], engine.chunk_nonces)
    monkeypatch.setattr(miner.bench.run, "load", lambda name, midstates: half)
    code, out, err = run(capsys)
    assert code == 1
    assert "half" in out
    assert re.fullmatch(
        r"hashwatt: backend 'half' failed the audit: [0-9,]+ hits where [0-9,]+ were expected \(z -[0-9.]+\); "
        r"(.*; )?[0-9]+ of [0-9]+ planted nonces found; do not trust its rate\n",
        err,
    )


@pytest.mark.usefixtures("short_windows")
def test_energy_from_a_nameplate_is_labelled(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--meter", "nameplate:50", "--json")
    told = json.loads(out)["energy"]
    assert code == 0
    assert (told["quality"], told["source"], told["boundary"]) == ("nameplate", "nameplate, 50 W", "as stated")
    assert told["mean_w"] == pytest.approx(50, rel=0.02)  # two clocks, read one after the other
    assert told["net_j_per_mh"] == pytest.approx(0, abs=told["gross_j_per_mh"] * 0.05)
    assert told["gross_j_per_th"] == pytest.approx(1e6 * told["gross_j_per_mh"])
    assert told["net_within_meter_error"] is True


@pytest.mark.usefixtures("short_windows")
@pytest.mark.parametrize("meter", ["nameplate:50", "simulated:65"])
def test_a_constant_load_has_a_net_of_nothing_and_no_digits_of_it(capsys: pytest.CaptureFixture[str], meter: str) -> None:
    code, out, _ = run(capsys, "--meter", meter)
    assert code == 0
    [line] = [line for line in out.splitlines() if "J/MH gross" in line]
    assert line.endswith(" J/MH gross, net 0 within the meter's error")


def test_a_meter_that_is_not_here_leaves_energy_null_with_the_reason(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from hw.meters import rapl

    monkeypatch.setattr(rapl, "open_meter", lambda rest: rapl.RaplMeter(root=tmp_path))
    code, out, err = run(capsys, "--meter", "rapl", "--json")
    told = json.loads(out)
    assert (code, told["energy"]) == (0, None)
    assert told["energy_reason"].startswith("no RAPL here")
    assert err == f"hashwatt: no energy: {told['energy_reason']}\n"
