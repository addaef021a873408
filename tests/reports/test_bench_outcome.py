"""How `hashwatt bench` ends: what was measured is told and kept first, and then what went wrong, by its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import miner.backends.registry as registry
import miner.bench.run
import reports.bench_files
from miner.backends.registry import Backend
from miner.bench.audit import Audit
from miner.bench.run import BenchOutcome, BenchResult, Failure
from miner.bench.sampling import Sample
from miner.bench.settings import BenchSettings
from miner.errors import BackendSelfTestError, BackendUnavailableError, BenchError
from reports.bench_text import disturbed_sentence
from reports.cli.main import main
from reports.errors import BenchOutputError

HONEST = Audit(hits=(10_000,), expected_hits=1e4, timed_hits=200, timed_expected_hits=200.0, planted=3, planted_found=3)
LIAR = Audit(hits=(5_000,), expected_hits=1e4, timed_hits=200, timed_expected_hits=200.0, planted=3, planted_found=2)
TIMED_ONLY = Audit(hits=(50,), expected_hits=52.0, timed_hits=50, timed_expected_hits=52.0, planted=0, planted_found=0)
WRONG = "5,000 hits where 10,000 were expected (z -50.0); 2 of 3 planted nonces found"

Bench = Callable[..., tuple[int, str, str]]


def result(name: str = "reference", *, count: int = 5, share: float = 1.0, audit: Audit = HONEST, **more: Any) -> BenchResult:
    """A result of `count` samples of a second at 8 MH/s, each thread of which had a `share` of its processor."""
    settings = BenchSettings(seconds=1.0, repeat=5, **more)
    one = Sample(
        hashes=8_000_000,
        elapsed_s=1.0,
        verified_hits=(40,),
        threads=settings.threads,
        core_clock_hz=3e9,
        processor_s=share * settings.threads,
        waited_s=(1 - share) * settings.threads,
    )
    return BenchResult(
        backend=name, searched_together=False, settings=settings, samples=(one,) * count, audit=audit, energy=None
    )


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a function that runs the command with an outcome, or an error, instead of a measurement."""

    def run(outcome: BenchOutcome | BaseException, *words: str) -> tuple[int, str, str]:
        def bench(*arguments: object) -> BenchOutcome:
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr(miner.bench.run, "bench", bench)
        with pytest.raises(SystemExit) as end:
            main(["bench", *(words if "--backend" in words else ("--backend", "reference", *words))])
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return run


def outcome(*results: BenchResult, **more: Any) -> BenchOutcome:
    return BenchOutcome(results=results, **more)


def older(folder: Path, **more: Any) -> str:
    row = {"backend": "reference", "threads": 1, "hashes_per_second": {"samples": [4e6] * 5}}
    (folder / "old.json").write_text(json.dumps({"schema_version": 1, **row, **more}))
    return str(folder / "old.json")


def test_work_beside_is_told_twice_and_kept(told: Bench) -> None:
    code, out, err = told(outcome(result(share=0.6)))
    warning = (
        "reference: other work, or a limit on this process, took 40 % of the processor from its threads; its rate is too low "
        "by as much, and no interval of --compare covers that"
    )
    assert (code, warning in out.splitlines(), err) == (0, True, f"hashwatt: {warning}\n")
    code, out, err = told(outcome(result(share=0.6)), "--json")
    assert (json.loads(out)["processor_share"], err.count("took 40 %")) == (0.6, 1)
    assert told(outcome(result(share=0.985)))[2] == ""


@pytest.mark.parametrize(
    ("name", "threads", "share", "processors", "lost"),
    [
        ("numba-cpu", 2, 0.97, 2, " took 3 % "),
        ("numba-cpu", 4, 0.5, 2, None),  # its own threads take turns
        ("numba-cpu", 4, 0.4, 2, " took 20 % "),
        ("reference", 2, 0.5, 2, None),  # so do those of Python
        ("reference", 2, 0.45, 2, " took 10 % "),
    ],
)
def test_only_other_work_counts_as_such(name: str, threads: int, share: float, processors: int, lost: str | None) -> None:
    sentence = disturbed_sentence(result(name, threads=threads, share=share), processors)
    assert sentence is None if lost is None else lost in str(sentence)


def test_what_no_processor_does_is_disturbed_by_none() -> None:
    sample = Sample(hashes=8, elapsed_s=1.0, verified_hits=(0,), threads=1)
    board = BenchResult(
        backend="cuda",
        searched_together=False,
        settings=BenchSettings(),
        samples=(sample,),
        audit=HONEST,
        energy=None,
    )
    assert disturbed_sentence(board, 2) is None


def test_a_comparison_says_what_its_interval_is_worth(told: Bench, tmp_path: Path) -> None:
    scatter = "an interval covers what scatters within the two runs only, not what differs from one run to the next"
    _, out, _ = told(outcome(result()), "--compare", older(tmp_path))
    assert "reference: 2.000 of the older median (95 %: 2.000 to 2.000)" in out.splitlines()
    assert scatter in out.splitlines()
    _, out, _ = told(outcome(result(count=4)), "--compare", older(tmp_path))
    assert "reference: 2.000 of the older median (too few samples for an interval)" in out.splitlines()


def test_a_comparison_warns_of_another_machine_and_of_an_audit_that_failed(told: Bench, tmp_path: Path) -> None:
    machine = {"cpu": {"model": "Abacus"}, "versions": {}}
    old = older(tmp_path, audit_passed=False, machine=machine, settings={"seconds": 0.5, "cpus": None})
    code, out, err = told(outcome(result()), "--seconds", "1", "--json", "--compare", old)
    first, second = err.splitlines()
    assert (code, first) == (0, f"hashwatt: {old}: reference failed its audit then; do not trust its older rate")
    assert second.startswith(
        f"hashwatt: {old}: measured under other conditions, which the ratio holds too: CPU model Abacus, now "
    )
    assert "; seconds a sample 0.5, now 1.0; " in second
    differences = {line["what"]: (line["old"], line["new"]) for line in json.loads(out)["differences"]}
    assert differences["seconds a sample"] == (0.5, 1.0)
    assert differences["CPU model"][0] == "Abacus"
    assert differences["numba"][0] is None


def test_auto_takes_what_the_older_file_holds(told: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a trial says while the machine does other work; but not what does not load here."""
    asked: list[str] = []
    load = registry.load

    def noted(name: str) -> Backend:
        asked.append(name)
        return load(name)

    monkeypatch.setattr(registry, "load", noted)
    assert told(outcome(result()), "--backend", "auto", "--compare", older(tmp_path))[0] == 0
    code, _, err = told(outcome(result()), "--backend", "auto", "--compare", older(tmp_path, backend="fpga"))
    assert (code, err.startswith(f"hashwatt: {tmp_path}/old.json: holds fpga on 1 threads, none of what is ")) == (2, True)
    assert asked == ["reference", "fpga", "auto"]


def test_a_backend_that_fails_costs_the_others_nothing(told: Bench, tmp_path: Path) -> None:
    failed = (Failure("cuda", "CudaError: out of memory"), Failure("cupy", "backend 'cupy': block 0 gave 7; it is refused"))
    history = tmp_path / "history.jsonl"
    wrongs = ("'cuda' failed: CudaError: out of memory", "'cupy' failed: block 0 gave 7; it is refused")
    sentences = "".join(f"hashwatt: backend {wrong}\n" for wrong in wrongs)
    code, out, err = told(outcome(result(), failures=failed), "--json", "--history", str(history))
    assert (code, err) == (1, sentences)
    assert json.loads(out) == json.loads(history.read_text())
    assert json.loads(out)["failures"] == [{"backend": name, "message": message} for name, message in failed]
    assert json.loads(out)["backend"] == "reference"
    assert told(outcome(failures=failed), "--json") == (1, "", sentences)


def test_a_backend_that_fails_on_loading_is_left_out_of_all(told: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> Backend:
        if name == "numba-cpu":
            raise BackendSelfTestError("backend 'numba-cpu': block 0 gave 7; it is refused")
        if name == "numba-sha":
            raise ZeroDivisionError("a driver's")
        if name != "reference":
            raise BackendUnavailableError(f"backend {name!r} cannot be loaded")
        return Backend(name, lambda *work: [], 1)

    monkeypatch.setattr(registry, "load", load)
    code, out, err = told(outcome(result()), "--backend", "all", "--json")
    assert (code, [failure["backend"] for failure in json.loads(out)["failures"]]) == (1, ["numba-sha", "numba-cpu"])
    assert err.splitlines()[-2:] == [
        "hashwatt: backend 'numba-sha' failed: ZeroDivisionError: a driver's",
        "hashwatt: backend 'numba-cpu' failed: block 0 gave 7; it is refused",
    ]


def test_a_failed_audit_tells_its_reasons(told: Bench) -> None:
    code, out, err = told(outcome(result(audit=LIAR)), "--json")
    assert (code, err) == (1, f"hashwatt: backend 'reference' failed the audit: {WRONG}; do not trust its rate\n")
    assert (json.loads(out)["audit_passed"], "; ".join(json.loads(out)["audit_reasons"])) == (False, WRONG)


def test_ctrl_c_leaves_what_is_complete_and_marks_it(told: Bench, tmp_path: Path) -> None:
    rows, history = tmp_path / "rows.csv", tmp_path / "history.jsonl"
    short = outcome(result(count=2, audit=TIMED_ONLY), result("b", count=0, audit=TIMED_ONLY), interrupted=True)
    code, out, err = told(short, "--csv", str(rows), "--history", str(history))
    assert (code, err) == (130, "hashwatt: interrupted\n")
    assert "reference: no nonces planted; a kernel that skipped " in out
    assert out.endswith("interrupted: these are the samples that were complete, audited by their own hits only\n")
    assert len(rows.read_text().splitlines()) == 3
    assert json.loads(history.read_text())["interrupted"] is True
    assert told(short, "--json")[0] == 130


@pytest.mark.parametrize(
    "nothing", [KeyboardInterrupt(), outcome(interrupted=True), outcome(result(count=0), interrupted=True)]
)
def test_ctrl_c_before_a_sample_is_complete_leaves_nothing(told: Bench, nothing: BenchOutcome | BaseException) -> None:
    assert told(nothing, "--json") == (130, "", "hashwatt: interrupted\n")


def test_a_file_that_fails_costs_neither_the_print_nor_the_other_file(
    told: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, document: object) -> bool:
        raise BenchOutputError(f"{path.name}: cannot be written (No space left on device); nothing was added to it")

    rows, history = tmp_path / "rows.csv", tmp_path / "history.jsonl"
    monkeypatch.setattr(reports.bench_files, "append_csv", refuse)
    code, out, err = told(outcome(result()), "--csv", str(rows), "--history", str(history))
    assert (code, err) == (1, "hashwatt: rows.csv: cannot be written (No space left on device); nothing was added to it\n")
    assert "8.00" in out
    assert json.loads(history.read_text())["backend"] == "reference"
    monkeypatch.setattr(reports.bench_files, "append_history", refuse)
    code, out, err = told(outcome(result(audit=LIAR)), "--csv", str(rows), "--history", str(history))
    assert (code, [line.split(": ")[1] for line in err.splitlines()]) == (
        1,
        ["backend 'reference' failed the audit", "rows.csv", "history.jsonl"],
    )


def test_a_torn_line_is_told(told: Bench, tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    history.write_text('{"schema_version": 1}\n{"schema')
    code, _, err = told(outcome(result()), "--history", str(history))
    assert (code, err) == (
        0,
        f"hashwatt: {history}: its last line was not whole; it is left as it was, and what is new begins on the next one\n",
    )


def test_a_core_clock_that_fails_costs_no_rate(told: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("miner.backends.core_clock", exc_type=ImportError)

    def damaged() -> float:
        raise EOFError("Ran out of input")

    monkeypatch.setattr("miner.backends.core_clock.core_clock_hz", damaged)
    assert told(outcome(result()))[::2] == (0, "hashwatt: no cycles: EOFError: Ran out of input\n")


def test_a_meter_that_goes_away_is_told(told: Bench) -> None:
    gone = replace(result(), energy_reason="RAPL: the counter fell")
    code, out, err = told(outcome(gone), "--meter", "nameplate:50")
    assert (code, err) == (0, "hashwatt: no energy: reference: RAPL: the counter fell\n")
    assert "reference: no energy (RAPL: the counter fell)" in out.splitlines()
    _, out, _ = told(outcome(gone), "--meter", "nameplate:50", "--json")
    assert (json.loads(out)["energy"], json.loads(out)["energy_reason"]) == (None, "RAPL: the counter fell")


def test_threads_that_cannot_be_had_are_bad_input(told: Bench) -> None:
    sentence = "31 of 40 threads could be started (can't start new thread); want fewer"
    assert told(BenchError(sentence)) == (2, "", f"hashwatt: {sentence}\n")


@pytest.mark.parametrize(
    ("threads", "sentence"),
    [
        ("9" * 5000, "--threads: a number of 5000 digits; want 1 to 4096, or all"),
        ("-" + "9" * 5000, "--threads: a number of 5000 digits; want 1 to 4096, or all"),
        ("-1", "--threads: -1 threads; want 1 to 4096"),
        ("4097", "--threads: 4097 threads; want 1 to 4096"),
        ("1e3", "--threads '1e3' is no number; want 1 or more, or all"),
        ("²", "--threads '²' is no number; want 1 or more, or all"),
    ],
)
def test_numbers_of_threads_that_are_none(told: Bench, threads: str, sentence: str) -> None:
    assert told(outcome(result()), "--threads", threads) == (2, "", f"hashwatt: {sentence}\n")
    assert told(outcome(result()), "--affinity", "--threads", threads) == (2, "", f"hashwatt: {sentence}\n")
