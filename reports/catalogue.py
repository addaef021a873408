"""THE list of metrics: name, type, unit, labels and help of every family that the program publishes.

The exporter builds its families from this list and nothing else, so a name is spelled once. Names follow the naming
practice of the Prometheus project: prefix `hashwatt_`, base units as plural suffix (joules, watts, seconds, grams),
`_total` last on counters, `_info` on facts that are only labels. Efficiency is a query, not a metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

PREFIX: Final = "hashwatt_"

Kind = Literal["gauge", "counter", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One family of time series.

    Attributes
    ----------
    name : str
        As it stands in the exposition, prefix and suffixes included.
    kind : str
        "gauge", "counter" (never falls while the server lives) or "info" (value 1, facts in labels).
    unit : str
        Base unit, the name's suffix before any `_total`; empty for counts and flags.
    labels : tuple of str
        Label names, in the order in which values are given.
    help : str
        One sentence: what, and where it is measured.
    """

    name: str
    kind: Kind
    unit: str = ""
    labels: tuple[str, ...] = ()
    help: str


BUILD_INFO: Final = Metric(
    name="hashwatt_build_info",
    kind="info",
    labels=("version", "python"),
    help="Program that serves these metrics.",
)
RUN_INFO: Final = Metric(
    name="hashwatt_run_info",
    kind="info",
    labels=("run_id", "scenario", "seed", "version"),
    help="Run that is served, and the version of the program that made it.",
)
GRID_DEMAND: Final = Metric(
    name="hashwatt_grid_demand_watts",
    kind="gauge",
    unit="watts",
    labels=("region",),
    help="Simulated power that mining draws at its sites' meters, mean of the present hour.",
)
GRID_HASHRATE: Final = Metric(
    name="hashwatt_grid_hashrate_hashes_per_second",
    kind="gauge",
    unit="hashes_per_second",
    labels=("region",),
    help="Simulated hash rate of the machines in a region, mean of the present hour.",
)
GRID_REGION_POWERED: Final = Metric(
    name="hashwatt_grid_region_powered",
    kind="gauge",
    labels=("region",),
    help="1 if any machine of a region ran in the present hour, 0 if all were off.",
)
GRID_POWERED_RATIO: Final = Metric(
    name="hashwatt_grid_powered_ratio",
    kind="gauge",
    unit="ratio",
    labels=("region",),
    help="Part of a region's fleet, by hash rate and with displaced machines, that ran in the present hour; 1 without any.",
)
GRID_ENERGY: Final = Metric(
    name="hashwatt_grid_energy_joules_total",
    kind="counter",
    unit="joules",
    labels=("region",),
    help="Energy that mining has drawn at its sites' meters since the run began.",
)
GRID_CARBON: Final = Metric(
    name="hashwatt_grid_carbon_grams_total",
    kind="counter",
    unit="grams",
    labels=("region",),
    help="Carbon dioxide equivalent of that energy since the run began.",
)
GRID_CARBON_INTENSITY: Final = Metric(
    name="hashwatt_grid_carbon_intensity_grams_per_joule",
    kind="gauge",
    unit="grams_per_joule",
    labels=("region",),
    help="Carbon dioxide equivalent over energy in the present hour; absent without energy. 1 g/kWh is 1/3600000 g/J.",
)
GRID_CUTOFFS: Final = Metric(
    name="hashwatt_grid_cutoffs_total",
    kind="counter",
    labels=("region", "cause"),
    help="Withdrawals of supply so far, by order of an authority (order) or for want of power (shortage).",
)
NETWORK_HASHRATE: Final = Metric(
    name="hashwatt_network_hashrate_hashes_per_second",
    kind="gauge",
    unit="hashes_per_second",
    help="Simulated hash rate of the whole network, mean of the present hour.",
)
NETWORK_DIFFICULTY: Final = Metric(
    name="hashwatt_network_difficulty",
    kind="gauge",
    help="Difficulty of the newest block, as a multiple of the easiest.",
)
NETWORK_BLOCKS: Final = Metric(
    name="hashwatt_network_blocks_total",
    kind="counter",
    help="Blocks of the run so far.",
)
NETWORK_BLOCK_HEIGHT: Final = Metric(
    name="hashwatt_network_block_height",
    kind="gauge",
    help="Height of the newest block.",
)
SIMULATION_TIME: Final = Metric(
    name="hashwatt_simulation_time_seconds",
    kind="gauge",
    unit="seconds",
    help="Simulated moment that is shown, in Unix time.",
)
SIMULATION_PROGRESS: Final = Metric(
    name="hashwatt_simulation_progress_ratio",
    kind="gauge",
    unit="ratio",
    help="Part of the run's time that lies before the moment shown.",
)
SIMULATION_EVENTS: Final = Metric(
    name="hashwatt_simulation_events_total",
    kind="counter",
    labels=("kind",),
    help="Events of the scenario so far, one for each region concerned.",
)
SCRAPE_DURATION: Final = Metric(
    name="hashwatt_scrape_duration_seconds",
    kind="gauge",
    unit="seconds",
    help="Time that making this answer took.",
)

DEVICE_INFO: Final = Metric(
    name="hashwatt_device_info",
    kind="info",
    labels=("device", "model", "kind"),
    help="A mining device: what it is, and whether it is simulated, emulated, serial or this machine's own.",
)
DEVICE_HASHRATE_NOMINAL: Final = Metric(
    name="hashwatt_device_hashrate_nominal_hashes_per_second",
    kind="gauge",
    unit="hashes_per_second",
    labels=("device",),
    help="Hash rate that a device declares by its present settings.",
)
DEVICE_HASHES: Final = Metric(
    name="hashwatt_device_hashes_total",
    kind="counter",
    labels=("device",),
    help="Double hashes that were computed for a device; what it only declares does not count.",
)
DEVICE_POWER: Final = Metric(
    name="hashwatt_device_power_watts",
    kind="gauge",
    unit="watts",
    labels=("device",),
    help="Power of a device at the wall; modelled where the device is emulated or simulated.",
)
DEVICE_ENERGY: Final = Metric(
    name="hashwatt_device_energy_joules_total",
    kind="counter",
    unit="joules",
    labels=("device",),
    help="Energy of a device at the wall since it was started.",
)
DEVICE_TEMPERATURE: Final = Metric(
    name="hashwatt_device_temperature_celsius",
    kind="gauge",
    unit="celsius",
    labels=("device", "sensor"),
    help="Temperature that a sensor of a device reads; modelled where the device is emulated or simulated.",
)
DEVICE_FREQUENCY: Final = Metric(
    name="hashwatt_device_frequency_hertz",
    kind="gauge",
    unit="hertz",
    labels=("device",),
    help="Clock of a device's chips.",
)
DEVICE_WORK: Final = Metric(
    name="hashwatt_device_work_total",
    kind="counter",
    labels=("device",),
    help="Pieces of work that a device was given.",
)
DEVICE_NONCES: Final = Metric(
    name="hashwatt_device_nonces_total",
    kind="counter",
    labels=("device",),
    help="Nonces that a device reported.",
)
DEVICE_STATE: Final = Metric(
    name="hashwatt_device_state",
    kind="gauge",
    labels=("device", "state"),
    help="1 for what a device that is mined on is doing, 0 for the other states.",
)
DEVICE_HEALTH: Final = Metric(
    name="hashwatt_device_health",
    kind="gauge",
    labels=("device", "health"),
    help="1 for how a device that is mined on does (alive, sick after a failure, dead after several), 0 for the others.",
)
DEVICE_RESTARTS: Final = Metric(
    name="hashwatt_device_restarts_total",
    kind="counter",
    labels=("device",),
    help="Times that a device was opened again after it had failed or flat-lined.",
)
DEVICE_SHARES: Final = Metric(
    name="hashwatt_device_shares_total",
    kind="counter",
    labels=("device",),
    help="Shares of the pool's difficulty that a device found; what the pool said of them is not known for each device.",
)
DEVICE_HARDWARE_ERRORS: Final = Metric(
    name="hashwatt_device_hardware_errors_total",
    kind="counter",
    labels=("device",),
    help="Answers of a device that were no nonce of its work when they were hashed again.",
)
DEVICE_HASHES_DECLARED: Final = Metric(
    name="hashwatt_device_hashes_declared_total",
    kind="counter",
    labels=("device",),
    help="Double hashes by a device's own account, such as clock times cores; what a pool accepts is the measure of them.",
)

RUN_METRICS: Final = (
    BUILD_INFO,
    RUN_INFO,
    GRID_DEMAND,
    GRID_HASHRATE,
    GRID_REGION_POWERED,
    GRID_POWERED_RATIO,
    GRID_ENERGY,
    GRID_CARBON,
    GRID_CARBON_INTENSITY,
    GRID_CUTOFFS,
    NETWORK_HASHRATE,
    NETWORK_DIFFICULTY,
    NETWORK_BLOCKS,
    NETWORK_BLOCK_HEIGHT,
    SIMULATION_TIME,
    SIMULATION_PROGRESS,
    SIMULATION_EVENTS,
    SCRAPE_DURATION,
)
"""What a served run publishes."""

DEVICE_METRICS: Final = (
    BUILD_INFO,
    DEVICE_INFO,
    DEVICE_HASHRATE_NOMINAL,
    DEVICE_HASHES,
    DEVICE_POWER,
    DEVICE_ENERGY,
    DEVICE_TEMPERATURE,
    DEVICE_FREQUENCY,
    DEVICE_WORK,
    DEVICE_NONCES,
    DEVICE_STATE,
    DEVICE_HEALTH,
    DEVICE_RESTARTS,
    DEVICE_SHARES,
    DEVICE_HARDWARE_ERRORS,
    DEVICE_HASHES_DECLARED,
    SCRAPE_DURATION,
)
"""What devices publish."""

METRICS: Final = tuple(dict.fromkeys((*RUN_METRICS, *DEVICE_METRICS)))
