"""Whatever is wrong with a scenario file, one sentence says what, where, and what would be right."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from datetime import date, datetime
from functools import reduce
from importlib.resources import files
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gridsim import load
from gridsim.errors import ScenarioError, ScenarioNotFoundError
from gridsim.load import load_scenario, scenario_names, scenario_sha256
from gridsim.scenario import Scenario
from hw.catalogue import entries, machine, machines
from hw.spec_errors import explain

DEMO = (files("gridsim") / "data" / "scenarios" / "demo.toml").read_text(encoding="utf-8")


@pytest.fixture
def bent(tmp_path: Path) -> Callable[[str, str], str]:
    """Write the demo with one passage replaced and return its path."""

    def write(old: str, new: str) -> str:
        assert old in DEMO, "the test bends a passage that the demo no longer has"
        path = tmp_path / "bent.toml"
        path.write_text(DEMO.replace(old, new, 1), encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_loads(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.id == name
    assert len(scenario_sha256(scenario)) == 64


def test_unknown_scenario_lists_the_known_ones() -> None:
    with pytest.raises(
        ScenarioNotFoundError, match=r"no scenario 'sichuan-2020'; known: demo, sichuan-2021.*did you mean 'sichuan-2021'"
    ):
        load_scenario("sichuan-2020")


@pytest.mark.parametrize(
    ("old", "new", "pieces"),
    [
        ("pue = 1.1", "pue = 1.1\npeu = 1.2", ["peu", "did you mean 'pue'"]),
        ("ramp_h = 6\n", "ramp_hours = 6\n", ["events[1].ramp_hours", "did you mean 'ramp_h'"]),
        ("fraction = 0.9", 'fraction = "0.9"', ["events[1].fraction", "'0.9'"]),
        ("fraction = 0.9", "fraction = nan", ["events[1].fraction", "nan", "finite"]),
        ("fraction = 0.9", "fraction = 1.9", ["events[1]", "1.9"]),
        ("fraction = 0.9", "fraction = -0.1", ["events[1]", "-0.1"]),
        ("fraction = 0.9", 'fraction = { prior = "no-such" }', ["THE-CUT", "no prior 'no-such'"]),
        ("fraction = 0.9", "fraction = true", ["events[1].fraction: true; want a number or { prior = ... }"]),
        ("headroom_gw = 0.5", "headroom_gw = -0.5", ["hosting.headroom_gw", "-0.5"]),
        ("pue = 1.1", "pue = 0.5", ["pue", "0.5"]),
        ("cap_utc = 2021-06-01T00:00:00Z", "cap_utc = 2020-06-01T00:00:00Z", ["cap_utc", "later"]),
        ("end = 2021-01-13T00:00:00Z", "end = 2021-01-10T00:00:00Z", ["DRY-DAYS", "before it starts"]),
        ("start = 2021-01-11T00:00:00Z", "start = 2021-01-11T00:00:00", ["events[0].start", "offset"]),
        (
            'regions = ["Water Valley"]',
            'regions = ["Atlantis"]',
            ["DRY-DAYS", "no region 'Atlantis'", "known: Water Valley, Far Harbour"],
        ),
        ("value = 0.75", "value = 0.85", ["shares", "sum to 1.1", "want exactly 1"]),
        ("value = 0.75", "value = -0.75", ["shares", "-0.75"]),
        ('machine = "Antminer S19 (95Th)"', 'machine = "Antminer S91"', ["cohorts[0].machine", "Antminer S91", "did you mean"]),
        ('machine = "Antminer S19 (95Th)"', 'machine = "Antminer S21"', ["cohorts[0].machine", "2 bins", "(188Th)", "(200Th)"]),
        (
            'machine = "Antminer S19 (95Th)"',
            'machine = "geforce rtx 4090"',
            [
                "cohorts[0].machine: NVIDIA GeForce RTX 4090 is a GPU; want an ASIC of the catalogue: of use here ",
                "such as Antminer",
            ],
        ),
        ('id = "demo"', 'id = "../demo"', ["id", "../demo"]),
        ("end_height = 671328", "end_height = 663263", ["network.end_height", "higher"]),
        ("end_height = 671328", "end_height = 6713.28", ["network.end_height"]),
        ("start_height = 663264", "start_height = 663265", ["start_height", "2016"]),
        ('nbits = "170da863"', 'nbits = "170da8zz"', ["network.nbits", "170da8zz"]),
        ('nbits = "170da863"', 'nbits = "ff123456"', ["network.nbits", "ff123456"]),
        ('kind = "order"', 'kind = "ordre"', ["events[1].kind: 'ordre'; want one of rationing, order, sweep, seasonal"]),
        ('regions_file = "demo"', 'regions_file = "nowhere"', ["regions_file", "no regions table 'nowhere'", "demo"]),
        ("schema_version = 1", "schema_version = 2", ["schema_version", "2"]),
        ("replicates = 8", "replicates = 0", ["replicates", "0"]),
        ('events = ["THE-CUT"]', 'events = ["NO-CUT"]', ["question.events", "no event 'NO-CUT'"]),
        ("[economy]", "[economy", ["not valid TOML"]),
    ],
)
def test_bad_scenarios(bent: Callable[[str, str], str], old: str, new: str, pieces: list[str]) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(bent(old, new))
    message = str(caught.value)
    assert message.startswith("bent.toml: "), message
    assert "\n" not in message
    for piece in pieces:
        assert piece in message, message


def test_any_asic_of_the_catalogue_may_hash(bent: Callable[[str, str], str]) -> None:
    """Also one from long after the years of the shipped scenarios; their own machines are those of their own table, as ever."""
    scenario = load_scenario(bent('machine = "Antminer S19 (95Th)"', 'machine = "Antminer S21 (200Th)"'))
    assert (scenario.machines[0].hashrate_hps, scenario.machines[0].power_w) == (200e12, 3500)
    assert [load._asic(one.name) for one in entries("asic")] == [one.machine for one in entries("asic")]
    assert [load._asic(one.model) for one in machines()] == [machine(one.model) for one in machines()]


def test_only_asics_are_suggested(bent: Callable[[str, str], str]) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(bent('machine = "Antminer S19 (95Th)"', 'machine = "RTX 409"'))
    assert str(caught.value).startswith(
        "bent.toml: cohorts[0].machine: no machine 'RTX 409' in the catalogue; of use here are "
    )


WRONG: tuple[object, ...] = (
    *(True, "", "text", -1, 0, 10**9, 10**400, 1.5, float("nan"), float("inf"), date(2021, 1, 1), datetime(2021, 1, 1)),  # noqa: DTZ001
    *([], [1], ["a"], {}, {"prior": 3}, {"a": 1}),
)


def every_place(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to everything in a table, however deep."""
    keys: Iterable[Any] = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*path, key)
        yield from every_place(value[key], (*path, key))


def test_any_value_at_any_key_is_taken_or_told_in_our_words() -> None:
    """Nothing of what the validation library says reaches the reader, whatever stands wherever."""
    table = {key: value for key, value in tomllib.loads(DEMO).items() if key not in ("regions_file", "priors_file")}
    refused = 0
    for place in every_place(table):
        for value in WRONG:
            bad = deepcopy(table)
            *way, last = place
            reduce(getitem, way, bad)[last] = value
            try:
                Scenario.model_validate(bad | {"regions": [], "machines": [], "priors_sha256": "0"})
            except ValidationError as error:
                told = explain(error, Scenario)
                refused += 1
                assert "nput should" not in told, told
                assert "valid" not in told, told
                assert "what the manual names" not in told, told
                assert "\n" not in told, told
    assert refused > 1000


def test_a_machine_of_one_bin_needs_no_rating(bent: Callable[[str, str], str]) -> None:
    scenario = load_scenario(bent('machine = "Antminer S19 (95Th)"', 'machine = "antminer-s3"'))
    assert scenario.machines[0].model == "Antminer S3 (0.478Th)"


def test_a_folder_is_not_a_scenario(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="that is a folder"):
        load_scenario(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "piece"), [(b"", "empty"), (b" \n", "empty"), (b"\x00\xff\xfe\x80", "not text"), (b"x" * 2_000_000, "at most")]
)
def test_files_that_are_no_scenario(tmp_path: Path, content: bytes, piece: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_bytes(content)
    with pytest.raises(ScenarioError, match=piece):
        load_scenario(str(path))


def test_a_scenario_may_not_extend_itself(tmp_path: Path) -> None:
    path = tmp_path / "loop.toml"
    path.write_text(f'extends = "{path}"\n', encoding="utf-8")
    with pytest.raises(ScenarioError, match="not of itself"):
        load_scenario(str(path))


def test_extending_changes_only_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "wetter.toml"
    path.write_text('extends = "demo"\nid = "wetter"\n[hosting]\nheadroom_gw = 2.0\n', encoding="utf-8")
    wetter, demo = load_scenario(str(path)), load_scenario("demo")
    assert wetter.hosting.headroom_gw == 2.0
    assert wetter.hosting.ramp_months == demo.hosting.ramp_months
    assert wetter.events == demo.events
    assert scenario_sha256(wetter) != scenario_sha256(demo)


def test_a_prior_table_beside_the_scenario_is_used(tmp_path: Path) -> None:
    (tmp_path / "mine.priors.toml").write_text(
        '[[prior]]\nname = "pue"\nunit = "ratio"\nlow = 1.0\nmode = 1.1\nhigh = 1.2\n'
        'status = "assumed"\nreason = "a test"\nsource = "a test"\n',
        encoding="utf-8",
    )
    path = tmp_path / "mine.toml"
    path.write_text('extends = "demo"\npriors_file = "mine"\npue = { prior = "pue" }\n', encoding="utf-8")
    assert [prior.name for prior in load_scenario(str(path)).priors] == ["pue"]


def test_may_shares_are_a_variant_of_the_same_world() -> None:
    april, may = load_scenario("sichuan-2021"), load_scenario("sichuan-2021-may-shares")
    assert may.events == april.events
    assert may.priors_sha256 == april.priors_sha256
    assert [share.region for share in may.shares] == [share.region for share in april.shares]
    assert {share.share.as_of for share in april.shares} == {"2021-04"}
    assert {share.share.as_of for share in may.shares} == {"2021-05"}


def test_a_mark_in_front_of_the_text_is_no_part_of_it(tmp_path: Path) -> None:
    """Some editors write three bytes that say it is UTF-8."""
    path = tmp_path / "marked.toml"
    path.write_bytes(b"\xef\xbb\xbf" + b'extends = "demo"\nid = "marked"\n')
    assert load_scenario(str(path)).id == "marked"


def test_an_empty_name_is_no_folder() -> None:
    with pytest.raises(ScenarioNotFoundError, match="no scenario ''; known: demo"):
        load_scenario("")
