"""How many steps of machines a second: ``measure.py [MACHINES] [RUNS]`` prints a table and the same as JSON.

Every machine has a clock, a health and a firmware of its own kind; every step has air of its own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from gridsim.fleet_backends.machines import Around, Machines, always_at_work, cold
from gridsim.fleet_backends.numba_cpu import NumbaCpu, step_many
from hw.catalogue import machine
from hw.designs import s19_kind
from hw.faults import HAZARDS, inject
from hw.health import healthy
from hw.operating_point import Setting
from hw.protection import ESP_MINER, LUXOS
from hw.running_machine import MachinePlan, RunningMachine
from hw.stepping.figures import Condition, motion
from hw.stepping.floats import Stepper
from hw.stepping.floats import step_many as interpreted
from hw.stepping.physics_text import Moving, Surroundings
from miner.backends.core_clock import core_clock_hz

KINDS = 100
HOURS = 8760
SINGLE_STEPS = 2_000_000
DESIGN = s19_kind(machine("Antminer S19j Pro (104Th)"))


def a_condition(rng: np.random.Generator) -> Condition:
    health = healthy(3, 126)
    for fault in rng.choice([name for name in HAZARDS if "supply" not in name], rng.integers(0, 3), replace=False):
        health = inject(health, str(fault), unit=0)
    clock = float(rng.uniform(450, 600))
    rule = (LUXOS, ESP_MINER)[rng.integers(0, 2)]
    return Condition(design=DESIGN, setting=Setting(frequency_mhz=clock), health=health, rule=rule)


def rate(steps: int, work: Callable[[], object], runs: int) -> dict[str, float]:
    """Return steps a second: median, least and most of `runs`, after one that does not count."""
    work()
    rates = []
    for _ in range(runs):
        began_s = time.perf_counter()
        work()
        rates.append(steps / (time.perf_counter() - began_s))
    return {"median": statistics.median(rates), "min": min(rates), "max": max(rates)}


def load_s(folder: str) -> float:
    """Return how long the first hour of a program takes whose machine code is kept in `folder`, imports included."""
    code = """
import time
t = time.perf_counter()
from gridsim.fleet_backends.registry import load
load("numba-cpu")
print(time.perf_counter() - t)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"NUMBA_CACHE_DIR": folder}, check=True, capture_output=True
    )
    return float(done.stdout)


def a_day(stepper: Stepper) -> None:
    """Take one machine through a day, read every hour."""
    one = RunningMachine(MachinePlan(design=DESIGN, health=healthy(3, 126)), 0.0, stepper)
    for hour in range(1, 25):
        one.read(hour * 3600.0)


def main(count: int = 20_000, runs: int = 5) -> None:
    rng = np.random.default_rng(1)
    machines = Machines(tuple(a_condition(rng) for _ in range(KINDS)), rng.integers(0, KINDS, count))
    air: Around = always_at_work(20 + 12 * np.sin(np.arange(HOURS) * 2 * np.pi / 24) + rng.normal(0, 2, HOURS))
    cores = psutil.cpu_count(logical=False) or 1
    own = motion(machines.conditions[0])
    one = own.figures(1.0), own.levels
    found: dict[str, object] = {"machines": count, "steps": HOURS, "runs": runs, "load": os.getloadavg()[0]}
    found["core_clock_hz"] = core_clock_hz()
    for threads in (1, cores):
        backend = NumbaCpu(threads)
        moving = backend.moving(machines, 60.0, cold(machines, 20.0))
        found[f"steady hours, {threads} threads"] = rate(count * HOURS, lambda b=backend: b.steady(machines, air, 3600.0), runs)
        found[f"in motion, {threads} threads"] = rate(count * HOURS, lambda m=moving: m.run(air), runs)
    still = Moving(25.0, 25.0, 0.0, 0.0, 0.0), Surroundings(25.0, 1.0, 0.0)
    found["one machine, compiled"] = rate(SINGLE_STEPS, lambda: step_many(one, *still, 1.0, SINGLE_STEPS), runs)
    found["one running machine, read every hour, compiled"] = rate(24 * 3600, lambda: a_day(step_many), runs)
    found["one running machine, interpreted"] = rate(24 * 3600, lambda: a_day(interpreted), 1)
    with TemporaryDirectory() as folder:
        found["load cold [s]"], found["load warm [s]"] = load_s(folder), load_s(folder)
    for name, value in found.items():
        told = f"{value['median']:.3g} ({value['min']:.3g} to {value['max']:.3g})" if isinstance(value, dict) else value
        sys.stdout.write(f"{name:<50} {told}\n")
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:3]))
