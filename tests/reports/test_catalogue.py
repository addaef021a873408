"""The list of metrics keeps the naming practice; promtool is the second opinion where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from reports.catalogue import METRICS, PREFIX, Metric

BASE_UNITS = {
    "joules",
    "watts",
    "seconds",
    "grams",
    "ratio",
    "hashes_per_second",
    "grams_per_joule",
    "celsius",
    "volts",
    "amperes",
    "hertz",
    "bytes",
}
NOT_BASE = re.compile(
    r"_(percent|rpm|(kilo|mega|giga|tera|exa|milli|micro)[a-z]+|ms|us|kwh|mwh|minutes|hours|days|fahrenheit|kelvin|tonnes)(_|$)"
)
TYPE_WORDS = re.compile(r"_(gauge|counter|summary|histogram|metric)(_|$)")
MANY_VALUES = {"nonce", "hash", "height", "time", "timestamp", "job", "type", "instance"}


def findings(metric: Metric) -> list[str]:
    """Return what is wrong with one entry, in words."""
    stem = metric.name.removesuffix("_total").removesuffix("_info")
    checks = {
        "no prefix": metric.name.startswith(PREFIX),
        "not snake case": re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", metric.name),
        "_total is for counters, and for each": metric.name.endswith("_total") == (metric.kind == "counter"),
        "_info is for info, and for each": metric.name.endswith("_info") == (metric.kind == "info"),
        "not a base unit": not metric.unit or metric.unit in BASE_UNITS,
        "unit is not the suffix": not metric.unit or stem.endswith("_" + metric.unit),
        "suffix names a unit that the entry does not": metric.unit or not any(stem.endswith("_" + unit) for unit in BASE_UNITS),
        "scaled unit": not NOT_BASE.search(metric.name),
        "type in the name": not TYPE_WORDS.search(metric.name),
        "label in the name": not any(f"_by_{label}" in metric.name for label in metric.labels),
        "label with too many values": metric.kind == "info" or not MANY_VALUES & set(metric.labels),
        "label not snake case": all(re.fullmatch(r"[a-z]+(_[a-z]+)*", label) for label in metric.labels),
        "label twice": len(set(metric.labels)) == len(metric.labels),
        "help is no sentence": re.fullmatch(r"[A-Z0-9].+\.", metric.help),
    }
    return [wrong for wrong, holds in checks.items() if not holds]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_entry_keeps_the_practice(metric: Metric) -> None:
    assert findings(metric) == []


@pytest.mark.parametrize(
    ("metric", "finding"),
    [
        (Metric(name="hashwatt_fan_percent", kind="gauge", help="A."), "scaled unit"),
        (Metric(name="hashwatt_clock_megahertz", kind="gauge", help="A."), "scaled unit"),
        (Metric(name="hashwatt_energy_kwh_total", kind="counter", unit="kwh", help="A b."), "not a base unit"),
        (
            Metric(name="hashwatt_energy_joules", kind="counter", unit="joules", help="A b."),
            "_total is for counters, and for each",
        ),
        (Metric(name="hashwatt_power_total", kind="gauge", help="A b."), "_total is for counters, and for each"),
        (Metric(name="hashwatt_power_watts", kind="gauge", help="A b."), "suffix names a unit that the entry does not"),
        (Metric(name="hashwatt_power", kind="gauge", unit="watts", help="A b."), "unit is not the suffix"),
        (Metric(name="power_watts", kind="gauge", unit="watts", help="A b."), "no prefix"),
        (Metric(name="hashwatt_shares_total", kind="counter", labels=("nonce",), help="A b."), "label with too many values"),
        (Metric(name="hashwatt_shares_total", kind="counter", help=""), "help is no sentence"),
    ],
)
def test_the_lint_catches_planted_faults(metric: Metric, finding: str) -> None:
    assert finding in findings(metric)


def test_names_come_once() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


class _Everything(Collector):
    """One sample of each family of the list."""

    def collect(self):
        for metric in METRICS:
            if metric.kind == "info":
                family = InfoMetricFamily(metric.name.removesuffix("_info"), metric.help)
                family.add_metric((), dict.fromkeys(metric.labels, "x"))
            else:
                kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
                family = kind(metric.name.removesuffix("_total"), metric.help, labels=metric.labels, unit=metric.unit)
                family.add_metric(["x"] * len(metric.labels), 1)
            yield family


def test_promtool_has_nothing_to_say() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install --no-install-recommends prometheus)")
    registry = CollectorRegistry()
    registry.register(_Everything())
    text = generate_latest(registry)
    for metric in METRICS:
        assert f"\n{metric.name}{{" in text.decode() or f"\n{metric.name} " in text.decode()
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, timeout=30, check=False)
    assert (checked.returncode, checked.stderr.decode()) == (0, "")
    planted = text.replace(b"hashwatt_scrape_duration_seconds", b"hashwatt_scrape_duration_ms")
    assert (
        subprocess.run([promtool, "check", "metrics"], input=planted, capture_output=True, timeout=30, check=False).returncode
        == 3
    )
