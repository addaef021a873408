"""The whole catalogue: machines from 2014 to today, the Bitaxe family, and GPUs, with what each figure is worth.

Tables under `hw/data`, besides that of 2020 and 2021, whose machines come first and keep their figures:

- `sha256_machines.csv`: ratings of lists and of resellers' offers. Trust: as in `hw.catalogue.nameplates`, and below that
  medium-low (a calculator's list that agrees with resellers, or a catalogue of 2026 whose J/TH is CBECI's) and low (that
  catalogue alone; and watts that firmware estimates).
- `gpus.csv`: hashcat's measured speed of single SHA-256 (mode 1400) and the maker's thermal design power. A hash of a block
  header takes two such compressions once the midstate is known, so half the speed stands for it: derived, as is what follows.
  The design power is a limit, not what hashcat drew.
- `machine_layouts.csv`: boards, chips a board and fans by family, from pyasic; blank where variants differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final, Literal, cast, get_args

from hw.catalogue.nameplates import machines, read_model
from hw.catalogue.names import by_key, family, key, nearest
from hw.errors import CatalogueError, UnknownMachineError
from hw.models import MachineModel, Trust
from hw.tables import Row, read_rows
from miner.units import HASHES_PER_TH

Kind = Literal["asic", "gpu"]
Cooling = Literal["air", "hydro", "immersion"]
RateQuality = Literal["rated", "measured", "derived"]
WattQuality = Literal["rated", "target", "design limit"]
WattBoundary = Literal["wall", "input", "estimated input", "board"]

ASICS: Final = "sha256_machines.csv"
ASIC_COLUMNS: Final = (
    "maker",
    "model",
    "released",
    "released_precision",
    "hashrate_thps",
    "power_w",
    "cooling",
    "hashrate_quality",
    "power_quality",
    "power_boundary",
    "source",
    "as_of",
    "trust",
)
GPUS: Final = "gpus.csv"
GPU_COLUMNS: Final = (
    "maker",
    "model",
    "released",
    "released_precision",
    "sha256_mhps",
    "tdp_w",
    "hashcat_version",
    "source",
    "tdp_source",
    "as_of",
    "trust",
)
LAYOUTS: Final = "machine_layouts.csv"
LAYOUT_COLUMNS: Final = ("family", "boards", "chips_per_board", "fans", "chip", "source", "as_of")

COMPRESSIONS_A_HASH: Final = 2  # of a header whose first block's midstate is known: its second block, and the hash of the hash
_HPS_PER_MHPS: Final = 1_000_000  # exact, SI prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a family of machines is built; None where the source does not tell, or variants differ.

    `boards` hashboards of `chips_per_board` chips each, called `chip`, and `fans`.
    """

    boards: int | None
    chips_per_board: int | None
    fans: int | None
    chip: str | None
    source: str
    as_of: str

    @property
    def chips(self) -> int | None:
        """Chips in all, or None."""
        if self.boards is None or self.chips_per_board is None:
            return None
        return self.boards * self.chips_per_board


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """One machine of the catalogue.

    Attributes
    ----------
    machine : MachineModel
        Its ratings, with their source.
    kind : str
        "asic" or "gpu".
    cooling : str
        "air", "hydro" or "immersion".
    hashrate_quality : str
        What the hash rate is: "rated" by the maker, "measured", or "derived" (a GPU's from hashcat, a Bitaxe's from clock and
        cores).
    power_quality : str
        What the power is: "rated", "target" of a board's self test, or "design limit" of a GPU board.
    power_boundary : str
        Where the watts are: "wall" for the plug; "input" for a board's own, behind an adapter, where a sensor measures it;
        "estimated input" where there is none, and firmware adds a fixed allowance to what the regulator gives the chips
        (ESP-Miner main/power/power.c and power_offset of main/device_config.h, read 2026-11); "board" for a GPU's card.
    layout : Layout or None
        How it is built, where known.
    """

    machine: MachineModel
    kind: Kind
    cooling: Cooling
    hashrate_quality: RateQuality
    power_quality: WattQuality
    power_boundary: WattBoundary
    layout: Layout | None

    @property
    def name(self) -> str:
        """Maker and model, unique in the catalogue."""
        return self.machine.name

    @property
    def power_trust(self) -> Trust:
        """How far to trust the watts, and what follows from them: low where they are a target of what firmware only estimates.

        The rest of the row, whose trust is `machine.trust`, may be better known.
        """
        return "low" if self.power_boundary == "estimated input" else self.machine.trust


def entries(kind: Kind | None = None) -> tuple[CatalogueEntry, ...]:
    """Return the whole catalogue, or only what is of one kind: machines of 2020 and 2021 first, then others, then GPUs.

    Raises
    ------
    CatalogueError
        If a table is broken; the message names file, line and column.
    """
    return tuple(one for one in _entries() if kind is None or one.kind == kind)


def entry(name: str, fit: Callable[[CatalogueEntry], bool] | None = None) -> CatalogueEntry:
    """Return the entry called `name`; case, spaces and dashes do not count, nor does a bin's rating where there is but one bin.

    `fit` says which entries are of use to the caller: no others are suggested. One that is named is returned, fit or not.

    Raises
    ------
    UnknownMachineError
        If there is none, or several bins; the message lists the nearest names.
    """
    found = _by_name().get(key(name))
    if found is not None:
        return found
    bins = [one for one in _entries() if key(name) in {key(family(one.machine.model)), key(family(one.name))}]
    fitting = [one for one in bins if fit is None or fit(one)]
    if len(bins) == 1 or (bins and not fitting):
        return bins[0]
    if bins:
        raise UnknownMachineError(
            f"{name!r} comes in {len(fitting)} bins; name one of {', '.join(one.machine.model for one in fitting)}"
        )
    raise UnknownMachineError(f"no machine {name!r} in the catalogue; {suggestion(name, fit)}")


def suggestion(name: str, fit: Callable[[CatalogueEntry], bool] | None = None) -> str:
    """Say which entries begin like `name`, or are spelled like it, among those that `fit`."""
    known = {own: one.machine for own, one in _by_name().items() if fit is None or fit(one)}
    return nearest(name, known, else_told="it holds" if fit is None else "of use here are")


@lru_cache(maxsize=1)
def _entries() -> tuple[CatalogueEntry, ...]:
    layouts = parse_layouts(_text(LAYOUTS), where=LAYOUTS)
    old = tuple(
        CatalogueEntry(
            machine=machine,
            kind="asic",
            cooling="hydro" if "Hydro" in machine.model else "air",
            hashrate_quality="rated",
            power_quality="rated",
            power_boundary="wall",
            layout=layouts.get(family(machine.model)),
        )
        for machine in machines()
    )
    found = (*old, *parse_asics(_text(ASICS), layouts, where=ASICS), *parse_gpus(_text(GPUS), where=GPUS))
    by_key([one.machine for one in found], where="the catalogue")
    unused = layouts.keys() - {family(one.machine.model) for one in found}
    if unused:
        raise CatalogueError(f"{LAYOUTS}: no machine is a {min(unused)!r}; want the name of a family without its bin's rating")
    return found


@lru_cache(maxsize=1)
def _by_name() -> dict[str, CatalogueEntry]:
    return {own: one for one in _entries() for own in (key(one.name), key(one.machine.model))}


def parse_asics(text: str, layouts: dict[str, Layout], *, where: str) -> tuple[CatalogueEntry, ...]:
    """Return the machines of one table in CSV form; `where` names it in messages.

    `layouts` says how families are built, by family.

    Raises
    ------
    CatalogueError
        If the table is broken.
    """
    return tuple(
        CatalogueEntry(
            machine=read_model(row, hashrate_hps=row.number("hashrate_thps") * HASHES_PER_TH, power_w=row.number("power_w")),
            kind="asic",
            cooling=cast(Cooling, _word(row, "cooling", get_args(Cooling))),
            hashrate_quality=cast(RateQuality, _word(row, "hashrate_quality", get_args(RateQuality))),
            power_quality=cast(WattQuality, _word(row, "power_quality", get_args(WattQuality))),
            power_boundary=cast(WattBoundary, _word(row, "power_boundary", get_args(WattBoundary))),
            layout=layouts.get(family(row.text("model"))),
        )
        for row in read_rows(text, ASIC_COLUMNS, where=where)
    )


def parse_gpus(text: str, *, where: str) -> tuple[CatalogueEntry, ...]:
    """Return the GPUs of one table in CSV form: half of hashcat's speed, and the design power; `where` names it in messages.

    Raises
    ------
    CatalogueError
        If the table is broken.
    """
    found = []
    for row in read_rows(text, GPU_COLUMNS, where=where):
        row.required("tdp_source")
        hashrate_hps = row.number("sha256_mhps") * _HPS_PER_MHPS / COMPRESSIONS_A_HASH
        found.append(
            CatalogueEntry(
                machine=read_model(row, hashrate_hps=hashrate_hps, power_w=row.number("tdp_w")),
                kind="gpu",
                cooling="air",
                hashrate_quality="derived",
                power_quality="design limit",
                power_boundary="board",
                layout=None,
            )
        )
    return tuple(found)


def parse_layouts(text: str, *, where: str) -> dict[str, Layout]:
    """Return the layouts of one table in CSV form, by family; `where` names the table in messages.

    Raises
    ------
    CatalogueError
        If the table is broken, or a family comes twice.
    """
    found: dict[str, Layout] = {}
    for row in read_rows(text, LAYOUT_COLUMNS, where=where):
        name = row.required("family")
        if name in found:
            raise CatalogueError(f"{row.place}, family: {name!r} a second time; want one row a family")
        found[name] = Layout(
            boards=row.count("boards"),
            chips_per_board=row.count("chips_per_board"),
            fans=row.count("fans"),
            chip=row.text("chip") or None,
            source=row.required("source"),
            as_of=row.required("as_of"),
        )
    return found


def _word(row: Row, column: str, words: tuple[str, ...]) -> str:
    text = row.text(column)
    if text not in words:
        raise CatalogueError(f"{row.place}, {column}: {text!r}; want one of {', '.join(words)}")
    return text


def _text(name: str) -> str:
    return (files("hw") / "data" / name).read_text(encoding="utf-8")
