"""A fleet's file: what holds is read, and what does not is told in one sentence with file, key path and remedy."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from hw.catalogue import entries
from hw.fleet.errors import FleetSpecError
from hw.fleet.load import load_fleet, parse_fleet
from hw.fleet.plans import plan_fleet
from hw.fleet.spec import Firmware, FleetSpec
from hw.running_machine import RunningMachine
from hw.spec_errors import explain

AXE = '[[groups]]\nname = "axe"\nmachine = "Bitaxe Ultra"\n'
RIG = '[[groups]]\nname = "rig"\nmachine = "Whatsminer M30S+"\n'
FAULT = '[[groups.faults]]\nname = "hang"\nat_s = 1.0\n'


def refusal(text: str) -> str:
    """Return the sentence with which a file is refused, by the loader or by the planner."""
    with pytest.raises(FleetSpecError) as caught:
        plan_fleet(parse_fleet(text.encode(), where="f.toml"), where="f.toml")
    told = str(caught.value)
    assert told.startswith("f.toml: ")
    assert "\n" not in told
    return told.removeprefix("f.toml: ")


def test_the_demo_has_every_tongue_and_begins() -> None:
    machines = plan_fleet(load_fleet(None), where="fleet-demo.toml")
    assert {one.identity.firmware for one in machines} == set(Firmware)
    assert len({one.identity.mac for one in machines}) == len({one.identity.name for one in machines}) == len(machines) == 12
    for one in machines:
        assert RunningMachine(one.plan, 0.0).read(0.0).hashrate_hps > 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", 'the file is empty; want a fleet: name = "hall", and a [[groups]] for each kind of machine'),
        ('name = "x"\n', "groups: it is missing; want tables, each under [[groups]], at most 100"),
        (f'name = "x"\n{AXE}cuont = 3\n', "groups[0].cuont: unknown key 'cuont'; did you mean 'count'?"),
        (f'name = "x"\ncolour = 1\n{AXE}', "colour: unknown key 'colour'; want one of name, seed, groups"),
        (f'name = "x"\n{AXE}{FAULT}unti = 1\n', "groups[0].faults[0].unti: unknown key 'unti'; did you mean 'unit'?"),
        (f'name = "X y"\n{AXE}', "name: 'X y'; want a name of up to 24 of a-z, 0-9 and inner dashes, such as 'row-1'"),
        (f'name = "x"\n{AXE}count = 0\n', "groups[0].count: 0; want a whole number from 1 to 1000"),
        (f'name = "x"\n{AXE}count = "3"\n', "groups[0].count: '3'; want a whole number from 1 to 1000"),
        (f'name = "x"\n{AXE}count = true\n', "groups[0].count: true; want a whole number from 1 to 1000"),
        (f'name = "x"\n{AXE}ambient_c = nan\n', "groups[0].ambient_c: nan; want a finite number from -40 to 60"),
        (f'name = "x"\n{AXE}ambient_c = 1e9\n', "groups[0].ambient_c: 1000000000.0; want a number from -40 to 60"),
        (
            f'name = "x"\n{AXE}firmware = "bosminer"\n',
            "groups[0].firmware: 'bosminer'; want one of axeos, btminer, cgminer",
        ),
        (
            f'name = "x"\n{AXE}firmware = "cgminer"\n',
            "groups[0].firmware: cgminer does not run on Bitaxe (open source) Bitaxe Ul",
        ),
        (
            f'name = "x"\n{AXE}variant = "VE40"\n',
            "groups[0].variant: 'VE40'; only machines with btminer have one, leave it out",
        ),
        (f'name = "x"\n{AXE}boards = 2\n', "groups[0].boards: 2; Bitaxe (open source) Bitaxe Ultra has 1, so leave it out"),
        (
            f'name = "x"\n{RIG}',
            "groups[0].chips_per_board: it is missing, and the catalogue does not know it of MicroBT Whatsminer",
        ),
        (f'name = "x"\n{AXE}{AXE}', "groups[1].name: 'axe' is another group's; want a name of its own"),
        (f'name = "x"\n{AXE}count = 1000\n{AXE.replace("axe", "b")}', "groups: 1,001 machines in all; want at most 1,000"),
        (f'name = "x"\n{AXE}{FAULT}machine = 1\n', "groups[0].faults[0].machine: 1; want 0, or leave it out for all machines"),
        (
            f'name = "x"\n{AXE}{FAULT.replace("hang", "hng")}',
            "groups[0].faults[0].name: no fault 'hng'; known: dead chip, weak",
        ),
        (f'name = "x"\n{AXE}{FAULT}unit = 1\n', "groups[0].faults[0].unit: no machine 1 for 'hang'; want 0"),
        (
            f'name = "x"\n{AXE}{FAULT.replace("1.0", "-1.0")}',
            "groups[0].faults[0].at_s: -1.0; want a number of 0 or more",
        ),
        (f'name = "x"\n{AXE}{FAULT.replace("1.0", "inf")}', "groups[0].faults[0].at_s: inf; want a finite number of 0 or more"),
        (
            'name = "x"\n[[groups]]\nname = "g"\nmachine = "Bitaxe Ultr"\n',
            "groups[0].machine: no machine 'Bitaxe Ultr' in the catalogue; did you mean Bitaxe Ultra",
        ),
        (
            'name = "x"\n[[groups]]\nname = "g"\nmachine = "RTX 409"\n',
            "groups[0].machine: no machine 'RTX 409' in the catalogue; of use here are 255, such as Antminer S9 (11.5Th)",
        ),
        (
            'name = "x"\n[[groups]]\nname = "g"\nmachine = "GeForce RTX 4090"\n',
            "groups[0].machine: NVIDIA GeForce RTX 4090 is a GPU; want an air-cooled mining machine of the catalogue: ",
        ),
        (
            'name = "x"\n[[groups]]\nname = "g"\nmachine = "Antminer S21"\n',
            "groups[0].machine: 'Antminer S21' comes in 2 bins; name one of Antminer S21 (188Th), Antminer S21 (200Th)",
        ),
        (
            'name = "x"\n[[groups]]\nname = "g"\nmachine = "Antminer S19 Hydro"\n',
            "is cooled by water; want an air-cooled mining",
        ),
        (
            'name = "x"\n[[groups]]\nname = "g"\nmachine = "Whatsminer M36S (128Th)"\n',
            "is cooled by oil; want an air-cooled mining",
        ),
        ('name = "x"\n[groups\n', "not valid TOML: "),
        ("name = " + "9" * 5000, "a number of thousands of digits; want one that a computer can hold"),
        ("a = " + "[" * 5000, "lists or tables nested too deeply; want a fleet"),
        ('name = "x"\ngroups = []\n', "groups: there are none; want one or more"),
        ('groups = "axe"\nname = "x"', "groups: 'axe'; want tables, each under [[groups]], at most 100"),
    ],
)
def test_bad_input_is_one_sentence(text: str, told: str) -> None:
    assert told in refusal(text)
    assert "more)" not in refusal(text)


@pytest.mark.parametrize(
    "name", ["RTX 409", "geforce", "NVIDIA", "Antminer S19 Hydr", "S21 XP Hyd", "Whatsminer M36", "M56S", "radeon"]
)
def test_only_machines_that_may_stand_there_are_suggested(name: str) -> None:
    told = refusal(f'name = "x"\n[[groups]]\nname = "g"\nmachine = "{name}"\n')
    others = [one.machine.model for one in entries() if one.kind == "gpu" or one.cooling != "air"]
    assert others
    assert not [model for model in others if model in told.partition("in the catalogue;")[2]]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    for path, told in (
        (tmp_path, "that is a folder"),
        (tmp_path / "none.toml", r"cannot be read \(No such file or directory\)"),
        (Path("/dev/zero"), "that is no file"),
        (tmp_path / ("x" * 300), "cannot be read"),
        (Path("a\0b"), "cannot be read"),
        (tmp_path / "binary.toml", r"not text \(UTF-8\)"),
    ):
        with pytest.raises(FleetSpecError, match=told):
            load_fleet(path)


def test_a_file_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large.toml").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(FleetSpecError, match="more than 1,000,000 bytes"):
        load_fleet(tmp_path / "large.toml")


def test_random_faults_depend_on_seed_and_place_alone() -> None:
    def faults(seed: int, count: int) -> list[object]:
        text = f'name = "x"\nseed = {seed}\n{AXE}count = {count}\nhazard_factor = 1000.0\n'
        return [one.faults for one in plan_fleet(parse_fleet(text.encode(), where="f"), where="f")]

    assert faults(1, 5)[:3] == faults(1, 3)
    assert faults(1, 3) != faults(2, 3)
    assert any(faults(1, 3))


WRONG: tuple[object, ...] = (
    *(True, "", "text", "two\nlines", -1, 0, 10**9, 10**400, 1.5, float("nan"), float("inf"), float("-inf")),
    *(date(2021, 1, 1), [], [1], ["a"], [[]], {}, {"a": 1}),
)
WHOLE_FAULT: dict[str, object] = {"name": "hang", "at_s": 1.0, "machine": 0, "unit": 0}
WHOLE_GROUP: dict[str, object] = {
    **{"name": "rig", "machine": "Whatsminer M30S+", "count": 1, "firmware": "btminer", "variant": "VE40", "boards": 3},
    **{"chips_per_board": 156, "ambient_c": 25.0, "hazard_factor": 0.0, "faults": [WHOLE_FAULT]},
}


@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize(
    "path",
    [
        "name",
        "seed",
        "groups",
        *(f"groups[0].{key}" for key in WHOLE_GROUP),
        *(f"groups[0].faults[0].{key}" for key in WHOLE_FAULT),
    ],
)
def test_any_value_at_any_key_is_taken_or_told_in_our_words(path: str, value: object) -> None:
    """Where it is, what is there, what would be right; and nothing of what the validation library says."""
    key = path.rpartition(".")[2]
    fault = {**WHOLE_FAULT, key: value} if "faults[" in path else WHOLE_FAULT
    group = {**WHOLE_GROUP, "faults": [fault]} | ({key: value} if path.startswith("groups[") and fault is WHOLE_FAULT else {})
    table = {"name": "x", "seed": 1, "groups": [group]} | ({key: value} if "." not in path else {})
    try:
        plan_fleet(FleetSpec.model_validate(table), where="f.toml")
    except ValidationError as error:
        told = explain(error, FleetSpec)
    except FleetSpecError as error:
        told = str(error).removeprefix("f.toml: ")
    else:
        return
    assert told.startswith((f"{path}: ", f"{path}[0]: ", f"{path}.", "groups[0].faults[0].machine: ", f"{path}[0]."))
    assert "\n" not in told
    assert "nput should" not in told
    assert any(word in told for word in ("; want ", "leave it out", "known: ", "did you mean", "; of use here are ")), told
