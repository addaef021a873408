"""`hashwatt bench` as its users meet it: JSON with units, rows, history, an older file, and an audit that can fail."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import miner.bench.run
import reports.cli.bench
from hw.meters.registry import METERS
from miner.backends.registry import BACKENDS, Backend, load
from miner.bench.feed import Feed
from reports.bench_report import METER_STEPS, compared, results_of
from reports.cli.main import main
from reports.errors import BenchFileError
from reports.machine import cpu, usable_cpus

QUICK = ("bench", "--seconds", "0.05", "--repeat", "3", "--warmup", "0")


@pytest.fixture(autouse=True)
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One honest audit in 1,000 fails by chance, and some dozen are made here: let one in 500 million."""
    monkeypatch.setattr("miner.bench.audit.Z_LIMIT", 6.0)
    monkeypatch.setattr("miner.bench.audit.MIDSTATE_Z_LIMIT", 6.0)


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
    assert told["core_clock_hz"] / told["cycles_per_hash"] == pytest.approx(rates["median"], rel=0.5)
    assert told["expected_hits"] >= 10_000
    assert 0 < told["smallest_skip_detectable_pct"] < 8  # of the lenient limit above
    assert told["planted_nonces_found"] == told["planted_nonces"] > 30
    assert {"cpu", "load_1min", "versions", "python", "system", "usable_threads"} == set(told["machine"])
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
    assert out.count("38 of 38 planted nonces found") == len(names)
    assert "midstates" not in out


def test_four_midstates(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows, history, old = tmp_path / "rows.csv", tmp_path / "history.jsonl", tmp_path / "old.json"
    code, out, _ = run(capsys, "--midstates", "4", "--json", "--csv", str(rows), "--history", str(history))
    told = json.loads(out)
    assert (code, told["midstates"], told["settings"]["midstates"]) == (0, 4, 4)
    assert told["planted_nonces_found"] == told["planted_nonces"] == 38 * 4
    assert len(told["hits_z_by_midstate"]) == 4
    with rows.open(encoding="utf-8", newline="") as file:
        assert [row["midstates"] for row in csv.DictReader(file)] == ["4"] * 3
    assert json.loads(history.read_text(encoding="utf-8"))["midstates"] == 4
    old.write_text(out)
    code, out, _ = run(capsys, "--midstates", "4", "--compare", str(old))
    assert code == 0
    assert "4 midstates (headers that differ in their version only), searched " in out
    assert "of the older median (95 %" in out


def test_the_table_tells_who_has_no_kernel_for_several_midstates(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ratio between a kernel that shares its schedule and one that does not is to be read as such."""
    engine = load("auto")
    one = Backend("one", engine.scan, engine.chunk_nonces)
    both = one._replace(name="both", versions=lambda templates, *work: [engine.scan(one, *work) for one in templates])
    monkeypatch.setattr(miner.bench.run, "load", lambda name, midstates: {"one": one, "both": both}[name])
    monkeypatch.setattr(reports.cli.bench, "_loadable", lambda backend: ["one", "both"])
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
    old.write_text(run(capsys, "--json")[1])
    for _ in range(2):
        code, out, _ = run(capsys, "--csv", str(rows), "--history", str(history), "--compare", str(old), "--json")
        assert code == 0
    [ratio] = json.loads(out)["comparison"]
    assert ratio["low"] <= ratio["ratio"] <= ratio["high"]
    with rows.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == 6
    assert [int(row["sample"]) for row in read] == [0, 1, 2, 0, 1, 2]
    assert all(float(row["hashes_per_second"]) > 0 for row in read)
    lines = [json.loads(line) for line in history.read_text(encoding="utf-8").splitlines()]
    assert [line["schema_version"] for line in lines] == [1, 1]


def test_a_failed_audit_is_a_failure(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    engine = load("auto")
    half = Backend("half", lambda *work: [hit for hit in engine.scan(*work) if hit.nonce % 2], engine.chunk_nonces)
    monkeypatch.setattr(miner.bench.run, "load", lambda name, midstates: half)
    code, out, err = run(capsys)
    assert code == 1
    assert "half" in out
    assert err.startswith("hashwatt: backend 'half' failed the audit: ")
    assert err.endswith("planted nonces found; do not trust its rate\n")
    assert err.count("\n") == 1


def test_energy_from_a_nameplate_is_labelled(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miner.bench.energy.EnergyPlan.__init__.__kwdefaults__", {"window_s": 0.1, "idle_s": 0.1})
    code, out, _ = run(capsys, "--meter", "nameplate:50", "--json")
    told = json.loads(out)["energy"]
    assert code == 0
    assert (told["quality"], told["source"], told["boundary"]) == ("nameplate", "nameplate, 50 W", "as stated")
    assert told["mean_w"] == pytest.approx(50, rel=0.02)  # two clocks, read one after the other
    assert told["net_j_per_mh"] == pytest.approx(0, abs=told["gross_j_per_mh"] * 0.05)
    assert told["gross_j_per_th"] == pytest.approx(1e6 * told["gross_j_per_mh"])
    assert told["net_within_meter_error"] is True


@pytest.mark.parametrize("meter", ["nameplate:50", "simulated:65"])
def test_a_constant_load_has_a_net_of_nothing_and_no_digits_of_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, meter: str
) -> None:
    monkeypatch.setattr("miner.bench.energy.EnergyPlan.__init__.__kwdefaults__", {"window_s": 0.1, "idle_s": 0.1})
    code, out, _ = run(capsys, "--meter", meter)
    assert code == 0
    [line] = [line for line in out.splitlines() if "J/MH gross" in line]
    assert line.endswith(" J/MH gross, net 0 within the meter's error")


def test_every_meter_that_is_an_instrument_has_its_steps() -> None:
    assert METER_STEPS.keys() == METERS.keys() - {"nameplate", "simulated"}


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


def row(name: str, samples: Any, threads: int = 1, **more: int) -> dict[str, Any]:
    return {"backend": name, "threads": threads, **more, "hashes_per_second": {"samples": samples}}


def test_only_the_same_backend_on_as_many_threads_is_compared() -> None:
    new = {"results": [row("a", [2.0] * 5), row("b", [3.0] * 5)]}
    old = {"results": [row("a", [1.0] * 5), row("b", [1.0] * 5, threads=2), row("c", [1.0])]}
    assert compared(new, old, Path("old.json")) == [
        {"backend": "a", "threads": 1, "midstates": 1, "ratio": 2.0, "low": 2.0, "high": 2.0}
    ]
    with pytest.raises(
        BenchFileError, match=r"old.json: holds b on 2 threads, none of what is measured now \(b on 1 threads\)"
    ):
        compared({"results": [row("b", [1.0])]}, {"results": [row("b", [1.0], threads=2)]}, Path("old.json"))


def test_only_as_many_midstates_are_compared() -> None:
    """An older file that does not tell them had one."""
    old = {"results": [row("a", [1.0]), row("b", [2.0], midstates=4), row("b", [1.0], midstates=2)]}
    new = {"results": [row("a", [3.0], midstates=1), row("b", [3.0], midstates=4)]}
    assert [(line["backend"], line["midstates"], line["ratio"]) for line in compared(new, old, Path("old.json"))] == [
        ("a", 1, 3.0),
        ("b", 4, 1.5),
    ]
    with pytest.raises(BenchFileError, match=r"holds a on 1 threads, b on 1 threads, 4 midstates, .*\(a on 1 threads, 4 mids"):
        compared(row("a", [3.0], midstates=4), old, Path("old.json"))


@pytest.mark.parametrize("samples", [[], ["fast"], [float("nan")], None, [0.0], [{}]])
def test_an_older_file_without_rates_is_refused(samples: Any) -> None:
    with pytest.raises(BenchFileError, match=r"old.json: a: no samples to compare"):
        compared(row("a", [1.0]), row("a", samples), Path("old.json"))


def test_results_that_are_no_list_are_refused() -> None:
    with pytest.raises(BenchFileError, match="no list of results"):
        results_of({"results": "fast"})


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
