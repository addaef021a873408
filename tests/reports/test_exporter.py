"""From a state to the exposition: every family of the catalogue, right names, right values, nothing made up."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from reports.catalogue import RUN_METRICS
from reports.exporter import RunCollector, metrics_page
from reports.snapshot import RegionState, RunIdentity, Snapshot

IDENTITY = RunIdentity(run_id="20261123T083000Z", scenario="sichuan-2021", seed="7", version="0.1.0")
SICHUAN = RegionState(
    region="Sichuan", power_w=0.0, hashrate_hps=0.0, powered_fraction=0.0, energy_j=1.08e13, carbon_g=7.2e7, carbon_g_per_j=None
)
INNER = RegionState(
    region='Inner "Mongolia"\n',
    power_w=5e8,
    hashrate_hps=8.3e18,
    powered_fraction=0.25,
    energy_j=5.4e12,
    carbon_g=1e9,
    carbon_g_per_j=1.4e-4,
)
STATE = Snapshot(
    time_s=1_624_125_600.0,
    progress_ratio=0.5,
    regions=(SICHUAN, INNER),
    network_hps=1.0e20,
    blocks=5,
    block_height=688004,
    difficulty=14.4e12,
    cutoffs=(("Sichuan", "order", 1), ("Xinjiang", "shortage", 0)),
    events=(("cut", 1), ("restore", 0)),
)
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def samples(state: Snapshot, accept: str = "") -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return what the independent parser of the format reads from one scrape."""
    _, body = metrics_page(RunCollector(IDENTITY, lambda: state))(accept)
    parse = parse_openmetrics if accept else parse_text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(body.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_values_survive_both_formats(accept: str) -> None:
    seen = samples(STATE, accept)
    sichuan = (("region", "Sichuan"),)
    inner = (("region", 'Inner "Mongolia"\n'),)
    expected = {
        ("hashwatt_grid_demand_watts", inner): 5e8,
        ("hashwatt_grid_demand_watts", sichuan): 0,
        ("hashwatt_grid_hashrate_hashes_per_second", inner): 8.3e18,
        ("hashwatt_grid_region_powered", sichuan): 0,
        ("hashwatt_grid_region_powered", inner): 1,
        ("hashwatt_grid_powered_ratio", inner): 0.25,
        ("hashwatt_grid_energy_joules_total", sichuan): 1.08e13,
        ("hashwatt_grid_carbon_grams_total", inner): 1e9,
        ("hashwatt_grid_carbon_intensity_grams_per_joule", inner): 1.4e-4,
        ("hashwatt_grid_cutoffs_total", (("cause", "order"), *sichuan)): 1,
        ("hashwatt_grid_cutoffs_total", (("cause", "shortage"), ("region", "Xinjiang"))): 0,
        ("hashwatt_network_hashrate_hashes_per_second", ()): 1.0e20,
        ("hashwatt_network_difficulty", ()): 14.4e12,
        ("hashwatt_network_blocks_total", ()): 5,
        ("hashwatt_network_block_height", ()): 688004,
        ("hashwatt_simulation_time_seconds", ()): 1_624_125_600,
        ("hashwatt_simulation_progress_ratio", ()): 0.5,
        ("hashwatt_simulation_events_total", (("kind", "cut"),)): 1,
        (
            "hashwatt_run_info",
            (("run_id", "20261123T083000Z"), ("scenario", "sichuan-2021"), ("seed", "7"), ("version", "0.1.0")),
        ): 1,
    }
    assert {key: seen.get(key) for key in expected} == expected
    assert ("hashwatt_grid_carbon_intensity_grams_per_joule", sichuan) not in seen


def test_every_family_of_the_catalogue_is_published_and_no_other() -> None:
    assert {name for name, _ in samples(STATE)} == {metric.name for metric in RUN_METRICS}


def test_labels_are_those_of_the_catalogue() -> None:
    labels = {metric.name: set(metric.labels) for metric in RUN_METRICS}
    for name, pairs in samples(STATE):
        assert {label for label, _ in pairs} == labels[name], name


def test_openmetrics_states_the_units() -> None:
    """Prometheus shows them beside the help."""
    _, body = metrics_page(RunCollector(IDENTITY, lambda: STATE))(OPENMETRICS)
    units = {family.name: family.unit for family in parse_openmetrics(body.decode())}
    assert units["hashwatt_grid_demand_watts"] == "watts"
    assert units["hashwatt_grid_energy_joules"] == "joules"
    assert units["hashwatt_grid_carbon_intensity_grams_per_joule"] == "grams_per_joule"


def test_the_unknown_is_absent() -> None:
    bare = replace(STATE, network_hps=None, block_height=None, difficulty=None, blocks=0, regions=(), cutoffs=(), events=())
    seen = {name for name, _ in samples(bare)}
    assert "hashwatt_network_difficulty" not in seen
    assert "hashwatt_network_hashrate_hashes_per_second" not in seen
    assert "hashwatt_grid_demand_watts" not in seen
    assert "hashwatt_network_blocks_total" in seen


def test_nothing_is_collected_before_the_first_scrape() -> None:
    """Registering a collector must not run it."""
    asked = []

    def snapshot() -> Snapshot:
        asked.append(1)
        return STATE

    page = metrics_page(RunCollector(IDENTITY, snapshot))
    assert asked == []
    page("")
    page("")
    assert len(asked) == 2


def test_the_duration_of_a_scrape_is_measured_to_its_end() -> None:
    ticks = iter([10.0, 10.25])
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RunCollector(IDENTITY, lambda: STATE, timer=lambda: next(ticks)))
    assert registry.get_sample_value("hashwatt_scrape_duration_seconds") == 0.25


def test_promtool_accepts_the_exposition() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install --no-install-recommends prometheus)")
    _, body = metrics_page(RunCollector(IDENTITY, lambda: STATE))("")
    checked = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True, timeout=30, check=False)
    assert (checked.returncode, checked.stderr.decode()) == (0, "")
