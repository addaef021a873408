"""A whole run of Sichuan's crackdown: what it prints, and what it leaves in its folder."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from miner.backends.registry import BACKENDS
from miner.vectors import header_at
from reports.provenance import shown_command

HEIGHTS = list(range(683424, 715680 + 1, 2016))
FIGURES = ("hashrate", "retargets", "power", "intervals")
TABLES = {"regions", "blocks", "events", "network", "epochs", "replicates", "priors", "comparison"}
EPOCH_KEYS = (
    "first_height",
    "simulated_ehps",
    "p05_ehps",
    "p95_ehps",
    "observed_ehps",
    "simulated_change_pct",
    "observed_change_pct",
    "z",
)
UNIT_BY_SUFFIX = {"w": "W", "hps": "H/s", "j": "J", "g": "g", "s": "s", "ehps": "EH/s", "pct": "%", "utc": "ms"}
WITHOUT_SUFFIX = {"difficulty": "1", "powered_fraction": "1", "z": "1", "value": "see unit"}  # numbers without a unit


def refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


@pytest.fixture(scope="module")
def summary(done: Any) -> dict[str, Any]:
    """Parse the whole of stdout; NaN and Infinity are not JSON."""
    return json.loads(done.stdout, parse_constant=refuse)


@pytest.fixture(scope="module")
def manifest(done: Any) -> dict[str, Any]:
    return json.loads((done.folder / "manifest.json").read_bytes())


def test_stdout_is_the_summary_and_stderr_the_progress(done: Any, summary: dict[str, Any]) -> None:
    assert done.stdout.startswith("{")
    assert done.stdout.endswith("}\n")
    assert summary == json.loads((done.folder / "summary.json").read_bytes())
    assert re.fullmatch(r"([1-4] of 4 replicates\n)*4 of 4 replicates\n", done.stderr)


def test_the_summary_says_what_ran(done: Any, summary: dict[str, Any]) -> None:
    assert (summary["run_dir"], summary["scenario"], summary["seed"]) == (str(done.folder), "sichuan-2021", 1)
    assert (summary["replicates"], summary["replicates_at_end_height"]) == (4, 4)
    assert 1 < summary["wall_s"] < done.elapsed_s
    assert 100 < summary["peak_rss_mib"] < 8_000  # three interpreters with numpy need more than 100 MiB


def test_the_nonce_of_block_687446_is_found_again(summary: dict[str, Any]) -> None:
    check = summary["nonce_check"]
    assert set(check) == {"height", "nonce", "backend", "scanned"}
    assert (check["height"], check["nonce"], check["scanned"]) == (687446, 0x02F266D1, 0x02F266D1 + 1)
    assert check["backend"] in BACKENDS
    raw = header_at(687446).to_bytes()[:76] + check["nonce"].to_bytes(4, "little")
    digest = hashlib.sha256(hashlib.sha256(raw).digest()).digest()[::-1]
    assert digest.hex() <= f"{0x0D5F7B << 8 * (0x17 - 3):064x}"  # nBits 170d5f7b, in force from block 685440 to 687455


def test_the_epochs_are_the_seventeen_after_the_start(summary: dict[str, Any]) -> None:
    assert [row["first_height"] for row in summary["epochs"]] == HEIGHTS
    for row in summary["epochs"]:
        assert tuple(row) == EPOCH_KEYS
        assert row["p05_ehps"] <= row["simulated_ehps"] <= row["p95_ehps"]


def test_the_score_stands_beside_every_baseline(summary: dict[str, Any]) -> None:
    names = ["persistence", "step_linear_90", "step_linear_180", "step_linear_365", "share_arithmetic", "hindsight_line"]
    assert list(summary["baselines"]) == names
    error = summary["mape_hashrate_pct"]
    assert summary["beats_baselines"] == {name: error < summary["baselines"][name] for name in names}


def test_the_cut_has_its_numbers_and_their_ranges(summary: dict[str, Any]) -> None:
    cut = summary["sichuan_cut"]
    for name in ("power_cut", "energy_withheld"):
        unit = "mw" if name == "power_cut" else "mwh"
        assert 0 < cut[f"{name}_p05_{unit}"] <= cut[f"{name}_{unit}"] <= cut[f"{name}_p95_{unit}"]
    assert cut["hashrate_before_ehps"] > cut["hashrate_after_ehps"] > 0
    assert (cut["observed_before_ehps"], cut["observed_after_ehps"]) == (127.43, 101.89)
    assert cut["horizon_s"] == 127 * 86_400  # midnight of 20 June to midnight of 25 October, both in Beijing


def test_the_assumptions_named_first_are_priors_with_their_range(summary: dict[str, Any]) -> None:
    top = summary["top_assumptions"]
    assert len(top) == 3
    known = {entry["name"]: entry for kind in ("calibrated", "assumed") for entry in summary["inputs"][kind]}
    for entry in top:
        assert {key: value for key, value in entry.items() if key != "spearman"} == known[entry["name"]]
    strengths = [abs(entry["spearman"]) for entry in top]
    assert strengths == sorted(strengths, reverse=True)


def test_the_manifest_came_last_and_lists_every_file_with_its_digest(done: Any, manifest: dict[str, Any]) -> None:
    files = {str(path.relative_to(done.folder)): path for path in done.folder.rglob("*") if path.is_file()}
    written_ns = files.pop("manifest.json").stat().st_mtime_ns
    wanted = {f"{name}.parquet" for name in TABLES} | {f"figures/{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
    assert set(files) == set(manifest["outputs"]) == wanted | {"report.html", "scenario.json", "summary.json"}
    for name, path in files.items():
        content, entry = path.read_bytes(), manifest["outputs"][name]
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["bytes"], entry["sha256"]), name
        assert path.stat().st_mtime_ns <= written_ns, name
        assert entry.get("rows") == (pq.read_metadata(path).num_rows if path.suffix == ".parquet" else None), name


def test_the_manifest_says_where_the_run_comes_from(done: Any, manifest: dict[str, Any]) -> None:
    assert (manifest["schema_version"], manifest["run_id"], manifest["seed"], manifest["replicates"]) == (1, "run", 1, 4)
    assert manifest["command"] == "hashwatt run sichuan-2021 --seed 1 --replicates 4 --out run --json --workers 2"
    priors = Path(__file__).parents[2] / "gridsim/data/priors/sichuan-2021.toml"
    assert manifest["priors_sha256"] == hashlib.sha256(priors.read_bytes()).hexdigest()
    assert str(done.folder.parent) not in (done.folder / "manifest.json").read_text(encoding="utf-8")
    assert manifest["started_utc"] <= manifest["ended_utc"]


@pytest.mark.parametrize("words", [["--out", "/home/me/x"], ["--out=/home/me/x"]])
def test_no_absolute_path_in_the_command_shown(words: list[str]) -> None:
    assert "/home/me" not in shown_command(["/usr/bin/hashwatt", "run", "demo", *words])


@pytest.mark.parametrize("name", sorted(TABLES))
def test_columns_carry_their_units_in_name_and_metadata(done: Any, name: str) -> None:
    schema = pq.read_schema(done.folder / f"{name}.parquet")
    for field in schema:
        unit, text = field.metadata[b"unit"].decode(), field.metadata[b"long_name"].decode()
        assert text, field.name
        if pa.types.is_floating(field.type) or field.name.endswith(("_s", "_utc")):
            assert unit == WITHOUT_SUFFIX.get(field.name, UNIT_BY_SUFFIX.get(field.name.rsplit("_", 1)[-1])), field.name
        else:
            assert unit == "1", field.name


def test_every_figure_is_there_as_svg_and_png(done: Any) -> None:
    for name in FIGURES:
        root = ElementTree.fromstring((done.folder / f"figures/{name}.svg").read_bytes())
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "sichuan-2021, seed 1, 4 runs; run" in "".join(root.itertext())
        assert (done.folder / f"figures/{name}.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


class Page(HTMLParser):
    """Collects the tags, what they would fetch, and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for key, value in attrs:
            if key in {"src", "href", "xlink:href", "srcset", "data", "action", "poster", "background"} and value:
                self.fetched.append(value)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report_fetches_nothing_and_holds_the_answer(done: Any, summary: dict[str, Any]) -> None:
    source = (done.folder / "report.html").read_text(encoding="utf-8")
    page = Page(source)
    assert not {"script", "link", "iframe", "object", "embed", "base"} & set(page.tags)
    assert page.tags.count("svg") == page.tags.count("figure") == len(FIGURES)
    assert [place for place in page.fetched if not place.startswith(("#", "data:"))] == []
    assert set(re.findall(r"url\((.)", source)) <= {"#"}
    assert "@import" not in source
    assert summary["answer"] in page.text
    assert f"took {summary['sichuan_cut']['power_cut_mw']:,.0f} MW off the grid" in page.text
    for height in HEIGHTS:
        assert f"{height:,}" in page.text
    ids = re.findall(r'\bid="([^"]+)"', source)
    assert len(set(ids)) == len(ids)
    assert {place[1:] for place in page.fetched if place.startswith("#")} <= set(ids)
