"""What really happened is compared with and never put in: change all of it, and nothing simulated moves by a byte."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from gridsim.load import load_scenario
from gridsim.scenario import Scenario
from reports import closing, pipeline
from reports.observed import load_observed
from reports.pipeline import execute
from reports.request import RunRequest
from reports.write import RunFolder

ROOT = Path(__file__).parents[2]
OBSERVED = ROOT / "reports/data/observed"
SIMULATED = {"regions", "blocks", "events", "network", "epochs", "replicates", "priors"}
OBSERVED_COLUMNS = {"first_time_utc", "observed_ehps", "observed_change_pct", "z", "observed_interval_s"}
SIMULATED_COLUMNS = {
    "first_height",
    "simulated_ehps",
    "p05_ehps",
    "p95_ehps",
    "sd_ehps",
    "simulated_change_pct",
    "simulated_interval_s",
    "interval_p05_s",
    "interval_p95_s",
}

Python = Callable[..., Any]


class Ran(NamedTuple):
    folder: Path
    summary: dict[str, Any]

    def tables(self) -> dict[str, bytes]:
        return {path.stem: path.read_bytes() for path in self.folder.glob("*.parquet")}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, right_here: Any) -> Callable[..., Ran]:
    """Return a function that runs a scenario in this process, against the observed data of a folder; no figures."""

    def go(scenario: Scenario, observed: Path | None = None) -> Ran:
        folder = RunFolder.create(tmp_path_factory.mktemp("run") / "out", scenario.id)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(closing, "PICTURES", {})
            patch.setattr(pipeline, "worker_pool", right_here)
            request = RunRequest(scenario=scenario, seed=1, replicates=3, workers=1, observed_folder=observed)
            return Ran(folder.path, execute(request, folder, lambda _done: None))

    return go


def changed(line: str) -> str:
    """Change every number of one line of observed data except heights, by which epochs are found."""
    key, _, value = line.partition(" = ")
    if key == "nbits":
        return f'{key} = "{int(value[1:-1], 16) - 0x21000:08x}"'
    if key.endswith("_unix_s"):
        return f"{key} = {int(value) + (100_000 if key.startswith('first') else 260_000)}"
    if moment := re.match(r"\d{4}-\d\d-\d\dT[\d:]+Z", value):
        return f"{key} = {datetime.fromisoformat(moment[0]) + timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}"
    if key == "first_height" or value.startswith(('"', "'")):
        return line
    return f"{key} = " + re.sub(r"\d+(\.\d+)?", lambda number: larger(number[0]), value)


def larger(text: str) -> str:
    """Return half as much again, whole if it was whole."""
    return str(float(text) * 1.5) if "." in text else str(int(text) * 3 // 2)


def numbers(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every number, moment and compact target of a parsed table, with where it stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from numbers(inner, f"{path}[{place}]")
    elif not isinstance(value, str) or path.endswith(".nbits"):
        yield path, value


@pytest.fixture(scope="module")
def perturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the observed data with every number changed."""
    folder = tmp_path_factory.mktemp("observed")
    for source in OBSERVED.glob("*.toml"):
        lines = source.read_text(encoding="utf-8").splitlines()
        (folder / source.name).write_text(
            "\n".join(changed(line) if " = " in line and line[0] != "#" else line for line in lines) + "\n", encoding="utf-8"
        )
    return folder


def test_the_perturbation_reaches_every_number(perturbed: Path) -> None:
    assert {path.name for path in perturbed.iterdir()} == {path.name for path in OBSERVED.glob("*.toml")}
    for path in perturbed.iterdir():
        real, bent = (dict(numbers(tomllib.loads(file.read_text(encoding="utf-8")))) for file in (OBSERVED / path.name, path))
        assert list(real) == list(bent)
        assert {place.rsplit(".")[-1] for place in real if real[place] == bent[place]} == {"first_height"}
        load_observed(path.stem, folder=perturbed)


@pytest.fixture(scope="module")
def honest(run: Callable[..., Ran], short: Scenario) -> Ran:
    return run(short)


@pytest.fixture(scope="module")
def bent(run: Callable[..., Ran], short: Scenario, perturbed: Path) -> Ran:
    return run(short, perturbed)


def test_another_history_leaves_every_simulated_table_as_it_was(honest: Ran, bent: Ran) -> None:
    before, after = honest.tables(), bent.tables()
    assert set(before) == set(after) == SIMULATED | {"comparison"}
    assert {name for name in before if before[name] != after[name]} == {"comparison"}


def test_the_comparison_moves_in_its_observed_columns_alone(honest: Ran, bent: Ran) -> None:
    before, after = (pq.read_table(ran.folder / "comparison.parquet").to_pylist() for ran in (honest, bent))
    assert len(before) == len(after) == 3
    assert set(before[0]) == SIMULATED_COLUMNS | OBSERVED_COLUMNS
    for row, other in zip(before, after, strict=True):
        assert {name for name in row if row[name] == other[name]} == SIMULATED_COLUMNS


def test_the_summary_moves_where_it_compares_alone(honest: Ran, bent: Ran) -> None:
    compares = {"epochs", "mape_hashrate_pct", "baselines", "slowest_epoch", "answer"}
    about_the_run = {"run_dir", "wall_s", "peak_rss_mib", "beats_baselines"}
    same = set(honest.summary) - compares - about_the_run - {"sichuan_cut"}
    assert {name: honest.summary[name] for name in same} == {name: bent.summary[name] for name in same}
    for name in compares:
        assert honest.summary[name] != bent.summary[name], name
    moved = {name for name, value in honest.summary["sichuan_cut"].items() if bent.summary["sichuan_cut"][name] != value}
    assert moved == {"observed_before_ehps", "observed_after_ehps"}


def test_a_world_without_a_history_is_the_same_world(run: Callable[..., Ran], short_file: Path, honest: Ran) -> None:
    path = short_file.with_name("no-history.toml")
    text = short_file.read_text(encoding="utf-8").replace('drop = ["', 'drop = ["history", "')
    path.write_text(text, encoding="utf-8")
    ran = run(load_scenario(str(path)))
    simulated = {name: content for name, content in honest.tables().items() if name != "comparison"}
    assert ran.tables() == simulated
    assert (ran.summary["epochs"], ran.summary["mape_hashrate_pct"], ran.summary["baselines"]) == ([], None, {})


SPY = """
import json, sys
from pathlib import Path
from gridsim.ensemble import run_batch
from gridsim.load import load_scenario
from reports import closing, pipeline
from reports.request import RunRequest
from reports.write import RunFolder

WATCHED = {"open", "os.rename", "os.listdir", "os.scandir", "socket.connect", "subprocess.Popen"}
seen, forbidden = [], False

def spy(event, arguments):
    if event in WATCHED:
        if forbidden:
            raise RuntimeError(f"{event} {arguments}")
        seen.append([event, str(arguments[1 if event == "os.rename" else 0])])

if __name__ == "__main__":
    scenario = load_scenario(sys.argv[1])
    before = run_batch(scenario, 1, range(2))  # whatever is loaded late is loaded now
    sys.addaudithook(spy)
    forbidden = True
    after = run_batch(scenario, 1, range(2))
    try:
        (Path(pipeline.__file__).parent / "data/observed/bitcoin-2021.toml").read_bytes()
        caught = False
    except RuntimeError:
        caught = True
    forbidden = False
    same = [one.epochs == other.epochs and one.cut == other.cut for one, other in zip(before, after, strict=True)]
    seen.clear()
    closing.PICTURES = {}
    request = RunRequest(scenario=scenario, seed=1, replicates=2, workers=1)
    pipeline.execute(request, RunFolder.create(Path(sys.argv[2]), scenario.id), print)
    print(json.dumps({"caught": caught, "same": same, "seen": seen}))
"""


def test_the_simulation_opens_no_file_and_history_is_read_after_its_tables(
    python: Python, short_file: Path, tmp_path: Path
) -> None:
    """A spy on every way to a file: the simulation uses none; a run reads history after its tables; its manifest is last."""
    script = tmp_path / "spy.py"
    script.write_text(SPY, encoding="utf-8")
    ended = python(str(script), str(short_file), str(tmp_path / "out"))
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert (told["caught"], told["same"]) == (True, [True, True])
    renamed = [Path(path).name for event, path in told["seen"] if event == "os.rename"]
    assert (renamed[-1], renamed.count("manifest.json")) == ("manifest.json", 1)
    written = [place for place, (event, path) in enumerate(told["seen"]) if event == "os.rename" and path.endswith(".parquet")]
    names = [Path(told["seen"][place][1]).stem for place in written]
    (read,) = [place for place, (_, path) in enumerate(told["seen"]) if "/data/observed/" in path]
    assert names[-1] == "comparison"
    assert set(names[:-1]) == SIMULATED
    assert written[-2] < read < written[-1]


def test_a_region_s_yearly_carbon_moves_its_own_column_alone(run: Callable[..., Ran], short: Scenario, honest: Ran) -> None:
    """Factors are of the whole year 2021, so they may only turn energy into grams."""
    table = short.model_dump()
    for region in table["regions"]:
        region["carbon_g_per_kwh"]["value"] *= 2
    dirtier = run(Scenario.model_validate(table))
    before, after = honest.tables(), dirtier.tables()
    assert {name for name in before if before[name] != after[name]} == {"regions"}
    regions, other = (pq.read_table(ran.folder / "regions.parquet") for ran in (honest, dirtier))
    assert {name for name in regions.column_names if regions[name] != other[name]} == {"carbon_g"}
